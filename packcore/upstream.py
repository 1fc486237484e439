"""Where a branch is fetched from and pushed to, as a ref of this repository: `@{upstream}` and `@{push}`.

    [branch "topic"]  remote = origin            @{upstream}: what the remote's fetch refspecs make of merge
                      merge = refs/heads/main    refs/remotes/origin/main; remote = . means a branch here
                      pushRemote = fork          @{push}: the same for where push.default sends it
    [remote "origin"] fetch = +refs/heads/*:refs/remotes/origin/*

Specified in gitrevisions and git-config (`branch.<name>`, `push.default`). Only the repository's own
configuration counts: see `packcore.store.config`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcore.errors import UnknownRevision

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packcore.store.config import GitConfig

__all__ = ["push_ref_of", "upstream_of"]


def upstream_of(config: GitConfig, branch: str) -> str:
    """Return the full name of a branch's upstream ref. Raises UnknownRevision if there is none."""
    remote = config.get(f"branch.{branch}.remote")
    merges = config.get_all(f"branch.{branch}.merge")
    if remote is None or not merges:
        raise UnknownRevision(f"no upstream is configured for the branch {branch!r}")
    if remote == ".":
        return merges[0]
    found = _mapped(config.get_all(f"remote.{remote}.fetch"), merges[0])
    if found is None:
        raise UnknownRevision(
            f"the upstream of {branch!r}, {merges[0]} of {remote}, is kept by no ref here",
            hint=f"remote.{remote}.fetch doesn't have it",
        )
    return found


def push_ref_of(config: GitConfig, branch: str) -> str:
    """Return the full name of the ref that keeps where a branch is pushed to.

    Raises UnknownRevision if there is none, or if `push.default` leaves it open.
    """
    fetched = config.get(f"branch.{branch}.remote")
    pushed = config.get(f"branch.{branch}.pushRemote") or config.get("remote.pushDefault")
    remote = pushed or fetched or "origin"
    name = f"refs/heads/{branch}"
    fetches = config.get_all(f"remote.{remote}.fetch")
    if pushes := config.get_all(f"remote.{remote}.push"):
        destination = _mapped(pushes, name)
        if destination is None:
            raise UnknownRevision(f"the push refspecs of {remote} leave out the branch {branch!r}")
        return _tracked(fetches, destination, remote)
    way = (config.get("push.default") or "simple").lower()
    if way == "nothing":
        raise UnknownRevision("push.default is `nothing`: no branch is pushed anywhere")
    if way in ("upstream", "tracking"):
        return upstream_of(config, branch)
    tracked = _tracked(fetches, name, remote)
    if way == "simple" and tracked != upstream_of(config, branch):
        raise UnknownRevision(f"push.default is `simple`, and the upstream of {branch!r} isn't {tracked}")
    return tracked


def _tracked(fetches: Iterable[str], name: str, remote: str) -> str:
    found = _mapped(fetches, name)
    if found is None:
        raise UnknownRevision(f"what {remote} has as {name} is kept by no ref here")
    return found


def _mapped(refspecs: Iterable[str], name: str) -> str | None:
    """Return what the first fitting refspec makes of a name; None if none fits."""
    for refspec in refspecs:
        source, colon, target = refspec.removeprefix("+").partition(":")
        if source.startswith("^"):
            continue
        target = target if colon else source
        before, star, after = source.partition("*")
        if not star:
            if source == name and target:
                return target
        elif name.startswith(before) and name.endswith(after) and len(name) >= len(before) + len(after):
            return target.replace("*", name[len(before) : len(name) - len(after)], 1) or None
    return None
