# Each target creates the virtual environment that it needs on its first run.
#
#   make demo [REPO=url-or-path]   run the main job on real input (default: this project's own repository)
#   make test                      run the fast suite
#   make simulate [SEEDS=N|A-B|@N] run the sync engine in simulated worlds where everything goes wrong
#   make docs                      build the documentation into build/docs, and check its links
#   make docs-update               rewrite the output of the documentation's examples
#   make check                     run what CI runs: test, e2e, lint, type, docs
#   make matrix [COLUMNS=a,b] [SUITES=a,b]   run the suites with every git, Python and set of dependencies
#   make clients [WRITE=1]         test six kinds of clients against our server and git's; WRITE=1 puts the table into the docs
#   make conformance PEER=PATH [SUITE=git|git-sync] [FAMILIES=a,b] [SCRIPTS=t5300] [RECORD=1]   run a peer's suite with packcore in its place
#   make ci-fresh [DEBIAN=trixie]   run .ci/run on a fresh Debian (as root)
#   make matrix LIST=1             show the columns and suites, and what can't run on this machine
#   make test-all                  run every test, including slow ones and those that need real servers
#   make crash                     break every command at each call that changes a file, and count the calls
#   make fuzz [SECONDS=600] [TARGET=config]   feed mutated bytes to every reader, and print the findings
#   make fuzz-corpus [SECONDS=600]   the same, and add inputs that reach new code to tests/fuzz/corpus
#   make lock [UPGRADE=1]          pin every dependency in locks/; UPGRADE=1 uses the newest versions
#   make dist                      build wheel and sdist into dist/ twice, and check what a release promises
#   make audit                     check the locked dependencies for known vulnerabilities (needs the network)
#   make api-check                 compare the library's API with the newest tag, and print breaking changes
#   make release-check             check that version, changelog, citation, bill of materials and API agree
#   make workflows                 check the workflows in .github
#   make bench-expect              record each strategy's results on the small fixed corpus
#   make bench-history             append this machine's figures to benchmarks/history.jsonl

PYTHON ?= python3
VENV ?= .venv
REPO ?=
PYTEST_FLAGS ?= -q -n auto
SEEDS ?= 2000
SECONDS ?= 600
TARGET ?=
DEBIAN ?= bookworm

BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.installed-run
DEV_STAMP := $(VENV)/.installed-dev
DOCS_STAMP := $(VENV)/.installed-docs
FUZZ_STAMP := $(VENV)/.installed-fuzz
RELEASE_STAMP := $(VENV)/.installed-release

.DEFAULT_GOAL := help
.PHONY: help api-check audit bench-expect bench-history check ci-fresh clean clients conformance crash demo dist docs docs-update e2e format fuzz fuzz-corpus lint lock matrix release-check simulate test test-all type workflows

help:
	@sed -n 's/^#   \(make .*\)/\1/p' Makefile

demo: $(RUN_STAMP)
	@$(BIN)/python scripts/demo.py "$(REPO)"

test: $(DEV_STAMP)
	$(BIN)/pytest $(PYTEST_FLAGS) -m "not slow and not e2e"

e2e: $(DEV_STAMP)
	$(BIN)/pytest $(PYTEST_FLAGS) -m "e2e and not slow" tests

simulate: $(DEV_STAMP)
	@$(BIN)/python -m tests.simulation $(SEEDS)

test-all: $(DEV_STAMP)
	$(BIN)/pytest $(PYTEST_FLAGS)

crash: $(DEV_STAMP)
	$(BIN)/pytest $(PYTEST_FLAGS) -m slow tests/crash

fuzz: $(FUZZ_STAMP)
	$(BIN)/python -m tests.fuzz.run --seconds $(SECONDS) $(TARGET:%=--target %)

fuzz-corpus: $(FUZZ_STAMP)
	$(BIN)/python -m tests.fuzz.run --minimise --seconds $(SECONDS) $(TARGET:%=--target %)

lint: $(DEV_STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

type: $(DEV_STAMP)
	$(BIN)/mypy

check: test e2e lint type docs

# COLUMNS counts only if it is given to make: some shells export the width of the terminal under this name.
MATRIX_OPTIONS = $(if $(filter command,$(firstword $(origin COLUMNS))),--columns "$(COLUMNS)") \
  $(if $(SUITES),--suites "$(SUITES)") $(if $(LIST),--list) $(if $(RECORD),--record) \
  $(if $(CHECKED_HERE),--checked-here) $(if $(REQUIRED),--required) $(if $(CHROOT),--chroot)

matrix:
	@$(PYTHON) -m scripts.matrix $(MATRIX_OPTIONS)

# isomorphic-git counts if `npm install --no-save isomorphic-git` has put it here.
clients: $(DEV_STAMP)
	$(BIN)/python -m tests.e2e.clients.table $(if $(WRITE),--write)

# The peer's checkout is the user's: neither its code nor the way to build it is part of this project.
conformance: $(DEV_STAMP)
	@$(BIN)/python -m scripts.conformance $(or $(SUITE),git) "$(PEER)" $(if $(FAMILIES),--families "$(FAMILIES)") \
	  $(if $(SCRIPTS),--scripts "$(SCRIPTS)") $(if $(RECORD),--record)

ci-fresh:
	@$(PYTHON) -m scripts.matrix.fresh "$(DEBIAN)"

docs: $(DOCS_STAMP)
	$(BIN)/python -m sphinx -b html -W --keep-going -q -j auto docs build/docs
	$(BIN)/python -m scripts.check_site build/docs

docs-update: $(DEV_STAMP)
	$(BIN)/python -m scripts.man_pages --write
	$(BIN)/python -m scripts.docs_examples --write

bench-expect: $(DEV_STAMP)
	$(BIN)/python -m benchmarks.expected --write

bench-history: $(DEV_STAMP)
	$(BIN)/python -m benchmarks.history

format: $(DEV_STAMP)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: $(RELEASE_STAMP)
	$(BIN)/python -m scripts.lock $(if $(UPGRADE),--upgrade)
	$(BIN)/python -m scripts.sbom --write

dist: $(RELEASE_STAMP)
	$(BIN)/python -m scripts.dist

audit: $(RELEASE_STAMP)
	$(BIN)/python -m scripts.audit $(if $(REQUIRED),--required)

api-check: $(RELEASE_STAMP)
	$(BIN)/python -m scripts.api_check

# RELEASE_TAG and RELEASE_REPOSITORY, where the environment has them, must be what the project says of itself.
release-check: $(RELEASE_STAMP)
	$(BIN)/python -m scripts.release_check
	$(BIN)/python -m scripts.sbom
	$(BIN)/python -m scripts.api_check

workflows: $(RELEASE_STAMP)
	$(BIN)/zizmor --offline --persona pedantic .github

clean:
	rm -rf build dist demo .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	rm -f $(RUN_STAMP) $(DEV_STAMP) $(DOCS_STAMP) $(FUZZ_STAMP) $(RELEASE_STAMP)
	find packcore transport cli tests benchmarks scripts -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "make: there is no $(PYTHON); say make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "make: packcore needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version); say make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "make: $(PYTHON) has no venv module (Debian: apt install python3-venv)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Every version comes from locks/, with its hashes; packcore itself from this folder, built by the locked backend.
# A venv may start with an old pip: locks/build.txt brings a newer one.
PIP = $(BIN)/python -m pip --disable-pip-version-check
LOCKED = $(PIP) install --quiet --require-hashes

$(RUN_STAMP): pyproject.toml locks/build.txt locks/run.txt | $(BIN)/python
	$(LOCKED) -r locks/build.txt
	$(LOCKED) -r locks/run.txt
	$(PIP) install --quiet --no-build-isolation --no-deps -e .
	@touch $@

$(DEV_STAMP): locks/dev.txt $(RUN_STAMP)
	$(LOCKED) -r locks/dev.txt
	@touch $@

# pytest is what the makers of seeds lean on.
$(FUZZ_STAMP): locks/fuzz.txt $(DEV_STAMP)
	$(LOCKED) -r locks/fuzz.txt
	@touch $@

$(DOCS_STAMP): locks/docs.txt $(RUN_STAMP)
	$(LOCKED) -r locks/docs.txt
	@touch $@

$(RELEASE_STAMP): locks/release.txt $(RUN_STAMP)
	$(LOCKED) -r locks/release.txt
	@touch $@
