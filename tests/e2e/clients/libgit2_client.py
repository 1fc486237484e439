"""libgit2 as a client, by pygit2: a program with the verbs of `tests.e2e.clients.kinds`."""

from __future__ import annotations

import sys

import pygit2

NOT_OFFERED = 64


def main(verb: str, *words: str) -> int:
    """Do one thing. Raises what pygit2 raises."""
    if verb == "ls-remote":
        repository = pygit2.init_repository(words[1], bare=True)
        for head in repository.remotes.create_anonymous(words[0]).list_heads():
            print(head.oid, head.name)
    elif verb == "clone":
        url, folder, depth, filter_ = words
        if filter_:
            return NOT_OFFERED
        pygit2.clone_repository(url, folder, depth=int(depth or 0))
    elif verb == "fetch":
        folder, _, depth = words
        pygit2.Repository(folder).remotes["origin"].fetch(depth=int(depth or 0))
    elif verb == "push":
        folder, url, refspec = words
        refused: list[str] = []

        class Callbacks(pygit2.RemoteCallbacks):
            def push_update_reference(self, refname: str, message: str | None) -> None:
                if message is not None:
                    refused.append(f"{refname}: {message}")

        pygit2.Repository(folder).remotes.create_anonymous(url).push([refspec], callbacks=Callbacks())
        if refused:
            sys.exit("\n".join(refused))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
