"""The user's configuration file: defaults for options, and settings of hosts. It holds no secret.

    $XDG_CONFIG_HOME/packcore/packcore.toml       (~/.config/…), or what --config or PACKCORE_CONFIG name

    [defaults]                                    options without dashes, for all commands that have them
    tags = true
    jobs = 4

    [host."https://git.example.com/team/"]        a URL, or the beginning of one, as in git's http.<url>.*
    username = "me"
    token-env = "EXAMPLE_TOKEN"                   a credential by reference: an environment variable,
    # token-file = "~/.secrets/example"           the first line of a file,
    # token-helper = "pass show git/example"      or of what a program prints (no shell reads it)
    ca-bundle = "/etc/ssl/example.pem"

What is typed outranks the environment, that the file, and that what is built in. Of several hosts that fit,
the one with the longest path counts, for each key. What deletes, forces or trusts anything is no default.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.nearest import did_you_mean, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from transport.endpoint import Endpoint

__all__ = ["Config", "Setting"]

_BYTES_MAX = 1 << 20
_SECRETS = ("token", "bearer-token", "header")
_REFERENCES = ("env", "file", "helper")
_PLAIN = {
    "username": str,
    "ca-bundle": str,
    "insecure-skip-tls-verify": bool,
    "follow-info-refs-redirect": bool,
}
_HOST_KEYS = (*_PLAIN, *(f"{name}-{way}" for name in _SECRETS for way in _REFERENCES))
_NO_DEFAULT = re.compile(
    r"(?:source|target)-|(?:prune|force-with-lease|force-blind|allow-insecure-auth|map|name|mode|manifest)\Z"
)
_SECRET = re.compile(r"(?:source-|target-)?(?:token|bearer-token|header|password|secret|access-token)\Z")
"""Keys that would hold a secret by value, whatever they are called elsewhere."""
_HELPER_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Setting:
    """A value for one side, and where it is from, for messages."""

    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class _Host:
    name: str
    place: Endpoint
    settings: dict[str, Any]

    def fits(self, endpoint: Endpoint) -> bool:
        """Tell whether an endpoint is this host's, and below its path."""
        if (self.place.scheme, self.place.effective_port) != (endpoint.scheme, endpoint.effective_port):
            return False
        if self.place.user and self.place.user != endpoint.user:
            return False
        own = self.place.host
        if (
            own.startswith("*.")
            and "." not in endpoint.host.removesuffix(own[1:])
            and (endpoint.host.endswith(own[1:]))
        ):
            own = endpoint.host
        path = self.place.path.rstrip("/")
        below = endpoint.path == path or endpoint.path.startswith(f"{path}/") or not path
        return own == endpoint.host and below


@dataclass(frozen=True, slots=True)
class Config:
    """A file that was read and checked; empty if there is no file."""

    path: str = ""
    defaults: dict[str, Any] = field(default_factory=dict)
    """Values by the names of parameters."""
    hosts: tuple[_Host, ...] = ()
    _found: dict[tuple[str, str], str] = field(default_factory=dict, repr=False, compare=False)
    """What references came to: a helper is not run for each pair of a manifest."""

    @classmethod
    def read(cls, path: str, option_of: Callable[[str], click.Option | None], keys: Sequence[str]) -> Config:
        """Read a file; `option_of` knows the option of a key, `keys` are all there are.

        Raises UsageError for what is wrong with it, and OSError.
        """
        import tomllib

        with Path(path).open("rb") as file:
            data = file.read(_BYTES_MAX + 1)
        try:
            text = data.decode()
            table = tomllib.loads(text)
        except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
            raise click.UsageError(f"{path}: not TOML: {error}") from None
        if len(data) > _BYTES_MAX:
            raise click.UsageError(f"{path}: too large for a configuration file")
        return _Reader(path, text, option_of, keys).config(table)

    def setting(self, endpoint: str | None, key: str, environment: Mapping[str, str]) -> Setting | None:
        """Return what the file has for one side of a run: a value, or what a reference comes to."""
        from transport.endpoint import Endpoint
        from transport.errors import InvalidEndpoint

        if endpoint is None or not self.hosts:
            return None
        try:
            place = Endpoint.parse(endpoint)
        except InvalidEndpoint:
            return None  # the caller that opens it reports that
        for host in self.hosts:
            if not host.fits(place):
                continue
            if key in host.settings:
                return Setting(host.settings[key], f'{key} of [host."{host.name}"] in {self.path}')
            for way in _REFERENCES:
                name = f"{key}-{way}"
                if name in host.settings:
                    origin = f'{name} of [host."{host.name}"] in {self.path}'
                    word = host.settings[name]
                    if (way, word) not in self._found:
                        self._found[way, word] = _resolved(way, word, origin, environment)
                    return Setting(self._found[way, word], origin)
        return None


def _resolved(way: str, word: str, origin: str, environment: Mapping[str, str]) -> str:
    """Return the credential that a reference names. No message repeats it."""
    if way == "env":
        value = environment.get(word, "")
        missing = f"the environment variable {word} is not set"
    elif way == "file":
        path = Path(word).expanduser()
        try:
            value = path.read_text(encoding="utf-8").partition("\n")[0]
        except (OSError, UnicodeDecodeError) as error:
            raise click.UsageError(f"{origin}: {path}: {getattr(error, 'strerror', 'not UTF-8')}") from None
        missing = f"{path} has no first line"
    else:
        import subprocess

        try:
            done = subprocess.run(
                shlex.split(word),
                stdout=subprocess.PIPE,
                stdin=subprocess.DEVNULL,
                timeout=_HELPER_SECONDS,
                check=False,
                text=True,
            )
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise click.UsageError(f"{origin}: the program can't be run: {reason}") from None
        value = "" if done.returncode else done.stdout.partition("\n")[0]
        missing = f"the program printed nothing, and ended with exit code {done.returncode}"
    if not value.strip():
        raise click.UsageError(f"{origin}: {missing}")
    return value.strip()


class _Reader:
    """Checks the tables of one file."""

    def __init__(
        self, path: str, text: str, option_of: Callable[[str], click.Option | None], keys: Sequence[str]
    ) -> None:
        self._path, self._text = path, text
        self._option_of = option_of
        self._keys = [key for key in keys if not _NO_DEFAULT.match(key)]

    def config(self, table: dict[str, Any]) -> Config:
        for key in table:
            if key not in ("defaults", "host"):
                close = did_you_mean(nearest(key, ("defaults", "host")))
                raise self._error("", key, f"unknown key {key}{close}")
        defaults = self._defaults(self._table(table.get("defaults", {}), "defaults"))
        hosts = [
            self._host(name, settings)
            for name, settings in self._table(table.get("host", {}), "host").items()
        ]
        hosts.sort(key=lambda host: (-len(host.place.path.rstrip("/")), host.place.user is None))
        return Config(self._path, defaults, tuple(hosts))

    def _defaults(self, table: dict[str, Any]) -> dict[str, Any]:
        found = {}
        for key, value in table.items():
            option = self._option_of(key)
            if option is None or _NO_DEFAULT.match(key):
                raise self._error("defaults", key, self._why_no_default(key))
            if option.is_flag and not isinstance(value, bool):
                raise self._error("defaults", key, f"{key} must be true or false")
            values = value if isinstance(value, list) else [value]
            if any(not isinstance(one, str | int | float) for one in values) or (
                isinstance(value, list) and not option.multiple
            ):
                raise self._error("defaults", key, f"{key} must be text, a number, true or false")
            found[str(option.name)] = values if option.multiple else value
        return found

    def _why_no_default(self, key: str) -> str:
        spelled = key.replace("_", "-")
        own = spelled.removeprefix("source-").removeprefix("target-")
        if _SECRET.match(spelled):
            return f'{key} {_named_by(own)}, in the [host."https://..."] of its host'
        if own in _HOST_KEYS and (own != spelled or self._option_of(spelled) is None):
            return f'{key} belongs to one host: write {own} below [host."https://..."]'
        if self._option_of(spelled) is not None and _NO_DEFAULT.match(spelled):
            return f"{key} can't be a default: it belongs to one run, or to one host"
        near = [spelled] if spelled in self._keys else nearest(spelled, self._keys)
        return f"unknown key {key}{did_you_mean(near)}"

    def _host(self, name: str, settings: Any) -> _Host:
        from transport.endpoint import Endpoint
        from transport.errors import InvalidEndpoint

        where = f'host."{name}"'
        try:
            place = Endpoint.parse(name)
        except InvalidEndpoint as error:
            raise self._error("host", name, f"[{where}]: {error}") from None
        if not place.is_http or place.password:
            raise self._error(
                "host", name, f"[{where}] must name an https:// or http:// URL, without a password"
            )
        for key, value in self._table(settings, where).items():
            if key not in _HOST_KEYS:
                raise self._error(where, key, _why_no_host_key(key))
            kind = _PLAIN.get(key, str)
            if not isinstance(value, kind) or value == "":
                what = "true or false" if kind is bool else "text"
                raise self._error(where, key, f"{key} must be {what}")
        return _Host(name, place, settings)

    def _table(self, table: Any, where: str) -> dict[str, Any]:
        if not isinstance(table, dict):
            raise self._error("", where, f"[{where}] must be a table")
        return table

    def _error(self, section: str, key: str, words: str) -> click.UsageError:
        """Return an error that names the line, as far as a search finds it. Values are not repeated."""
        inside = not section
        for number, line in enumerate(self._text.splitlines(), 1):
            if line.lstrip().startswith("["):
                inside = line.strip().strip("[] ").startswith(section)
                if key in line and not line.partition("=")[1]:
                    return click.UsageError(f"{self._path}:{number}: {words}")
            if inside and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
                return click.UsageError(f"{self._path}:{number}: {words}")
        return click.UsageError(f"{self._path}: {words}")


def _why_no_host_key(key: str) -> str:
    """Return what to say of a key that a host doesn't have."""
    spelled = key.replace("_", "-")
    own = spelled.removeprefix("source-").removeprefix("target-")
    if _SECRET.match(spelled):
        return f"{key} {_named_by(own)}"
    near = [own] if own in _HOST_KEYS else nearest(own, _HOST_KEYS)
    near = near or [known for known in _HOST_KEYS if known.startswith(own)]
    return f"unknown key {key}{did_you_mean(near)}"


def _named_by(key: str) -> str:
    """Return what to say of a key that would hold a secret."""
    name = key if key in _SECRETS else "token"
    ways = " or ".join(f"{name}-{way}" for way in _REFERENCES)
    return f"is a secret, not to be kept here: name it by {ways}"
