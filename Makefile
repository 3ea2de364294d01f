# `make` lists what there is. Every target does its own set-up: all it needs is Python 3.11 or
# newer and make. Everything lands in .venv; nothing global is touched.

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
BENCH_INSTALLED := $(VENV)/.installed-bench
DUCKDB1 := .venv-duckdb1
# The newest Python here that is new enough; `make PYTHON=/path/to/python` decides otherwise.
PYTHON := $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PYTEST_ARGS ?=
BENCH_ARGS ?=
PYTEST := $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-duckdb1 lanes-ran check bench soak api docs schema clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## install everything into .venv

demo: $(INSTALLED) ## a simulated company: true and counted values side by side, then live
	$(BIN)/meetlat demo

# Tests run side by side; those that share the Kafka broker stay together (see tests/support).
test: $(INSTALLED) ## all tests; names what it cannot run here, and what to install for it
	@PYTHONPATH=tests $(BIN)/python -m support.lanes
	$(PYTEST) -n auto --maxprocesses 4 --dist loadgroup -m "not soak" $(PYTEST_ARGS)

test-duckdb1: $(DUCKDB1)/.installed ## the aggregator's tests on the older DuckDB
	$(DUCKDB1)/bin/python -m pytest tests/aggregator -n auto --maxprocesses 4 --dist loadgroup \
		-m "not soak and not kafka" $(PYTEST_ARGS)

lanes-ran: $(INSTALLED) # after `make test` with --junitxml=JUNIT: every lane ran, and skipped nothing
	PYTHONPATH=tests $(BIN)/python -m support.lanes $(JUNIT)

check: $(INSTALLED) ## style, types, import arrows, public API, JSON Schema, generated pages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m meetlat.contract.schema
	$(BIN)/python docs/generate.py --check
	$(PYTEST) -q -p no:cacheprovider tests/sdk/test_api.py tests/sdk/test_contract_schema.py \
		tests/system/test_docs.py tests/system/test_repository.py

# BENCH_ARGS: names of what to measure, and --full for the sizes of docs/performance.md.
bench: $(BENCH_INSTALLED) ## measure speed; writes bench/results.json
	$(BIN)/python -m bench $(BENCH_ARGS)

soak: $(INSTALLED) ## the long tests: minutes to hours
	$(BIN)/python -m pip install --quiet --editable '.[dev,soak]'
	$(PYTEST) -m soak --timeout 0 $(PYTEST_ARGS)

api: $(INSTALLED) ## rewrite the snapshot of the public names
	PYTHONPATH=tests $(BIN)/python -m support.api --write

docs: $(INSTALLED) ## rewrite the generated pages
	$(BIN)/python docs/generate.py

schema: $(INSTALLED) ## rewrite the JSON Schema; refuses a change that is not additive
	$(BIN)/python -m meetlat.contract.schema --write

clean: ## remove what make made
	rm -rf $(VENV) $(DUCKDB1) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(INSTALLED): pyproject.toml
	@$(require_python)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

# What the figures stand beside; nothing here needs it.
$(BENCH_INSTALLED): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --editable '.[dev,bench]'
	@touch $@

$(DUCKDB1)/.installed: pyproject.toml
	@$(require_python)
	$(PYTHON) -m venv $(DUCKDB1)
	$(DUCKDB1)/bin/python -m pip install --quiet --editable '.[dev]' 'duckdb==1.5.5'
	@touch $@

define require_python
test -n "$(PYTHON)" || { \
	echo "make: no Python 3.11 or newer found; install one, or say make PYTHON=/path/to/python" >&2; \
	exit 1; }; \
$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	echo "make: $(PYTHON) cannot make a virtual environment; install its venv package (Debian: apt install python3-venv)" >&2; \
	exit 1; }
endef
