# Everything runs in .venv, which `make setup` makes; PYTHON chooses the interpreter for it.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Tests run in so many processes, each file in one of them.
PROCESSES ?= 2
SYMBOL ?= SPX
STRATEGY ?= strategies/spy_momentum_v1.json
# What an index fund costs; the command's own default of 0.5 % is meant for single options.
SLIPPAGE ?= 0.0002

.PHONY: help setup demo test lint types layers unit coverage wheel wheel-first lab app bench deep agreement crowds kills stops clean
.DEFAULT_GOAL := help

help: ## show this
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: .venv/installed .venv/warm ## .venv with btkit and every tool; quick when nothing changed

.venv/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("btkit needs Python 3.11 or newer; set PYTHON=...") if sys.version_info < (3, 11) else None' >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv >&2
	@echo "installing btkit and its tools into .venv" >&2
	@$(PIP) install --quiet --upgrade 'pip>=24' >&2
	@$(PIP) install --quiet --editable '.[dev]' >&2
	@touch $@

# The loop is compiled once per machine and kept on disk, so that no run has to wait for it.
.venv/warm: .venv/installed $(wildcard $(patsubst %,btkit/%/*.py,conditions engine engine/books metrics models/kernels pricing))
	@echo "compiling the simulation loop" >&2
	@$(BIN)/backtest warm-up >&2
	@touch $@

demo: setup ## a real strategy on 20 years of the S&P 500: JSON on stdout, paths on stderr
	@$(BIN)/backtest run --strategy $(STRATEGY) --symbol $(SYMBOL) --source sample \
		--start 1999-01-04 --end 2018-12-31 --slippage $(SLIPPAGE) || [ $$? -eq 1 ]

# What needs nothing compiled is done while the loop is.
test: .venv/installed ## all that CI runs
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target .venv/warm lint types layers wheel-first
	@$(MAKE) --no-print-directory unit
	$(BIN)/python scripts/check_wheel.py then

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed
	$(BIN)/mypy

layers: .venv/installed
	$(BIN)/lint-imports

PYTEST := $(BIN)/python -m pytest -n $(PROCESSES) --dist loadfile --durations=25

unit: setup
	$(PYTEST)

coverage: setup ## the tests again, several times slower, with what they leave out
	$(PYTEST) --cov --cov-report=term:skip-covered

wheel: setup ## the wheel alone, in an empty environment, does what README promises
	$(BIN)/python scripts/check_wheel.py

wheel-first: .venv/installed
	$(BIN)/python scripts/check_wheel.py first

DEEP := DEEP=1 $(BIN)/python -m pytest -o faulthandler_timeout=0

deep: agreement crowds kills stops ## what is too long for each change, part by part

agreement: setup ## engine and plain simulation on 20,000 drawn cases of shares and of spreads
	$(DEEP) tests/oracle/test_agreement.py tests/unit/conditions/test_over_time.py

crowds: setup ## 50 runs at once on one database
	$(DEEP) tests/storage/test_at_once.py

kills: setup ## 30 runs killed and resumed
	$(DEEP) tests/storage/test_killed.py

stops: setup ## runs stopped at every bar and resumed
	$(DEEP) tests/unit/jobs/test_interruption.py

lab: setup ## the notebooks in JupyterLab
	$(BIN)/jupyter lab --notebook-dir=. --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb

app: setup ## the spec editor as an app in the browser, by Voilà
	BT_DATA_SOURCE=sample $(BIN)/voila notebooks/01_edit_a_spec.ipynb --no-browser

bench: setup ## speeds, as a table
	$(BIN)/python benchmarks/bench.py

clean: ## remove what was made, not what was stored
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache htmlcov artefacts
