"""Which proxy a request goes through, from environment variables (passed in, never read here).

    http URL    http_proxy, HTTP_PROXY        HTTP_PROXY only if REQUEST_METHOD is not set: inside a
                                              CGI script, clients control it by a "Proxy:" header
                                              (CVE-2016-1000110)
    https URL   https_proxy, HTTPS_PROXY
    both        all_proxy, ALL_PROXY          if the above are not set; an empty value means no proxy
    none        no_proxy, NO_PROXY            host names and their subdomains, host:port, addresses,
                                              networks such as 10.0.0.0/8; "*" for every host

The lower-case name wins. A value without a scheme is an http proxy. SOCKS proxies are refused explicitly,
because a silent direct connection would be worse.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from transport.endpoint import Endpoint
from transport.errors import InvalidEndpoint, InvalidOption

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["proxy_variable", "select_proxy"]


def select_proxy(target: Endpoint, environment: Mapping[str, str]) -> Endpoint | None:
    """Return the proxy for a request to `target`, or None for a direct connection.

    Raises InvalidOption for a variable that names no usable proxy.
    """
    found = _configured(target.scheme, environment)
    if found is None or _bypassed(target, environment):
        return None
    variable, value = found
    try:
        proxy = Endpoint.parse(value if "://" in value else f"http://{value}")
    except InvalidEndpoint as error:
        raise InvalidOption(f"{variable} is not a valid proxy: {error}") from None
    if not proxy.is_http:
        raise InvalidOption(
            f"{variable} names a {proxy.scheme} proxy; only http and https proxies are supported"
        )
    return proxy


def proxy_variable(scheme: str, environment: Mapping[str, str]) -> str:
    """Return the name of the variable that sets the proxy for a URL scheme, for messages."""
    found = _configured(scheme, environment)
    return found[0] if found else "the environment"


def _configured(scheme: str, environment: Mapping[str, str]) -> tuple[str, str] | None:
    for name in (f"{scheme}_proxy", "all_proxy"):
        for variable in (name, name.upper()):
            if variable == "HTTP_PROXY" and "REQUEST_METHOD" in environment:
                continue
            if variable in environment:
                value = environment[variable].strip()
                return (variable, value) if value else None
    return None


def _bypassed(target: Endpoint, environment: Mapping[str, str]) -> bool:
    value = environment.get("no_proxy", environment.get("NO_PROXY", "")).strip()
    if value == "*":
        return True
    return any(_matches(target, rule.strip().lower()) for rule in value.split(",") if rule.strip())


def _matches(target: Endpoint, rule: str) -> bool:
    host = target.host.rstrip(".")
    try:
        return ip_address(host) in ip_network(rule.strip("[]"), strict=False)
    except ValueError:  # one of the two is a name
        pass
    name, colon, port = rule.rpartition(":")
    if colon and port.isdigit():
        if int(port) != target.effective_port:
            return False
        rule = name.strip("[]")
    rule = rule.removeprefix("*").strip(".")
    return bool(rule) and (host == rule or host.endswith("." + rule))
