"""git-sync's functions make room for ours, and what go prints becomes tests."""

from __future__ import annotations

import pytest

from scripts.conformance.git_sync_suite import GitSyncCheckout, read_go_tests, renamed
from scripts.conformance.suites import ConformanceError

SOURCE = """package syncer

func Run(ctx context.Context, cfg Config) (Result, error) {
func (s *syncSession) Run() {
func Bootstrap(ctx context.Context) {
func Probe(ctx context.Context) {
func Fetch(ctx context.Context) {
"""

OUTPUT = """\
=== RUN   TestRun_One
--- PASS: TestRun_One (0.10s)
=== RUN   TestRun_Two
    x_test.go:7: sync failed: No such option: --have-ref
--- FAIL: TestRun_Two (0.20s)
=== RUN   TestRun_Three
    x_test.go:9: needs a server
--- SKIP: TestRun_Three (0.00s)
=== RUN   TestRun_Four
=== RUN   TestRun_Four/part
--- PASS: TestRun_Four (0.20s)
    --- PASS: TestRun_Four/part (0.20s)
FAIL
"""


def test_the_functions_that_the_tests_call_are_renamed():
    changed = renamed(SOURCE)
    assert [line.partition("(")[0] for line in changed.splitlines()[2:]] == [
        "func originalOfRun",
        "func ",
        "func originalOfBootstrap",
        "func originalOfProbe",
        "func originalOfFetch",
    ]


def test_another_version_without_one_of_them_is_refused():
    with pytest.raises(ConformanceError, match="0 functions Fetch"):
        renamed(SOURCE.replace("func Fetch", "func Fetched"))


def test_each_test_of_go_has_its_verdict_and_its_words():
    found = read_go_tests(OUTPUT)
    assert {name: passed for name, (passed, _) in found.items()} == {
        "TestRun_One": True,
        "TestRun_Two": False,
        "TestRun_Four": True,
    }
    assert "--have-ref" in found["TestRun_Two"][1]


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(ConformanceError, match="no checkout of git-sync"):
        _ = GitSyncCheckout(tmp_path).version
