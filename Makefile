# medda needs Python 3.11 or newer and nothing else. The two commands that matter:
#
#   make book    build the book from its executed notebooks and print where it is
#   make test    style, types, tests
#   make links   try every link that leads out of the book; needs the network
#
# The first of them also creates .venv with the pinned versions of constraints.txt.
# PYTHON=/path/to/python3.12    the Python to create .venv with
# PIP_FLAGS=...                 further options for pip, for instance another index for CPU-only torch
# WORKERS=4                     processes that share the tests (one thread each)
# PYTEST_FLAGS=...              further options for pytest, for instance "-k claims"

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV    := .venv
BIN     := $(VENV)/bin
READY   := $(VENV)/.medda-ready
WORKERS ?= 2
PIP_FLAGS ?=
PYTEST_FLAGS ?=

# The first Python on PATH that is new enough; PYTHON=... overrides the search.
CANDIDATES := python3 python3.13 python3.12 python3.11 python
NEW_ENOUGH := -c 'import sys; sys.exit(sys.version_info < (3, 11))'
PYTHON ?= $(shell for p in $(CANDIDATES); do \
	$$p $(NEW_ENOUGH) >/dev/null 2>&1 && { echo $$p; break; }; done)

.PHONY: help env book links test lint types units format clean

help:
	@sed -n 's/^#   make/make/p' Makefile

env: $(READY)

$(READY): constraints.txt pyproject.toml
	@if [ -z "$(PYTHON)" ] || ! $(PYTHON) $(NEW_ENOUGH) >/dev/null 2>&1; then \
	  echo "medda needs Python 3.11 or newer, but found: $$($(or $(PYTHON),python3) --version 2>&1 | sed 's/.*: line [0-9]*: //')"; \
	  echo "Install a newer one, or say where it is:  make $(or $(MAKECMDGOALS),env) PYTHON=/path/to/python3.11"; \
	  exit 1; \
	fi
	@if [ ! -x $(BIN)/python ]; then \
	  echo "Creating the environment $(VENV) with $$($(PYTHON) --version)."; \
	  $(PYTHON) -m venv $(VENV) || { \
	    rm -rf $(VENV); \
	    echo "Could not create $(VENV). On Debian and Ubuntu the package python3-venv is missing:"; \
	    echo "  sudo apt-get install python3-venv     then run make again"; \
	    exit 1; }; \
	fi
	@echo "Installing medda and its pinned packages: 1 to 10 minutes and 2.5 GB, once."
	@echo "(More where pip chooses a CUDA build of torch.)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) \
	  -c constraints.txt --upgrade pip
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) \
	  -c constraints.txt -e ".[book,teaching,cluster,dev]"
	@touch $@

book: $(READY)
	@echo "Building the book from its executed notebooks: under two minutes, nothing is run again."
	@$(BIN)/python -m medda_lib.pages.build

links: $(READY)
	@echo "Links: every address outside the book is asked for; some minutes."
	@$(BIN)/python -m medda_lib.pages.build --links

test: lint types units

lint: $(READY)
	@echo "Style: ruff, a second or two."
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(READY)
	@echo "Types: mypy --strict, up to a minute the first time."
	@$(BIN)/mypy

# One thread per process: the numbers do not depend on the machine's number of cores.
units: $(READY)
	@echo "Tests: pytest with $(WORKERS) processes, some minutes."
	@OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile \
	  --durations=25 --cov=medda_lib --cov-report=term $(PYTEST_FLAGS)

format: $(READY)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean:
	rm -rf _build .mypy_cache .ruff_cache .pytest_cache .coverage .coverage.*
