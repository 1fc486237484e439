"""The files in locks/ pin what pyproject.toml asks for, with hashes, and name no registry."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts.lock import LOCKS, Lock
from scripts.lock_file import PROJECT, Pin, read_pins
from tests.support import ROOT

every_lock = pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)


@cache
def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def text_of(name: str) -> str:
    return (ROOT / "locks" / f"{name}.txt").read_text()


def pins_of(name: str) -> list[Pin]:
    return read_pins(text_of(name))


def versions_of(name: str) -> dict[str, set[str]]:
    """Return the versions of each package; a marker may choose one of several."""
    versions: dict[str, set[str]] = {}
    for pin in pins_of(name):
        versions.setdefault(pin.name, set()).add(pin.version)
    return versions


def asked_for(lock: Lock) -> list[Requirement]:
    """Return what pyproject.toml asks for, includes of groups followed."""
    found = list(pyproject()["project"]["dependencies"]) if lock.project else []
    groups = list(lock.groups)
    while groups:
        for entry in pyproject()["dependency-groups"][groups.pop()]:
            if isinstance(entry, dict):
                groups.append(entry["include-group"])
            else:
                found.append(entry)
    return [Requirement(text) for text in found]


@every_lock
def test_a_lock_pins_all_that_pyproject_asks_for_within_its_bounds(lock: Lock) -> None:
    pins = versions_of(lock.name)
    for requirement in asked_for(lock):
        versions = pins.get(canonicalize_name(requirement.name), set())
        assert versions, f"locks/{lock.name}.txt lacks {requirement}; run `make lock`"
        assert any(requirement.specifier.contains(version) for version in versions), requirement
        # Another Python may be asked to have another version.
        same = [one for one in asked_for(lock) if one.name == requirement.name]
        for version in versions:
            assert any(one.specifier.contains(version) for one in same), f"{requirement.name} {version}"


@every_lock
def test_a_lock_pins_nothing_that_nobody_asks_for(lock: Lock) -> None:
    """uv notes who asks for a package: the project's file, a constraint or another package."""
    direct = {canonicalize_name(requirement.name) for requirement in asked_for(lock)}
    noted = {pin.name for pin in pins_of(lock.name) if PROJECT in pin.asked_for_by}
    assert noted == direct


@every_lock
def test_every_requirement_of_a_lock_is_a_pin(lock: Lock) -> None:
    requirements = [line for line in text_of(lock.name).splitlines() if line and line[0] not in " #"]
    assert len(pins_of(lock.name)) == len(requirements)


@every_lock
def test_each_pin_has_hashes(lock: Lock) -> None:
    assert pins_of(lock.name)
    assert not [pin.name for pin in pins_of(lock.name) if not pin.sha256]


@every_lock
def test_a_lock_names_no_registry_and_no_folder(lock: Lock) -> None:
    assert not re.search(r"https?:|file:|--(index|extra|find|trusted)|^/", text_of(lock.name), re.MULTILINE)


@every_lock
def test_locks_that_are_installed_together_agree(lock: Lock) -> None:
    mine = versions_of(lock.name)
    for other in lock.constrained_by:
        theirs = versions_of(other)
        assert {name: mine[name] for name in mine if name in theirs} == {
            name: theirs[name] for name in mine if name in theirs
        }


def test_the_lowest_lock_holds_the_lower_bounds_themselves() -> None:
    """`>=3.4` may be pinned as 3.4.1, where 3.4.0 has no files any more."""
    lowest = next(lock for lock in LOCKS if lock.name == "lowest")
    for requirement in asked_for(lowest):
        (bound,) = (part.version for part in requirement.specifier if part.operator == ">=")
        (version,) = versions_of("lowest")[canonicalize_name(requirement.name)]
        assert f"{version}.".startswith(f"{bound}."), requirement


def test_the_build_backend_of_pyproject_is_the_locked_one() -> None:
    for text in pyproject()["build-system"]["requires"]:
        requirement = Requirement(text)
        assert all(requirement.specifier.contains(v) for v in versions_of("build")[requirement.name])
