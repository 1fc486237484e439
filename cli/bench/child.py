"""One job of a comparison in a process of its own: `python -m cli.bench.child < job.json`.

    in     {"job": "list" | "strategy" | "peer" | "check" | "read", ...}       one JSON object on stdin
    out    the job's result, or {"reason": "…"} with "wrong": true for a bad pack     one on stdout

It imports only what the job needs, so that the measured memory belongs to the job.
"""

from __future__ import annotations

from typing import Any

from cli.streams import Output, read_json
from transport.spelling import spelled_hint

__all__ = ["answer", "main"]


def answer(job: dict[str, Any]) -> dict[str, Any]:
    """Do the job and return its result."""
    if job["job"] == "peer":
        return _peer(job)
    from packcore.errors import CorruptData, PackcoreError

    try:
        if job["job"] == "strategy":
            from cli.bench.ours import pack_with_strategy

            return pack_with_strategy(job)
        from cli.bench import jobs

        work = {"list": jobs.list_reachable, "check": jobs.check_pack, "read": jobs.read_back}[job["job"]]
        return work(job)
    except CorruptData as error:
        return {"reason": str(error), "wrong": True, "hint": spelled_hint(error)}
    except PackcoreError as error:
        return {"reason": str(error), "hint": spelled_hint(error)}


def _peer(job: dict[str, Any]) -> dict[str, Any]:
    from cli.bench.peers import PEER_JOBS, PeerAbsentError

    try:
        return PEER_JOBS[job["name"]](job)
    except PeerAbsentError:
        return {"reason": "not installed"}
    except Exception as error:  # errors of another program are results to show, whatever they are
        return {"reason": f"{type(error).__name__}: {error}".splitlines()[0][:200]}


def main() -> None:
    """Read a job, do it, print its result."""
    Output().out_json(answer(read_json()))


if __name__ == "__main__":
    main()
