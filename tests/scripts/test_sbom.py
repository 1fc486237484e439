"""The bill of materials lists what a release runs with, and is the same for the same commit."""

from __future__ import annotations

import json
from typing import Any

from packaging.requirements import Requirement

from packcore import __version__
from scripts.lock_file import PROJECT, read_pins
from tests.scripts.test_locks import pyproject
from tests.support import ROOT

BILL: dict[str, Any] = json.loads((ROOT / "locks/packcore.cdx.json").read_text())
PINS = read_pins((ROOT / "locks/run.txt").read_text())


def test_it_is_of_this_version() -> None:
    """A new version needs `make lock`, too."""
    assert BILL["metadata"]["component"]["version"] == __version__


def test_it_lists_the_locked_dependencies_and_nothing_else() -> None:
    listed = {(component["name"], component["version"]) for component in BILL["components"]}
    assert listed == {(pin.name, pin.version) for pin in PINS}


def test_what_some_platforms_alone_install_is_optional_and_has_its_marker() -> None:
    optional = {
        component["name"]: component["properties"][0]["value"]
        for component in BILL["components"]
        if component["scope"] == "optional"
    }
    assert optional == {pin.name: pin.marker for pin in PINS if pin.marker}


def test_it_says_who_depends_on_whom() -> None:
    depends = {entry["ref"]: entry.get("dependsOn", []) for entry in BILL["dependencies"]}
    names = {component["bom-ref"]: component["name"] for component in BILL["components"]}
    assert {names[ref] for ref in depends[PROJECT]} == {
        Requirement(text).name for text in pyproject()["project"]["dependencies"]
    }
    (rich,) = (ref for ref in depends if names.get(ref) == "rich")
    assert {names[ref] for ref in depends[rich]} == {"markdown-it-py", "pygments"}


def test_it_holds_no_time_and_no_random_number() -> None:
    assert "timestamp" not in BILL["metadata"]
    assert "serialNumber" not in BILL
