"""How each side is reached: its endpoint, credentials, trust, patience, protocol.

    endpoint_arguments(…)   SOURCE, TARGET: two words, or git-sync's --source-url, --target-url
    transport_options(…)    NetworkOptions: one TransportOptions for each side
    protocol_option         what to speak with the source

No secret has a default or appears in a message. PACKCORE_HTTP_TRACE or GITSYNC_HTTP_TRACE turns on the HTTP
trace, which goes to stderr, above the live line if there is one.
"""

from __future__ import annotations

import os
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click
from click.core import ParameterSource

from cli import completion
from cli.command import CONFIG_KEY, group, option
from cli.console import CONSOLE_KEY, Console
from cli.given_secrets import add_given
from cli.streams import Output
from cli.values import HEADER, SECONDS, is_true

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.config import Config
    from transport.options import TransportOptions

__all__ = ["NetworkOptions", "endpoint_arguments", "protocol_option", "transport_options"]

FunctionT = TypeVar("FunctionT", bound="Callable[..., Any]")

_CREDENTIAL_FIELDS = {
    "token": "token",
    "username": "username",
    "bearer_token": "bearer_token",
    "header": "headers",
}
"""Options of a side to fields of TransportOptions."""

NETWORK = "Network"
BOTH_SIDES = "Each side (--source-…, and the same as --target-…)"
ONE_SIDE = "The source"


class NetworkOptions(NamedTuple):
    """One value for each side; for commands without a target both are the source's."""

    source: TransportOptions
    target: TransportOptions


def _side_options(side: str, twins: bool) -> list[Callable[[Any], Any]]:
    """Return the options of one side; the target's are listed together with the source's."""
    section = BOTH_SIDES if twins else ONE_SIDE

    def side_option(name: str, **settings: Any) -> Callable[[Any], Any]:
        variable = f"GITSYNC_{side}_{name}".upper().replace("-", "_")
        if settings.pop("in_git_sync", True):
            settings["gitsync"] = (variable,)
        if side == "target":
            settings["twin_of"] = f"--source-{name}"
        names = settings.pop("names", (f"--{side}-{name}",))
        return option(*names, section=section, **settings)

    return [
        side_option("token", metavar="TEXT", help="Token or password for basic authentication."),
        side_option("username", metavar="NAME", help="User name for basic authentication."),
        side_option("bearer-token", metavar="TEXT", help="Use this bearer token instead."),
        side_option(
            "header",
            type=HEADER,
            multiple=True,
            metavar="'NAME: VALUE'",
            in_git_sync=False,
            help="Send this header too; repeatable.",
        ),
        side_option(
            "ca-bundle",
            type=click.Path(),
            metavar="FILE",
            in_git_sync=False,
            help="Trust the CA certificates in FILE.",
        ),
        side_option("insecure-skip-tls-verify", is_flag=True, help="Trust any certificate."),
        side_option(
            "follow-info-refs-redirect",
            names=(f"--{side}-follow-info-refs-redirect/--{side}-no-follow-info-refs-redirect",),
            default=True,
            help=f"Follow a redirect of the first request (default; --{side}-no-… turns it off).",
        ),
    ]


_NETWORK = (
    option(
        "--connect-timeout", type=SECONDS, default=30.0, section=NETWORK, metavar="S", help="Default: 30."
    ),
    option(
        "--idle-timeout",
        type=SECONDS,
        default=120.0,
        section=NETWORK,
        metavar="S",
        help="Give up after S seconds without a byte in either direction. Default: 120.",
    ),
    option(
        "--stall-timeout",
        type=SECONDS,
        default=1800.0,
        section=NETWORK,
        metavar="S",
        help="Give up after S seconds without refs, pack data or progress, even if bytes arrive. "
        "Default: 1800.",
    ),
    option(
        "--max-refs",
        type=click.IntRange(min=1),
        default=250_000,
        section=NETWORK,
        metavar="N",
        help="Refuse a remote that lists more than N refs. Default: 250000.",
    ),
    option(
        "--retries",
        type=click.IntRange(0, 100),
        default=0,
        section=NETWORK,
        metavar="N",
        help="Retry a failed first request N times. Default: 0.",
    ),
    option(
        "--allow-insecure-auth",
        is_flag=True,
        section=NETWORK,
        help="Allow credentials over plain http to other machines.",
    ),
)

protocol_option = option(
    "--protocol",
    type=click.Choice(["auto", "v0", "v1", "v2"]),
    default="auto",
    section=NETWORK,
    gitsync=("GITSYNC_PROTOCOL",),
    help="Protocol version with the source. Default: auto.",
)


def transport_options(*, target: bool) -> Callable[[FunctionT], FunctionT]:
    """Add authentication, TLS and timeouts of the source, and of the target if there is one."""
    sides = _side_options("source", target) + (_side_options("target", True) if target else [])
    return group("network", _network, *sides, *_NETWORK)


def _network(**values: Any) -> NetworkOptions:
    from transport.secrets import Secrets

    shared = {
        name: values[name]
        for name in (
            "connect_timeout",
            "idle_timeout",
            "stall_timeout",
            "max_refs",
            "retries",
            "allow_insecure_auth",
        )
    }
    # One for both sides: what the source is sent must not be shown by the target either.
    shared["secrets"] = Secrets(Output.of_run().secrets)
    target = _side("target", values, shared) if "target_token" in values else _side("source", values, shared)
    return NetworkOptions(_side("source", values, shared), target)


def _side(side: str, values: dict[str, Any], shared: dict[str, Any]) -> TransportOptions:
    from transport.options import TransportOptions

    own = {name.removeprefix(f"{side}_"): value for name, value in values.items() if name.startswith(side)}
    given_by = _given_by(side)
    _add_configured(side, own, given_by)
    return TransportOptions(
        side=side,
        given_by=given_by,
        token=own["token"],
        username=own["username"],
        bearer_token=own["bearer_token"],
        headers=tuple(own["header"]),
        ca_bundle=own["ca_bundle"],
        insecure_skip_tls_verify=own["insecure_skip_tls_verify"],
        follow_redirects=own["follow_info_refs_redirect"],
        environment=os.environ,
        trace=_trace_of(side),
        **shared,
    )


def _add_configured(side: str, own: dict[str, Any], given_by: dict[str, str]) -> None:
    """Fill in the configuration file's settings for a side's host, unless the command line has them."""
    context = click.get_current_context()
    config: Config | None = context.find_root().meta.get(CONFIG_KEY)
    if config is None or not config.hosts:
        return
    endpoint = _typed_endpoints(context)[side == "target"]
    given = {name for name in own if _source_of(context, f"{side}_{name}") in _SAID}
    # A credential that the user gave is the only one to send: the file's token is not added to it.
    credentials = given & {"token", "bearer_token", "header"}
    for name in own:
        if name in given or (credentials and name in ("token", "bearer_token", "header")):
            continue
        found = config.setting(endpoint, name.replace("_", "-"), os.environ)
        if found is None:
            continue
        own[name] = found.value
        if name == "header":
            own[name] = (HEADER.convert(found.value, None, context),)
        if (field := _CREDENTIAL_FIELDS.get(name)) is not None:
            add_given(Output.of_run().secrets, name.replace("_", "-"), found.value)
            given_by[field] = found.origin


_SAID = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)


def _source_of(context: click.Context, name: str) -> ParameterSource | None:
    return context.get_parameter_source(name)


def _typed_endpoints(context: click.Context) -> tuple[str | None, str | None]:
    """Return SOURCE and TARGET from the command line."""
    params = context.params
    words = list(params.get("endpoints") or ())
    if "url" in params:
        words = [params["url"]]
    if context.command.name == "push" and len(words) == 1:
        words.insert(0, ".")
    named = [params.get("source_url"), params.get("target_url")]
    for index in (0, 1):
        if named[index] is None and words:
            named[index] = words.pop(0)
    return named[0], named[1]


def _given_by(side: str) -> dict[str, str]:
    """Return the option or variable of each credential of a side, for messages."""
    context = click.get_current_context()
    origins = {}
    for parameter in context.command.params:
        name = str(parameter.name).removeprefix(f"{side}_")
        field = _CREDENTIAL_FIELDS.get(name)
        if field is None or not str(parameter.name).startswith(side):
            continue
        source = context.get_parameter_source(str(parameter.name))
        if source is ParameterSource.ENVIRONMENT:
            variables = [parameter.envvar] if isinstance(parameter.envvar, str) else parameter.envvar or ()
            origins[field] = next((each for each in variables if os.environ.get(each)), variables[0])
        elif source is ParameterSource.COMMANDLINE:
            origins[field] = parameter.opts[0]
    return origins


def _trace_of(side: str) -> Callable[[str], None] | None:
    """Return where to trace requests, if PACKCORE_HTTP_TRACE or GITSYNC_HTTP_TRACE is set."""
    wanted = os.environ.get("PACKCORE_HTTP_TRACE") or os.environ.get("GITSYNC_HTTP_TRACE")
    if not is_true(wanted):
        return None
    context, output = click.get_current_context(), Output.of_run()

    def trace(line: str) -> None:
        console = context.meta.get(CONSOLE_KEY)
        text = f"[http {side}] {line}"
        if isinstance(console, Console):
            console.trace(text)
        else:
            output.err(text)

    return trace


def endpoint_arguments(
    *, target: bool | None, unless: str | None = None, source: str | None = None
) -> Callable[[FunctionT], FunctionT]:
    """Add SOURCE, and TARGET (None: optional) - as arguments, or as git-sync's --source-url, --target-url.

    Where the option `unless` is given, there must be none of them, and both are empty. `source` is what
    SOURCE is where a single word is given; the two are called DIR and URL then.
    """

    def decorate(function: FunctionT) -> FunctionT:
        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            words = list(kwargs.pop("endpoints"))
            named = [kwargs.pop("source_url"), kwargs.pop("target_url", None)]
            if unless is not None and kwargs[unless] is not None:
                if words or any(named):
                    raise click.UsageError(f"--{unless} names its own sources and targets")
                named = ["", ""]
            wanted = ["SOURCE"] if target is False else ["SOURCE", "TARGET"]
            if source is not None:
                wanted = ["DIR", "URL"]
                if named[0] is None and len(words) == 1 and named[1] is None:
                    named[0] = source
            for index in range(len(wanted)):
                if named[index] is None and words:
                    named[index] = words.pop(0)
            if words:
                given = f"{' and '.join(wanted)} {'is' if len(wanted) == 1 else 'are'} already given"
                raise click.UsageError(f"too many arguments: {given}")
            missing = [name for name, value in zip(wanted, named, strict=False) if value is None]
            if missing and not (target is None and missing == ["TARGET"]):
                # What has a default is not what is missing.
                raise click.UsageError(f"missing argument {missing[0 if source is None else -1]}")
            kwargs["source"] = named[0]
            if target is not False:
                kwargs["target"] = named[1]
            return function(*args, **kwargs)

        shown = "SOURCE" if target is False else "SOURCE TARGET" if target else "SOURCE [TARGET]"
        if source is not None:
            shown = "[DIR] URL"
        decorated: Any = option("--source-url", hidden=True, gitsync=())(call)
        if target is not False:
            decorated = option("--target-url", hidden=True, gitsync=())(decorated)
        words = click.argument("endpoints", nargs=-1, metavar=shown, shell_complete=completion.endpoints)
        return words(decorated)  # type: ignore[no-any-return]

    return decorate
