# Every command makes the virtual environment it needs, once: a second run starts at once.
#
#   make demo [REPO=url-or-path]   the main job on real input (default: this project's own repository)
#   make test                      the fast suite
#   make simulate [SEEDS=N|A-B|@N] the sync engine in simulated worlds where everything goes wrong
#   make docs                      build the documentation into build/docs, and check its links
#   make docs-update               write anew what the examples of the documentation print
#   make check                     what CI runs: test, e2e, lint, type, docs
#   make matrix [COLUMNS=a,b] [SUITES=a,b]   the suites with every git, Python and set of dependencies
#   make clients [WRITE=1]         six kinds of clients with our server and with git's, a table; WRITE=1 puts it into the docs
#   make ci-fresh [DEBIAN=trixie]   run .ci/run on a fresh Debian, from nothing (as root)
#   make matrix LIST=1             show the columns and suites, and what can't run on this machine
#   make test-all                  every test, the slow ones and those that want real servers included
#   make crash                     strike every command at every call that changes a file, and print how many
#   make fuzz [SECONDS=600] [TARGET=config]   hand mutated bytes to every reader, and print what was found
#   make fuzz-corpus [SECONDS=600]   the same, and take what reaches new code into tests/fuzz/corpus
#   make lock [UPGRADE=1]          pin every dependency in locks/ again; UPGRADE=1 takes the newest versions
#   make dist                      build wheel and sdist into dist/, twice, and check all that a release promises
#   make audit                     look the locked dependencies up among known vulnerabilities (needs the network)
#   make api-check                 compare the library with the newest tag, and print what breaks its users
#   make release-check             hold version, changelog, citation, bill of materials and API against each other
#   make workflows                 check the workflows in .github
#   make bench-expect              record anew what each strategy makes of the small fixed corpus
#   make bench-history             append today's figures of this machine to benchmarks/history.jsonl

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
.PHONY: help api-check audit bench-expect bench-history check ci-fresh clean clients crash demo dist docs docs-update e2e format fuzz fuzz-corpus lint lock matrix release-check simulate test test-all type workflows

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
