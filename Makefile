# README's two commands are `make demo` and `make test`. Each makes its own .venv where there is none.
PYTHON ?= python3
BIN := .venv/bin
DATA ?= $(GAPBENCH_DATA)

.DEFAULT_GOAL := help
.PHONY: help demo test lint check bench format clean

help:  ## what there is to make
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1\t\2/p' Makefile

.venv/pyvenv.cfg:
	$(PYTHON) -m venv .venv

.venv/.demo: .venv/pyvenv.cfg pyproject.toml constraints.txt
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt -e '.[plots]'
	@touch $@

.venv/.dev: .venv/pyvenv.cfg pyproject.toml constraints.txt
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt -e '.[dev]'
	@touch $@ .venv/.demo

demo: .venv/.demo  ## train, score and rank the digits suite; leaves runs/digits/leaderboard.html
	$(BIN)/gapbench run digits --out runs/digits

test: .venv/.dev  ## the tests, without the benchmarks
	$(BIN)/python -m pytest -n 2

lint: .venv/.dev  ## format, lint, types, laws of the house
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy . 
	$(BIN)/lint-imports

check: lint test  ## the gate

bench: .venv/.dev  ## the benchmarks
	$(BIN)/python -m pytest --benchmark-only -p no:xdist -s tests/benchmarks

format: .venv/.dev  ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## remove the environment and the caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info
