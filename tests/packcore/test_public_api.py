"""The exports of `import packcore` and `import transport`, as the interface names them."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from importlib import import_module

import pytest

import packcore
import transport
from tests.support import ROOT, git, history, make_repository


@pytest.mark.parametrize("module", [packcore, transport])
def test_every_exported_name_exists(module):
    for name in module.__all__:
        assert getattr(module, name) is not None
        assert name in dir(module)


@pytest.mark.parametrize("module", [packcore, transport])
def test_no_module_has_the_name_of_an_export(module):
    modules = {each.name for each in pkgutil.iter_modules(module.__path__)}
    assert not modules & set(module.__all__)


@pytest.mark.parametrize("module", [packcore, transport])
def test_a_name_that_is_not_exported_is_an_attribute_error(module):
    with pytest.raises(AttributeError, match="no_such_name"):
        module.no_such_name


def test_the_functions_keep_their_names_when_the_modules_of_that_name_are_loaded():
    code = (
        "import packcore.search.select, transport.syncing.decide.planner, packcore, transport;"
        "assert callable(packcore.select) and callable(transport.sync), (packcore.select, transport.sync);"
        "from packcore.search.select import select; assert packcore.select is select;"
        "from transport.syncing import Scope, sync; assert transport.sync is sync"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_importing_the_packages_loads_next_to_nothing():
    code = (
        "import sys, packcore, transport;"
        "names = {'packcore', 'transport', 'zlib_ng', 'xxhash', 'ssl'};"
        "print(sorted(m for m in sys.modules if m.partition('.')[0] in names))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "['packcore', 'packcore._lazy', 'packcore._version', 'transport']"


@pytest.mark.parametrize("module", [packcore, transport])
def test_every_error_is_offered(module):
    home = import_module(f"{module.__name__}.errors")
    kinds = {name for name, kind in vars(home).items() if isinstance(kind, type)}
    errors = {name for name in kinds if issubclass(getattr(home, name), packcore.PackcoreError)}
    assert errors - set(module.__all__) <= set(packcore.__all__)


def test_a_pack_is_made_in_the_words_of_the_interface(tmp_path):
    path = make_repository(tmp_path / "x.git", history(commits=5))
    tip = packcore.SHA1.from_hex(git("rev-parse", "main", cwd=path))
    with packcore.open_repository(path) as store:
        objects = packcore.list_objects(store, wants=[tip], haves=[])
        plan = packcore.select(store, objects, strategy="chunk-window")
        pack = b"".join(packcore.write_pack(plan))
    (tmp_path / "x.pack").write_bytes(pack)
    git("index-pack", "--strict", tmp_path / "x.pack", cwd=path)
