# README's two commands are `make demo` and `make test`. Each makes its own .venv where there is none.
PYTHON ?= python3
BIN := .venv/bin
DATA ?= $(GAPBENCH_DATA)

.DEFAULT_GOAL := help
.PHONY: help studies demo reference findings test lint check bench simulations bench-compare bench-baseline golden gpu check-zoo docs format clean

help:  ## what there is to make
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile

.venv/pyvenv.cfg:
	$(PYTHON) -m venv .venv

.venv/.demo: .venv/pyvenv.cfg pyproject.toml constraints.txt
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt -e '.[plots]'
	@touch $@

.venv/.dev: .venv/pyvenv.cfg pyproject.toml constraints.txt
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt -e '.[dev]'
	@touch $@ .venv/.demo

demo: .venv/.demo  ## train the digits suite, score the core measures and rank them; leaves runs/digits/leaderboard.html
	$(BIN)/gapbench run digits --measures core --out runs/digits

studies: .venv/.demo  ## the small size of every study, those that are missing; leaves runs/STUDY, docs/studies.md and .html
	@for study in $$($(BIN)/python -m harness.reports.studies_page --names runs); do \
	  OMP_NUM_THREADS=1 $(BIN)/gapbench run $$study --out runs/$$study || exit 1; done
	$(BIN)/python -m harness.reports.studies_page runs --html

reference: .venv/.demo  ## train and score the cifar10 reference zoo, hours, LIMIT=96 for the first 96; adds what is new to leaderboard/reference
	OMP_NUM_THREADS=1 $(BIN)/gapbench train cifar10 --size reference --mode channels_last --executor processes --workers 2 \
	  --out runs/reference $(if $(LIMIT),--limit $(LIMIT)) $(if $(DATA),--data-dir $(DATA))
	OMP_NUM_THREADS=1 $(BIN)/gapbench score cifar10 --size reference --executor processes --workers 2 \
	  --out runs/reference $(if $(LIMIT),--limit $(LIMIT)) $(if $(DATA),--data-dir $(DATA))
	$(BIN)/python -m harness.reports.reference_part runs/reference leaderboard/reference/cifar10 --observed error_under_shift

findings: .venv/.demo  ## docs/leaderboard.html and docs/findings.md of reference:cifar10; OTHERS=zoos to compare it with, HELD_OUT=its held-out zoo
	$(BIN)/gapbench page reference:cifar10 $(if $(HELD_OUT),--beside $(HELD_OUT)) -o docs/leaderboard.html
	$(BIN)/python -m harness.reports.findings reference:cifar10 $(OTHERS) $(if $(HELD_OUT),--held-out $(HELD_OUT))

test: .venv/.dev  ## the tests, without the benchmarks
	$(BIN)/python -m pytest -n 2 --dist loadgroup

lint: .venv/.dev  ## format, lint, types, laws of the house
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy . 
	$(BIN)/lint-imports

check: lint test  ## the gate

BENCH := $(BIN)/python -m pytest --benchmark-only --benchmark-columns=min,rounds -p no:xdist
PART = $(if $(QUICK),tests/benchmarks/quick,tests/benchmarks --ignore=tests/benchmarks/statistics)
BASELINE := tests/benchmarks/baseline/quick.json

bench: .venv/.dev  ## the benchmarks; QUICK=1: two minutes of them; leaves runs/bench/current.json
	@mkdir -p runs/bench
	$(BENCH) -s $(PART) --benchmark-json=runs/bench/current.json

simulations: .venv/.dev  ## simulated levels and coverage of the statistics, 20 minutes
	$(BENCH) -s tests/benchmarks/statistics

bench-compare: .venv/.dev  ## the quick benchmarks against the stored baseline: worse counts or ratios fail; leaves runs/bench/comparison.md
	@mkdir -p runs/bench
	$(BENCH) -q tests/benchmarks/quick --benchmark-json=runs/bench/quick.json
	$(BIN)/python -m harness.reports.bench_compare $(BASELINE) runs/bench/quick.json --markdown runs/bench/comparison.md

bench-baseline: .venv/.dev  ## store the counts and ratios of today as the baseline
	@mkdir -p $(dir $(BASELINE))
	$(BENCH) -q tests/benchmarks/quick --benchmark-json=$(BASELINE)

golden: .venv/.dev  ## renew the golden numbers of measures that are new or whose version was raised, and of nothing else
	$(BIN)/python -m tests.golden.numbers.renew

gpu: .venv/.dev  ## measure training and scoring on a GPU, 25 minutes; SMALL=1: a tiny size, also on a CPU
	$(BIN)/python -m tests.benchmarks.gpu_report --out runs/gpu $(if $(SMALL),--small) $(if $(DATA),--data-dir $(DATA))

check-zoo: .venv/.demo  ## the networks and scores that gapbench check compares with; leaves runs/check
	OMP_NUM_THREADS=1 $(BIN)/gapbench run check --out runs/check --executor local --mode fleet --fleet 12
	$(BIN)/python -m harness.checking.build_zoo runs/check

.venv/.docs: .venv/.demo
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt -e '.[docs]'
	@touch $@

docs: .venv/.docs  ## the documentation site, warnings are errors; leaves build/docs/index.html
	$(BIN)/python -m sphinx -q -W --keep-going -b html -d build/doctrees docs build/docs

format: .venv/.dev  ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## remove the environment and the caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info
