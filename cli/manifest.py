"""A manifest: many pairs of source and target in a TOML file, in the words of the command line.

    [defaults]                       for all pairs
    tags = true
    time-limit = "10m"
    target-token-env = "BACKUP_TOKEN"

    [[pair]]
    name = "docs"                    default: the target, as it is shown
    source = "https://example.com/docs.git"
    target = "https://backup.example.org/docs.git"
    branch = ["main", "stable"]
    mode = "replicate"               sync (default), replicate, bootstrap

A key is an option of `packcore sync` without its dashes, with the option's values: true and false for
switches, a list for a repeatable option. A pair wins over the defaults, the defaults over the environment,
and that over the user's configuration file (`cli.config`), whose settings of hosts hold for pairs, too.
Credentials are the exception: of the environment only a variable named by a `…-env` key is read, so that a
token never goes to the wrong host. Relative paths start at packcore's working folder.

An error names the file, the line and the pair.
"""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from click.core import ParameterSource

from cli.command import CONFIG_KEY, GENERAL, Command, Option, option
from cli.given_secrets import add_given
from cli.nearest import did_you_mean, nearest
from cli.params import OUTPUT, policy_options, selection_options
from cli.streams import OUTPUT_KEY, Output
from cli.sync_job import sync_options
from cli.transfer import transfer_options
from cli.values import SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cli.config import Config
    from cli.sync_job import SyncJob
    from transport.fleet import SyncPair
    from transport.options import TransportOptions
    from transport.secrets import Secrets

__all__ = ["Manifest", "known_keys", "option_of", "pair_option_names"]

_FILE_BYTES_MAX = 32 * 1024 * 1024
_CREDENTIALS = re.compile(r"(source|target)-(token|username|bearer-token|header)\Z")
_PUSH_OPTION = "push-option"
_ENV = "-env"
_SIDES = {"source": "source_url", "target": "target_url"}
_NAME = "name"


class _Asked(NamedTuple):
    """What the table of a pair asks for, its name and places aside."""

    job: SyncJob
    mode: str
    time_limit: float | None


@sync_options(
    option("--name", hidden=True),
    option("--mode", type=click.Choice(["sync", "replicate", "bootstrap"]), default="sync"),
    option("--time-limit", type=SECONDS),
    policy=policy_options,
    transfer=transfer_options,
    selection=selection_options,
)
def _pair(*, job: SyncJob, name: str | None, mode: str, time_limit: float | None) -> _Asked:  # noqa: ARG001 - see `_make`
    return _Asked(job, mode, time_limit)


_OWN = {
    "name": "What the pair is called in what is printed. Default: the target.",
    "mode": "sync, replicate or bootstrap. Default: sync.",
    "time-limit": "Seconds, or 10m, after which the pair is given up.",
}


def _key_of(parameter: click.Parameter) -> str | None:
    """Return the key of an option in a manifest, or None where it has none."""
    if not isinstance(parameter, Option) or parameter.section == OUTPUT:
        return None
    key = next(name for name in parameter.opts if name.startswith("--"))[2:]
    if parameter.section == GENERAL or parameter.hidden:
        return key if key in _OWN else None
    return key


class _TableCommand(Command):
    """A command whose words were parsed before: its context's `obj` has them, by parameter."""

    def make_parser(self, ctx: click.Context) -> Any:
        """Return a parser that hands them over."""
        parser = super().make_parser(ctx)
        parser.parse_args = lambda args: (dict(ctx.obj), args, [])  # type: ignore[method-assign]
        return parser


_COMMAND = _TableCommand("pair", params=[*reversed(_pair.__click_params__)], callback=_pair)  # type: ignore[attr-defined]
_OPTIONS = {key: parameter for parameter in _COMMAND.params if (key := _key_of(parameter)) is not None}
_KEYS = (
    *_SIDES,
    *_OPTIONS,
    *(key + _ENV for key in _OPTIONS if _CREDENTIALS.match(key)),
)


def known_keys() -> list[tuple[str, str]]:
    """Return every key that a pair or the defaults may have, with what it means."""
    return sorted((key, _meaning(key)) for key in _KEYS)


def option_of(key: str) -> Option | None:
    """Return the option of a key, or None for a key that has none."""
    found = _OPTIONS.get(key)
    return found if isinstance(found, Option) else None


def _meaning(key: str) -> str:
    if key in _SIDES:
        return f"The repository that is the {key}."
    if key.endswith(_ENV) and key not in _OPTIONS:
        return f"The environment variable that holds {key.removesuffix(_ENV)}."
    option = _OPTIONS[key]
    assert isinstance(option, Option)
    words = option.help or _OWN.get(key, "") or (f"As {option.twin_of[2:]}." if option.twin_of else "")
    return words.partition(". ")[0].removesuffix(".") + "."


def pair_option_names() -> frozenset[str]:
    """Return the parameters of the command line that belong into the file, where there is one."""
    return frozenset(str(parameter.name) for key, parameter in _OPTIONS.items() if key not in _OWN)


class Manifest:
    """A manifest that was read. Raises UsageError for whatever is wrong with it."""

    def __init__(
        self,
        name: str,
        environment: Mapping[str, str] | None = None,
        *,
        config: Config | None = None,
        secrets: Secrets | None = None,
    ) -> None:
        """`config` is the user's configuration file.

        `secrets` learns every credential of the file, and what each pair's run finds in this process.
        """
        self._config = config
        self._name = name
        self._known: dict[str, _Asked] = {}
        """What tables ask for, by their settings."""
        self._output = Output(None if secrets is None else lambda: secrets)
        self._environment = os.environ if environment is None else environment
        self._text = self._read()
        table = self._parsed()
        self._check_keys(table, ("defaults", "pair"), "", 0)
        self._defaults = self._table(table.get("defaults", {}), "[defaults]", 0)
        pairs = table.get("pair", [])
        if not isinstance(pairs, list) or not pairs:
            raise self._error("no [[pair]] is in it", 0)
        self._tables = [self._table(pair, f"pair {number}", number) for number, pair in enumerate(pairs, 1)]

    def pairs(self, job: SyncJob) -> list[SyncPair]:
        """Return the pairs; `job` says what each reports and saves."""
        made: dict[str, SyncPair] = {}
        for number, table in enumerate(self._tables, 1):
            pair = self._make(number, {**self._defaults_for(table), **table}, job)
            if pair.name in made:
                raise self._error(f"two pairs are called {pair.name}: give one another name", number, "name")
            made[pair.name] = pair
        return list(made.values())

    # -- the file ------------------------------------------------------------------------------------

    def _read(self) -> str:
        with Path(self._name).open("rb") as file:
            data = file.read(_FILE_BYTES_MAX + 1)
        if len(data) > _FILE_BYTES_MAX:
            raise click.UsageError(f"{self._name}: too large for a manifest")
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise click.UsageError(f"{self._name}: a manifest is UTF-8 text") from None

    def _parsed(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self._text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise click.UsageError(f"{self._name}: not TOML: {error}") from None

    def _table(self, table: Any, where: str, number: int) -> dict[str, Any]:
        if not isinstance(table, dict):
            raise self._error(f"{where} must be a table", number)
        self._check_keys(table, _KEYS, f"{where}: ", number)
        for key in table:
            if key.endswith(_ENV) and key.removesuffix(_ENV) in table:
                raise self._error(
                    f"{where}: {key} and {key.removesuffix(_ENV)} exclude each other", number, key
                )
        return table

    def _check_keys(self, table: Mapping[str, Any], known: Iterable[str], where: str, number: int) -> None:
        for key in table:
            if key not in known:
                spelled = key.replace("_", "-")
                advice = did_you_mean([spelled] if spelled in known else nearest(spelled, known, count=1))
                raise self._error(f"{where}unknown key {key}{advice}", number, key)

    def _error(self, words: str, number: int, key: str = "") -> click.UsageError:
        """Return an error that names the line, as far as a search in the text finds it."""
        line = _line_of(self._text, number, key)
        return click.UsageError(f"{self._name}{f':{line}' if line else ''}: {words}")

    # -- one pair ------------------------------------------------------------------------------------

    def _defaults_for(self, table: Mapping[str, Any]) -> dict[str, Any]:
        """Return the defaults, but for credentials that the pair has in the other form."""
        replaced = {key.removesuffix(_ENV) if key.endswith(_ENV) else key + _ENV for key in table}
        return {key: value for key, value in self._defaults.items() if key not in replaced}

    def _make(self, number: int, table: dict[str, Any], job: SyncJob) -> SyncPair:
        from packcore.errors import PackcoreError
        from transport.endpoint import Endpoint, shown
        from transport.fleet import SyncPair
        from transport.secrets import Secrets

        where = f"pair {table.get('name', number)}"
        try:
            for side in _SIDES:
                if not isinstance(table.get(side), str):
                    raise click.UsageError(f"{side} is missing, or no text")
                endpoint = Endpoint.parse(table[side])
                self._output.secrets.add_url(endpoint.user, endpoint.password)
            name = self._given(_NAME, _OPTIONS[_NAME], table).get(_NAME)
            asked, mode, time_limit = self._asked(table)
            asked = asked._replace(reporting=job.reporting, dry_run=asked.dry_run or job.dry_run)
            request = asked.request(mode=mode)
            if request.selection.jobs is None:  # pairs run side by side
                request = replace(request, selection=replace(request.selection, jobs=1))
            # What the source is sent must not be shown by the target either.
            secrets = Secrets(self._output.secrets)
            return SyncPair(
                name or shown(table["target"]),
                table["source"],
                table["target"],
                request,
                # What only the worker's own machine knows is filled in there.
                _own_options("source", asked.network.source, table, secrets),
                _own_options("target", asked.network.target, table, secrets),
                time_limit,
            )
        except click.UsageError as error:
            raise self._error(f"{where}: {error.format_message()}", number) from None
        except PackcoreError as error:
            raise self._error(f"{where}: {error}", number) from None

    def _asked(self, table: Mapping[str, Any]) -> _Asked:
        """Return what a table asks for. Tables that differ in names and places alone are parsed once.

        A pair takes click more time than a sync that finds nothing to do.
        """
        if self._config is not None and self._config.hosts:
            return self._invoke(table)  # where a repository is counts, too
        settings = repr(sorted(item for item in table.items() if item[0] not in (*_SIDES, _NAME)))
        if settings not in self._known:
            self._known[settings] = self._invoke(table)
        return self._known[settings]

    def _invoke(self, table: Mapping[str, Any]) -> _Asked:
        """Let click make of the table what it makes of a command line."""
        given: dict[str, Any] = {"source_url": table["source"], "target_url": table["target"]}
        for key, parameter in _OPTIONS.items():
            given |= self._given(key, parameter, table)
        defaults = None if self._config is None else self._config.defaults
        with _COMMAND.make_context("pair", [], obj=given, default_map=defaults) as context:
            context.meta[CONFIG_KEY] = self._config
            context.meta[OUTPUT_KEY] = self._output  # whose secrets are the parents of each side's
            for key, parameter in _OPTIONS.items():
                if _CREDENTIALS.match(key) and parameter.name not in given:
                    context.params[str(parameter.name)] = () if parameter.multiple else None
                    context.set_parameter_source(str(parameter.name), ParameterSource.DEFAULT)
            asked: _Asked = _COMMAND.invoke(context)
            return asked

    def _given(self, key: str, parameter: click.Parameter, table: Mapping[str, Any]) -> dict[str, Any]:
        if key + _ENV in table:
            value: Any = self._from_environment(key + _ENV, table[key + _ENV])
        elif key in table:
            value = table[key]
        else:
            return {}
        value = _checked(key, value, parameter)
        if _CREDENTIALS.match(key):
            for word in value if isinstance(value, list) else [value]:
                # Before anything can go wrong: an error may quote it.
                add_given(self._output.secrets, key.partition("-")[2], word)
        if key == _PUSH_OPTION:
            for word in value if isinstance(value, list) else [value]:
                self._output.secrets.add_push_option(word)
        return {str(parameter.name): value}

    def _from_environment(self, key: str, variable: Any) -> str:
        if not isinstance(variable, str) or not variable:
            raise click.UsageError(f"{key} must name an environment variable")
        value = self._environment.get(variable)
        if not value:
            raise click.UsageError(f"the environment variable {variable}, which {key} names, is not set")
        return value


def _own_options(
    side: str, options: TransportOptions, table: Mapping[str, Any], secrets: Secrets
) -> TransportOptions:
    """Return one side's options, with the words of manifests in its messages."""
    return replace(
        options,
        environment={},
        trace=None,
        given_by={**options.given_by, **_given_by(side, table)},
        secrets=secrets,
        credential_words=f"{side}-token-env in the manifest",
    )


def _given_by(side: str, table: Mapping[str, Any]) -> dict[str, str]:
    """Return the key or the variable that each credential of a side came from: for messages."""
    origins = {}
    for key in table:
        if _CREDENTIALS.match(key.removesuffix(_ENV)) and key.startswith(side):
            name = key.removesuffix(_ENV).removeprefix(f"{side}-").replace("-", "_")
            field = "headers" if name == "header" else name
            origins[field] = f"{table[key]}, which {key} names" if key.endswith(_ENV) else key
    return origins


def _checked(key: str, value: Any, parameter: click.Parameter) -> Any:
    """Return a value of TOML as click takes it from a command line. It is not quoted: it may be secret."""
    assert isinstance(parameter, Option)
    if parameter.is_flag:
        if not isinstance(value, bool):
            raise click.UsageError(f"{key} must be true or false")
        return value
    values = value if isinstance(value, list) and parameter.multiple else [value]
    for item in values:
        if isinstance(item, bool) or not isinstance(item, str | int | float):
            raise click.UsageError(
                f"{key} must be text or a number{', or a list of them' if parameter.multiple else ''}"
            )
    words = [str(item) for item in values]
    return words if parameter.multiple else words[0]


def _line_of(text: str, number: int, key: str) -> int | None:
    """Return the line of a key in the pair of that number (0: before and between them), or of the pair."""
    pair, found = 0, None
    in_pair = False
    for line_number, line in enumerate(text.splitlines(), 1):
        if re.match(r"\s*\[", line):
            in_pair = bool(re.match(r"\s*\[\[\s*pair\s*\]\]", line))
            pair += in_pair
            if in_pair and pair == number:
                found = line_number
            if key and not number and re.match(rf"\s*\[+\s*{re.escape(key)}\s*\]", line):
                return line_number
        here = (in_pair and pair == number) if number else not in_pair
        if key and here and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
            return line_number
    return found
