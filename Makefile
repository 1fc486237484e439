# Every command makes the virtual environment it needs, once: a second run starts at once.
#
#   make demo [REPO=url-or-path]   the main job on real input (default: this project's own repository)
#   make test                      the fast suite
#   make simulate [SEEDS=N|A-B|@N] the sync engine in simulated worlds where everything goes wrong
#   make docs                      build the documentation into build/docs, and check its links
#   make docs-update               write anew what the examples of the documentation print
#   make check                     what CI runs: test, e2e, lint, type, docs
#   make matrix [COLUMNS=a,b] [SUITES=a,b]   the suites with every git, Python and set of dependencies
#   make matrix LIST=1             show the columns and suites, and what can't run on this machine
#   make test-all                  every test, the slow ones and those that want real servers included
#   make crash                     strike every command at every call that changes a file, and print how many
#   make fuzz [SECONDS=600] [TARGET=config]   hand mutated bytes to every reader, and print what was found
#   make fuzz-corpus [SECONDS=600]   the same, and take what reaches new code into tests/fuzz/corpus
#   make bench-expect              record anew what each strategy makes of the small fixed corpus
#   make bench-history             append today's figures of this machine to benchmarks/history.jsonl

PYTHON ?= python3
VENV ?= .venv
REPO ?=
PYTEST_FLAGS ?= -q -n auto
SEEDS ?= 2000
SECONDS ?= 600
TARGET ?=

BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.installed-run
DEV_STAMP := $(VENV)/.installed-dev
DOCS_STAMP := $(VENV)/.installed-docs
FUZZ_STAMP := $(VENV)/.installed-fuzz

.DEFAULT_GOAL := help
.PHONY: help bench-expect bench-history crash demo fuzz fuzz-corpus matrix test e2e simulate test-all lint type check docs docs-update wheel format clean

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

docs: $(DOCS_STAMP)
	$(BIN)/python -m sphinx -b html -W --keep-going -q -j auto docs build/docs
	$(BIN)/python -m scripts.check_site build/docs

docs-update: $(DEV_STAMP)
	$(BIN)/python -m scripts.docs_examples --write

bench-expect: $(DEV_STAMP)
	$(BIN)/python -m benchmarks.expected --write

bench-history: $(DEV_STAMP)
	$(BIN)/python -m benchmarks.history

format: $(DEV_STAMP)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

wheel: $(DEV_STAMP)
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .
	@ls dist/*.whl

clean:
	rm -rf build dist demo .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	rm -f $(RUN_STAMP) $(DEV_STAMP) $(DOCS_STAMP) $(FUZZ_STAMP)
	find packcore transport cli tests benchmarks scripts -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "make: there is no $(PYTHON); say make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "make: packcore needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version); say make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "make: $(PYTHON) has no venv module (Debian: apt install python3-venv)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# pip learned dependency groups (PEP 735) in 25.1; the one that a venv starts with may be older.
$(RUN_STAMP): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(DEV_STAMP): pyproject.toml $(RUN_STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e . --group dev
	@touch $@

# pytest is what the makers of seeds lean on.
$(FUZZ_STAMP): pyproject.toml $(DEV_STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group fuzz
	@touch $@

$(DOCS_STAMP): pyproject.toml $(RUN_STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e . --group docs
	@touch $@
