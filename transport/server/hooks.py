"""A repository's hooks around a push, run only where the server was told to run them.

    pre-receive            before anything changes; all refs: its refusal is every ref's
    proc-receive           the objects are in place; receive.procReceiveRefs: `server.proc_receive_hook`
    update                 the other refs, one by one: `update REF OLD NEW`
    reference-transaction  `prepared` before a change, then `committed` or `aborted`
    post-receive           after the report; the refs that changed
    post-update            the same, as arguments

    GIT_DIR                            ".", where they run
    GIT_NAMESPACE                      the ref namespace, where there is one: hooks see its names, but
                                       reference-transaction the full ones
    GIT_PUSH_OPTION_COUNT, …_0, …      pre-receive, post-receive: if the client sent push options
    GIT_PUSH_CERT, GIT_PUSH_CERT_…     the same, if the push is signed: `server.signatures`
    GIT_QUARANTINE_PATH,               pre-receive: the new objects are in a folder of their own
    GIT_OBJECT_DIRECTORY,
    GIT_ALTERNATE_OBJECT_DIRECTORIES

They are in `hooks` of the repository or where its core.hooksPath says. One that isn't executable isn't there.
Specified in githooks and git-receive-pack. Two things differ from git: what the rules of the repository
refuse, pre-receive isn't asked about; and a change that reference-transaction aborts refuses its ref alone.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packcore.errors import RepositoryError
from packcore.objects import ObjectType
from packcore.store.temporaries import temporary_folder
from transport.agent import OWN_VARIABLES
from transport.home_paths import expand_home
from transport.server.hook_process import run_hook, talk_to_hook
from transport.server.namespaces import full_ref_name, namespace_of
from transport.server.proc_receive_hook import Answer, ask, really_changed
from transport.wire.receive_pack import RefUpdate

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from packcore.store.repository import Repository
    from packcore.store.spool import SpooledPack
    from transport.server.proc_receive_hook import RefReport
    from transport.server.push_certificate import CertificateNonces, PushCertificate

__all__ = ["HookSettings", "Hooks"]

_DROPPED = (*OWN_VARIABLES, "GIT_PUSH_OPTION_", "GIT_PUSH_CERT")
"""Variables that begin so are this program's own, and may hold secrets, or are another push's."""
_OF_A_REPOSITORY = frozenset(
    (
        *("GIT_DIR", "GIT_COMMON_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_NAMESPACE"),
        *("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH"),
        *("GIT_SHALLOW_FILE", "GIT_GRAFT_FILE", "GIT_REPLACE_REF_BASE", "GIT_IMPLICIT_WORK_TREE"),
    )
)


@dataclass(frozen=True, slots=True)
class HookSettings:
    """How hooks are run."""

    seconds: float = 300
    """For one run."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """The variables of this process."""
    of_client: Mapping[str, str] = field(default_factory=dict)
    """What a hook is told of the pusher."""


class Hooks:
    """The hooks of one repository for one push."""

    def __init__(
        self,
        repository: Repository,
        settings: HookSettings,
        push_options: Sequence[str] | None,
        say: Callable[[str], None],
    ) -> None:
        """`push_options` None: the client sends none, which hooks can tell from an empty list."""
        if os.name == "nt":
            raise RepositoryError("hooks can't be run here: they need a POSIX system")
        self._repository = repository
        self._settings = settings
        self._say = say
        self._folder = _hooks_folder(repository, settings.environment.get("HOME"))
        self._push_options = push_options
        self._options = {} if push_options is None else {"GIT_PUSH_OPTION_COUNT": str(len(push_options))}
        self._options |= {
            f"GIT_PUSH_OPTION_{number}": text
            for number, text in enumerate(push_options or ())
            if "\0" not in text
        }

    def certify(self, certificate: PushCertificate, nonces: CertificateNonces) -> None:
        """Keep a push certificate as a blob, and tell pre-receive and post-receive who signed it.

        Raises RepositoryError.
        """
        from transport.server.signatures import verify_certificate

        if self._find("pre-receive") is None and self._find("post-receive") is None:
            return
        oid = self._repository.write_loose(ObjectType.BLOB, certificate.text)
        signature = verify_certificate(certificate, self._repository.config, self._environment({}))
        told = {**signature.told_to_hooks(), **nonces.judge(certificate), "GIT_PUSH_CERT": oid.hex()}
        self._options |= {name: text.replace("\0", "") for name, text in told.items()}

    def pre_receive(self, updates: Sequence[RefUpdate], spool: SpooledPack | None) -> str | None:
        """Ask about all updates, with the new objects in quarantine; return the reason of a refusal."""
        if self._find("pre-receive") is None:
            return None
        with self._quarantine(spool) as variables:
            return self._refusal("pre-receive", (), _lines(updates), {**variables, **self._options})

    def proc_receive(self, updates: Sequence[RefUpdate], others: Collection[str], *, atomic: bool) -> Answer:
        """Leave updates to the hook; `others` are the push's other refs."""
        program = self._find("proc-receive")
        if program is None:
            return Answer.of_failure(updates, "cannot find hook 'proc-receive'")
        answer = Answer.of_failure(updates)

        def talk(send: Callable[[bytes], None], blocks: Iterator[bytes]) -> None:
            nonlocal answer
            answer = ask(
                updates,
                others,
                self._repository.object_format,
                options=self._push_options,
                atomic=atomic,
                send=send,
                blocks=blocks,
            )

        end = talk_to_hook(
            program,
            talk,
            folder=self._repository.path,
            environment=self._environment(self._options),
            seconds=self._settings.seconds,
            say=self._say,
        )
        if not end.passed:
            answer.failed = True
            answer.faults += [end.words] if end.words else []
        return answer

    def update(self, update: RefUpdate) -> str | None:
        """Ask about one update; return the reason of a refusal."""
        arguments = (update.name, update.old.hex(), update.new.hex())
        reason = self._refusal("update", arguments, b"", {}, words="hook declined")
        if reason is not None:
            self._say(f"error: hook declined to update {update.name}")
        return reason

    @property
    def hear_of_changes(self) -> bool:
        """Whether each change is to be made by itself, since reference-transaction is asked about it."""
        return self._find("reference-transaction") is not None

    @contextmanager
    def transaction(self, updates: Sequence[RefUpdate]) -> Iterator[str | None]:
        """Yield why the updates are not to be made, or None; say afterwards whether they were.

        They count as made unless the block raises.
        """
        full = full_ref_name(self._repository)
        lines = _lines([RefUpdate(full(update.name), update.old, update.new) for update in updates])
        name = "reference-transaction"
        reason = self._refusal(name, ("prepared",), lines, {}, words="ref updates aborted by hook")
        end = "aborted"
        try:
            yield reason
            end = "aborted" if reason is not None else "committed"
        finally:
            self._refusal(name, (end,), lines, {})

    def after(
        self,
        updates: Sequence[RefUpdate],
        reports: Mapping[str, Sequence[RefReport]],
        say: Callable[[str], None],
    ) -> None:
        """Tell the hooks of the refs that were changed; `say` gets their words from now on.

        `reports` says, by the ref's name, what proc-receive changed in its place.
        """
        self._say = say
        changes = [
            change for update in updates for change in really_changed(update, reports.get(update.name, ()))
        ]
        self._refusal("post-receive", (), _lines(changes), self._options)
        self._refusal("post-update", [update.name for update in updates], b"", {})

    def _refusal(
        self,
        name: str,
        arguments: Sequence[str],
        given: bytes,
        variables: Mapping[str, str],
        *,
        words: str | None = None,
    ) -> str | None:
        """Run a hook if it is there; return the reason of a refusal."""
        program = self._find(name)
        if program is None:
            return None
        end = run_hook(
            program,
            arguments,
            given,
            folder=self._repository.path,
            environment=self._environment(variables),
            seconds=self._settings.seconds,
            say=self._say,
        )
        if end.words:
            self._say(f"error: {end.words}")
        return None if end.passed else words or f"{name} hook declined"

    def _find(self, name: str) -> Path | None:
        program = self._folder / name
        return program if program.is_file() and os.access(program, os.X_OK) else None

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        kept = {
            name: text
            for name, text in self._settings.environment.items()
            if not name.startswith(_DROPPED) and name not in _OF_A_REPOSITORY
        }
        namespace = namespace_of(self._repository).name
        own = {"GIT_DIR": ".", **({"GIT_NAMESPACE": namespace} if namespace else {})}
        return {**kept, **self._settings.of_client, **own, **variables}

    @contextmanager
    def _quarantine(self, spool: SpooledPack | None) -> Iterator[dict[str, str]]:
        """Let git programs see the new objects, in a folder that is gone afterwards."""
        if spool is None or not spool.object_count:
            yield {}
            return
        objects = (self._repository.common_path / "objects").absolute()
        with temporary_folder(objects) as folder:
            spool.lend(folder / "pack")
            yield {
                "GIT_QUARANTINE_PATH": str(folder),
                "GIT_OBJECT_DIRECTORY": str(folder),
                "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects),
            }


def _hooks_folder(repository: Repository, home: str | None) -> Path:
    """Return where the hooks are; a relative core.hooksPath begins where they run. Raises RepositoryError."""
    path = repository.config.get("core.hookspath")
    if path is None:
        return (repository.common_path / "hooks").absolute()
    return (repository.path / expand_home(path, home)).absolute()


def _lines(updates: Sequence[RefUpdate]) -> bytes:
    text = "".join(f"{update.old.hex()} {update.new.hex()} {update.name}\n" for update in updates)
    return text.encode("utf-8", "surrogateescape")
