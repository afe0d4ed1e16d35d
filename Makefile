# Twinbook. `make help` lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
PYTEST := $(BIN)/python -m pytest -n 2 --dist worksteal

.PHONY: help demo test test-all lint deps bench clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

demo: $(VENV)/core.stamp ## Play the whole story on two people who don't exist, into demo-out/
	@$(BIN)/python examples/demo/play.py

test: $(VENV)/dev.stamp deps lint ## Run the quick tests (under 15 minutes on two cores)
	@$(PYTEST) -m "not slow"

test-all: test $(VENV)/diffusion.stamp ## Run every test: the quick ones, then the slow ones and those that need torch
	@$(PYTEST) -m slow
	@$(PYTEST) -m "not slow" tests/diffusion tests/contracts/test_engine_contract.py

lint: $(VENV)/dev.stamp ## Check style, and that imports point one way
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports

deps: ## Install what tests need from Debian (as root; otherwise name it)
	@tools/deps.sh

bench: $(VENV)/dev.stamp ## Run a benchmark beside its peers: make bench NAME=seal [QUICK=1]
	@tools/bench.sh "$(NAME)"

clean: ## Remove what was built here, not what you made
	@rm -rf $(VENV) .bench build *.egg-info src/*.egg-info

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Twinbook needs Python 3.11 or newer: make PYTHON=python3.11 …" >&2; exit 1; }
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/core.stamp: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "installing Twinbook and its libraries (about a gigabyte on disk; a few minutes the first time)"
	@$(PIP) install -U pip -c constraints.txt
	@$(PIP) install -e . -c constraints.txt
	@echo "compiling the matting solver, once (about a minute)"
	@$(BIN)/python -c "import pymatting"
	@touch $@

$(VENV)/dev.stamp: $(VENV)/core.stamp
	@echo "installing what tests need"
	@$(PIP) install --group dev -c constraints.txt
	@touch $@

$(VENV)/diffusion.stamp: $(VENV)/dev.stamp
	@echo "installing torch and diffusers (about a gigabyte on disk)"
	@$(PIP) install -e '.[diffusion]' -c constraints.txt
	@touch $@
