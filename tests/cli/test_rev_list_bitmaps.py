"""`rev-list` with bitmaps: they save reading trees, can be checked, and are left aside with a word."""

from __future__ import annotations

import pytest

from tests.support import git, history, make_repository, run_git


def test_bitmaps_list_objects_without_reading_trees(packcore, tmp_path, monkeypatch):
    from packcore.objects import ObjectType
    from packcore.store.repository import Repository

    path = make_repository(tmp_path / "r.git", history(commits=9, tag="v1"))
    git("repack", "-q", "-adb", cwd=path)
    types = []
    real = Repository.read

    def noted(self, oid):
        found = real(self, oid)
        types.append(found.type)
        return found

    monkeypatch.setattr(Repository, "read", noted)
    for revisions in (["--all"], ["v1", "^main~4"], ["main"]):
        arguments = ("--objects", "--use-bitmap-index", *revisions)
        expected = run_git("rev-list", *arguments, cwd=path).stdout.splitlines()
        ours = packcore("rev-list", path, *arguments).stdout_bytes.splitlines()
        assert sorted(ours) == sorted(line.split()[0] for line in expected)
    assert ObjectType.TREE not in types


@pytest.fixture
def bitmapped(tmp_path):
    path = make_repository(tmp_path / "r.git", history(commits=9, tag="v1"))
    git("repack", "-q", "-adb", cwd=path)
    return path


def test_the_bitmap_of_a_commit_can_be_compared_with_a_walk(packcore, bitmapped):
    assert packcore("rev-list", bitmapped, "--test-bitmap", "main").exit_code == 0
    git("commit-tree", "main^{tree}", "-m", "new", "-p", "main", cwd=bitmapped)
    new = git("commit-tree", "main^{tree}", "-m", "new", "-p", "main", cwd=bitmapped)
    done = packcore("rev-list", bitmapped, "--test-bitmap", new)
    assert (done.exit_code, "doesn't have an indexed bitmap" in done.stderr) == (1, True)


@pytest.mark.parametrize("size", [30, 200, 256, 400, 512])
@pytest.mark.parametrize("objects", ["", "--objects"])
def test_a_bitmap_that_is_cut_off_is_left_aside_with_a_word(packcore, bitmapped, size, objects):
    expected = git("rev-list", *objects.split(), "--all", "--count", cwd=bitmapped)
    [bitmap] = (bitmapped / "objects/pack").glob("*.bitmap")
    data = bitmap.read_bytes()
    assert len(data) > size
    bitmap.chmod(0o644)
    bitmap.write_bytes(data[:size])
    done = packcore("rev-list", bitmapped, *objects.split(), "--use-bitmap-index", "--count", "--all")
    assert (done.exit_code, done.stdout.strip()) == (0, expected)
    assert bitmap.name in done.stderr
    assert "it is not used" in done.stderr


def test_of_two_bitmaps_the_larger_packs_is_used_and_the_other_named(packcore, bitmapped):
    [first] = (bitmapped / "objects/pack").glob("*.bitmap")
    kept = first.read_bytes()
    first.unlink()
    new = git("commit-tree", "main^{tree}", "-m", "new", "-p", "main", cwd=bitmapped)
    git("update-ref", "refs/heads/main", new, cwd=bitmapped)
    git("repack", "-q", "-ab", cwd=bitmapped)
    first.write_bytes(kept)
    done = packcore("rev-list", bitmapped, "--objects", "--use-bitmap-index", "--count", "main")
    assert done.stdout.strip() == git("rev-list", "--objects", "--count", "main", cwd=bitmapped)
    assert f"ignoring extra bitmap file: {first}" in done.stderr
