# `make run` and `make test` are all that a newcomer needs; `make help` lists the rest.
# Every path is relative, so that the repository may stand in a folder whose name has spaces.

PYTHON ?= python3
WORKERS ?= 2
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test test-long coverage check format format-check lint types contracts bench lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

run: .venv/run.stamp ## Start the console and its runner (settings: NEPSE_* variables, see README.md)
	@host="$${NEPSE_HOST:-127.0.0.1}" port="$${NEPSE_PORT:-8501}"; \
		$(BIN)/python -ISc 'import socket as s, sys; s.create_server((sys.argv[1], int(sys.argv[2])), family=s.AF_INET6 if ":" in sys.argv[1] else s.AF_INET)' \
			"$$host" "$$port" 2> /dev/null \
		|| { echo "The console cannot listen on port $$port of $$host: it is taken (by another console?) or not to be had. Name another one in NEPSE_PORT." >&2; exit 1; }; \
		exec $(BIN)/python -m streamlit run app.py --server.address "$$host" --server.port "$$port"

test: .venv/dev.stamp ## Run the tests, but for the long ones (ARGS="-k name" picks some, WORKERS=0 runs them one by one)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

test-long: .venv/dev.stamp ## Run the crash and soak tests that take minutes and print their figures (CRASH_KILLS=100 makes it shorter)
	@$(BIN)/python -m pytest -m long -rP --timeout 3600 $(ARGS)

coverage: .venv/dev.stamp ## Run the tests and list the lines that none of them reaches
	@$(BIN)/python -m pytest --cov --cov-report term-missing:skip-covered $(ARGS)

check: format-check lint types contracts test ## Everything that must pass before a change lands

format: .venv/dev.stamp ## Rewrite the code in the one format
	@$(BIN)/python -m ruff format .
	@$(BIN)/python -m ruff check --fix-only --quiet .

format-check: .venv/dev.stamp ## Is the code in the one format?
	@$(BIN)/python -m ruff format --check .

lint: .venv/dev.stamp ## Look for mistakes that need no run
	@$(BIN)/python -m ruff check .

types: .venv/dev.stamp ## Check the types
	@$(BIN)/python -m mypy

contracts: .venv/dev.stamp ## Check who may import whom
	@$(BIN)/lint-imports

bench: .venv/dev.stamp ## Measure every claim of speed and size
	@for script in benchmarks/*.py; do echo "== $$script"; PYTHONPATH=. $(BIN)/python "$$script" || exit 1; done

lock: ## Resolve requirements*.txt anew into the lock files
	@rm -rf .venv-lock && "$(PYTHON)" -m venv .venv-lock
	@.venv-lock/bin/python -m pip --disable-pip-version-check --quiet install -r requirements.txt
	@{ sed -n 1p requirements.lock; .venv-lock/bin/python -m pip freeze; } > .venv-lock/run.lock
	@.venv-lock/bin/python -m pip --disable-pip-version-check --quiet install -r requirements-dev.txt
	@{ sed -n 1,2p requirements-dev.lock; .venv-lock/bin/python -m pip freeze | grep -vxF -f .venv-lock/run.lock; } > .venv-lock/dev.lock
	@mv .venv-lock/run.lock requirements.lock && mv .venv-lock/dev.lock requirements-dev.lock && rm -rf .venv-lock

clean: ## Remove the environment and the caches, never the data in var/
	rm -rf .venv .venv-lock .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is younger than its lock file when everything in it is installed: then nothing is done and no network is needed.
.venv/run.stamp: requirements.lock | $(BIN)/pip
	@echo "Installing what the console needs (once) ..."
	@$(PIP) install -r requirements.lock
	@touch $@

.venv/dev.stamp: requirements-dev.lock .venv/run.stamp
	@echo "Installing what the tests and checks need (once) ..."
	@$(PIP) install -r requirements-dev.lock
	@touch $@

$(BIN)/pip: # the last file that venv writes
	@command -v "$(PYTHON)" > /dev/null || { echo "No $(PYTHON) here: install Python 3.11 or newer, or say PYTHON=python3.12." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "$(PYTHON) is $$("$(PYTHON)" --version 2>&1): Python 3.11 or newer is needed, say for example PYTHON=python3.12." >&2; exit 1; }
	@"$(PYTHON)" -c 'import venv, ensurepip' 2> /dev/null \
		|| { echo "$(PYTHON) has no venv module: install it (Debian and Ubuntu: apt-get install python3-venv)." >&2; exit 1; }
	@"$(PYTHON)" -m venv .venv
