"""What was done, on paper and read back: the receipt of a run, and the second look at the target."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.git_transport import GitTransport
from tests.support import git
from tests.transport.syncing.sides import Sides, commit
from transport.errors import NetworkError
from transport.syncing import Policy, Scope, SyncRequest
from transport.syncing.outcome.receipt import Asked, receipt
from transport.syncing.prune_limit import PruneLimit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from transport.wire.headway import Headway


@pytest.fixture
def sides(tmp_path: Path) -> Sides:
    made = Sides(tmp_path)
    commit(made.source, "refs/heads/main")
    commit(made.source, "refs/heads/next")
    return made


class Deceiving(GitTransport):
    """A target that shows something else when it is listed a second time."""

    listings = 0

    @contextmanager
    def advertise(
        self, service: Any, *, version: int, headway: Headway | None = None
    ) -> Iterator[Iterator[bytes]]:
        self.listings += 1
        if self.listings == 2:
            self.deceive()
        with super().advertise(service, version=version, headway=headway) as blocks:
            yield blocks

    def deceive(self) -> None:
        git("update-ref", "-d", "refs/heads/main", cwd=self.path)


class Vanishing(Deceiving):
    """A target that can't be listed a second time."""

    def deceive(self) -> None:
        raise NetworkError("gone")


def test_refs_that_read_back_as_they_should_are_counted(sides: Sides) -> None:
    result = sides.carry_out(verify=True)
    assert result.exit_code == 0
    assert result.to_json()["verification"] == {"checked": 2, "differences": [], "error": None}


def test_deleted_refs_must_read_back_as_absent(sides: Sides) -> None:
    commit(sides.target, "refs/heads/old")
    result = sides.carry_out(verify=True, policy={"prune": True, "prune_limit": PruneLimit(1)})
    assert (result.deleted, result.exit_code) == (1, 0)
    assert result.to_json()["verification"]["checked"] == 3


def test_a_ref_that_reads_back_otherwise_is_told_with_both_ids_and_exit_code_1(sides: Sides) -> None:
    target = Deceiving(sides.target)
    target.path = sides.target
    result = sides.carry_out(verify=True, target=target)
    assert (result.pushed, result.exit_code) == (2, 1)
    main = git("rev-parse", "main", cwd=sides.source)
    assert result.to_json()["verification"]["differences"] == [
        {"ref": "refs/heads/main", "expected": main, "found": ""}
    ]


def test_a_target_that_cant_be_read_back_is_no_exception(sides: Sides) -> None:
    result = sides.carry_out(verify=True, target=Vanishing(sides.target))
    assert (result.pushed, result.exit_code) == (2, 4)
    assert result.to_json()["verification"]["error"] == "gone"


def test_a_dry_run_has_nothing_to_read_back(sides: Sides) -> None:
    assert sides.carry_out(verify=True, dry_run=True).verification is None


@pytest.mark.parametrize("how", [{}, {"materialize": True}])
def test_the_packs_checksum_is_that_of_the_pack_that_was_sent(sides: Sides, how: dict[str, Any]) -> None:
    git("config", "receive.unpackLimit", "1", cwd=sides.target)
    result = sides.carry_out(**how)
    assert result.pack is not None
    (pack,) = (sides.target / "objects" / "pack").glob("*.pack")
    assert result.pack.checksums == (pack.read_bytes()[-20:].hex(),)


def test_a_receipt_tells_what_was_asked_seen_and_done(sides: Sides) -> None:
    before = commit(sides.target, "refs/heads/old")
    result = sides.carry_out(policy={"prune": True, "prune_limit": PruneLimit(1)})
    asked = Asked.now("/a", "/b", SyncRequest(Scope(tags=True), Policy(prune=True)))
    found = json.loads(json.dumps(receipt(asked, result, 1.5)))
    assert (found["packcore"], found["version"], found["elapsedSeconds"]) == ("receipt", 1, 1.5)
    assert set(found["versions"]) == {"packcore", "python"}
    assert (found["asked"]["mode"], found["asked"]["policy"]["prune"]) == ("sync", True)
    refs = {ref["ref"]: (ref["before"], ref["after"], ref["outcome"]) for ref in found["refs"]}
    main = git("rev-parse", "main", cwd=sides.source)
    assert refs["refs/heads/main"] == ("", main, "pushed")
    assert refs["refs/heads/old"] == (before, "", "deleted")
    assert found["done"]["pack"]["checksums"]
    assert (found["error"], found["exitCode"]) == (None, 0)


def test_a_receipt_of_a_run_that_failed_tells_why() -> None:
    found = receipt(Asked.now("/a", "/b", SyncRequest()), None, 0.1, error=NetworkError("no route"))
    assert (found["error"], found["exitCode"], found["refs"], found["done"]) == ("no route", 4, [], None)


def test_no_receipt_holds_a_secret() -> None:
    request = SyncRequest(policy=Policy(push_options=("ci.variable=hunter2", "ci.skip")))
    asked = Asked.now("https://me:hunter2@h/a.git?token=hunter2", "/b", request)
    found = receipt(asked, None, 0.1)
    assert "hunter2" not in json.dumps(found)
    assert found["asked"]["policy"]["pushOptions"] == ["ci.variable=***", "ci.skip"]
    assert found["asked"]["source"] == "https://h/a.git?..."
