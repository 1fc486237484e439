r"""Who a connection belongs to, so that nobody takes all of them.

192.0.2.7               192.0.2.7
::ffff:192.0.2.7        192.0.2.7             the same client on a socket of both families
2001:db8:1:2:a:b:c:d    2001:db8:1:2::/64     whoever has one address of such a network has all of it

Only the address counts: whom a header such as X-Forwarded-For names, a client could choose.
"""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network, ip_address

__all__ = ["client_of"]

_ONE_CLIENT_BITS = 64


def client_of(address: str) -> str:
    """Return what one client can't change by taking another address.

    >>> client_of("::ffff:192.0.2.7"), client_of("2001:db8:1:2:a:b:c:d"), client_of("fe80::1%eth0")
    ('192.0.2.7', '2001:db8:1:2::/64', 'fe80::/64')
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((parsed, _ONE_CLIENT_BITS), strict=False))
