# One command for everything; `make` alone lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DEMO   ?=
SEEDS  ?= 5000
SEED   ?= 1
ONLY   ?=

.DEFAULT_GOAL := help
.PHONY: help demo test soak mutants lint format bench bench-peers lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

# Stamps name what was installed, so a second `make` starts at once.
$(VENV)/.runtime: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing tidings into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@echo "installing the test dependencies …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

demo: $(VENV)/.runtime ## a ConnectWise, a server and a receiver in one terminal (DEMO="--seconds 20 --json")
	@$(BIN)/tidings demo $(DEMO)

test: $(VENV)/.dev ## the whole test suite
	@$(BIN)/python -m pytest -n 2 --dist loadgroup tests

soak: $(VENV)/.dev ## seeded histories of polling and of deliveries, many of them (SEEDS=5000, from SEED=1 on)
	@TIDINGS_TEST_SEED=$(SEED) TIDINGS_TEST_SEEDS=$(SEEDS) $(BIN)/python -m pytest -n 2 --tb=line --show-capture=no \
		tests/simulation/test_polling.py::test_every_history_ends_with_everything_announced_once \
		tests/simulation/test_delivery.py::test_every_history_ends_with_everything_delivered_in_order

mutants: $(VENV)/.dev ## break the engine on purpose: is it noticed? (ONLY="guard off, drop the overlap")
	@$(BIN)/python -m tests.simulation.kill_mutants "$(ONLY)"

lint: $(VENV)/.dev ## format check, ruff, mypy --strict, import contracts
	@$(BIN)/ruff format --check src tests bench
	@$(BIN)/ruff check src tests bench
	@$(BIN)/mypy
	@PYTHONPATH=src $(BIN)/lint-imports --no-cache

format: $(VENV)/.dev ## rewrite the sources in the house format
	@$(BIN)/ruff format src tests bench
	@$(BIN)/ruff check --fix src tests bench

bench: $(VENV)/.dev ## every figure of docs/performance.md, each beside its limit
	@$(BIN)/python -m bench

bench-peers: $(VENV)/.dev ## six changes that pollers lose, and deliveries: others beside Tidings (installs them, 5 minutes)
	@PEERS=1 $(BIN)/python -m bench cases delivery

lock: ## maintainers: pin the dependencies anew (needs uv)
	uv pip compile -q pyproject.toml --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 -o requirements.lock
	uv pip compile -q pyproject.toml --group dev --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 -o requirements-dev.lock

clean: ## remove the environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis
