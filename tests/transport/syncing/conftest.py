"""The pairs of repositories that the tests of this folder sync."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import git
from tests.transport.syncing.sides import Sides

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def sides(tmp_path: Path) -> Sides:
    """Two empty repositories."""
    return Sides(tmp_path)


@pytest.fixture(params=["sha1", "sha256"])
def any_sides(request: pytest.FixtureRequest, tmp_path: Path) -> Sides:
    """Two of either object format."""
    return Sides(tmp_path, object_format=request.param)


@pytest.fixture
def filtering(tmp_path: Path) -> Sides:
    """Two whose source can send commits alone."""
    made = Sides(tmp_path)
    git("config", "uploadpack.allowFilter", "true", cwd=made.source)
    return made


@pytest.fixture(params=["filters", "no-filters"])
def either_sides(request: pytest.FixtureRequest, tmp_path: Path) -> Sides:
    """Two whose source can send commits alone, and two whose source can't."""
    made: Sides = request.getfixturevalue("filtering" if request.param == "filters" else "sides")
    return made
