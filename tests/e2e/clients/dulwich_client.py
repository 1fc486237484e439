"""dulwich as a client: a program with the verbs of `tests.e2e.clients.kinds`."""

from __future__ import annotations

import sys

from dulwich import porcelain


def main(verb: str, *words: str) -> int:
    """Do one thing. Raises what dulwich raises."""
    if verb == "ls-remote":
        for name, oid in porcelain.ls_remote(words[0]).refs.items():
            if oid is not None:
                print(oid.decode(), name.decode())
    elif verb == "clone":
        url, folder, depth, filter_ = words
        porcelain.clone(
            url, folder, checkout=False, depth=int(depth) if depth else None, filter_spec=filter_ or None
        )
    elif verb == "fetch":
        folder, _, depth = words
        porcelain.fetch(folder, "origin", depth=int(depth) if depth else None)
    elif verb == "push":
        folder, url, refspec = words
        result = porcelain.push(folder, url, refspec)
        refused = {name: why for name, why in (result.ref_status or {}).items() if why is not None}
        if refused:
            sys.exit(repr(refused))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
