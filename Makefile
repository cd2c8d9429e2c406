# Stanch: every command of daily work. `make demo` and `make test` need Python 3.11 or newer, and nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help setup demo run test check bench fuzz chaos lock clean

help: ## list the commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

setup: $(STAMP) ## create .venv with the pinned dependencies

$(STAMP): requirements-dev.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Stanch needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --only-binary :all: -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

demo: setup ## local Slack workspace + Stanch on SQLite + simulated integrations; prints one URL
	@$(BIN)/stanch demo

run: setup ## run Stanch with the settings of the environment (see README.md)
	@$(BIN)/stanch run

test: setup ## unit, contract and end-to-end tests on SQLite and PostgreSQL
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

check: setup ## formatting, lint, types, import rules, content
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/stanch check

bench: setup ## measurements beside a floor, see benchmarks/README.md
	@for name in start storm card slash contain; do echo "== $$name"; $(BIN)/python -m benchmarks.$$name || exit 1; done

fuzz: setup ## the tests that Hypothesis thinks up, forty times longer and never the same; some 20 minutes
	@$(BIN)/python -m pytest -m hypothesis --timeout 0 --hypothesis-profile long --hypothesis-show-statistics

chaos: setup ## kill Stanch 1,000 times while people contain incidents with it; takes hours, see tests/chaos/README.md
	@$(BIN)/python -m tests.chaos.campaign --kills 500 --database sqlite --storm
	@$(BIN)/python -m tests.chaos.campaign --kills 500 --database postgresql --replicas 2 --storm

lock: ## pin the dependencies again (needs uv)
	uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -o requirements.lock
	uv pip compile pyproject.toml --quiet --extra dev -c requirements.lock --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -o requirements-dev.lock

clean: ## remove what was built and the demo's data
	rm -rf $(VENV) .cache var
