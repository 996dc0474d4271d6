# `make` sets up .venv and runs the default study; see `make help`.
SHELL := /bin/bash
.DEFAULT_GOAL := study
VENV := .venv
PYTHON ?= python3
CORES ?= all
CONFIG := $(if $(STUDY),config/$(STUDY).yaml,config.yaml)
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
READY := $(VENV)/.ready

.PHONY: study figures tables report tune test test-all check paper-check format bench ui clean help

study: $(READY)  ## set up, then run the default study, or one of config/: make STUDY=recovery CORES=1 VERBOSE=1
	@snakemake --cores $(CORES) --configfile $(CONFIG) $(if $(VERBOSE),--printshellcmds)

figures tables: $(READY)  ## only the figures, or only the tables, and what they need
	snakemake $@ --cores $(CORES) --configfile $(CONFIG)

report: $(READY)  ## one page of all tables and figures with the workflow that made them, report.html, of a study that was run
	snakemake --cores $(CORES) --configfile $(CONFIG) --report report.html --report-stylesheet workflow/report/style.css

tune: $(READY)  ## choose the constants of every method by equally many trials: config/tuning.yaml, or STUDY=
	snakemake $@ --cores $(CORES) --configfile config/$(or $(STUDY),tuning).yaml

test: $(READY)  ## set up, then run the tests
	python -m pytest -n 2 --dist loadfile -m "not slow"

test-all: $(READY)  ## the tests, with those that take longer
	python -m pytest -n 2 --dist loadfile

check: $(READY)  ## format, lint and types
	ruff format --check .
	ruff check .
	mypy
	snakefmt --check Snakefile workflow
	snakemake --lint

paper-check: $(READY)  ## do the tables of docs/ that reference runs gave say what these measured?
	python -m vscbench.reference docs/published.md docs/reproduction.md docs/protocol.md docs/leaderboard.md

format: $(READY)  ## format the code
	ruff format .
	ruff check --fix .
	snakefmt Snakefile workflow

bench: $(READY)  ## speed, as ratios measured in one run on one core; on a GPU, where there is one, in steps a second
	OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/run.py
	OMP_NUM_THREADS=1 python benchmarks/scaling.py
	python benchmarks/gpu.py

ui: $(READY)  ## compare runs in MLflow, and print where each experiment is (STUDY=, PORT=5001 for another port)
	vscbench ui --config $(CONFIG) --port $(or $(PORT),5000)

clean:  ## remove the results, but not the environment
	find results -mindepth 1 ! -name README.md -delete

help:  ## this list
	@grep -hE '^[a-z -]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name one with make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	pip install --progress-bar off -r requirements.lock \
		|| { $(PYTHON) -c 'import sys; sys.exit(sys.version_info >= (3, 14))' \
		|| echo "If a package failed to build: from Python 3.14 on that takes a C compiler and python3-dev; or: make PYTHON=python3.13"; exit 1; }
	pip install --no-deps --editable .
	@touch $@
