# Every target sets up what it needs: a bare clone with Python 3.11+, pip and make is enough.
.DEFAULT_GOAL := help
PYTHON ?= python3
# Processes that share the tests.
JOBS ?= 3
BIN := .venv/bin
RUN := $(BIN)/python -m pipeline
FROM_THE_ROOT := --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/notebooks/00_overview.ipynb
AS_ROOT = $(if $(filter 0,$(shell id -u)),--allow-root)

.PHONY: help setup report test test-pythons bench soak test-browser has-browser prove up down lab lint notebooks lock clean

help:            ## Show what make can do
	@sed -n 's/^\([a-z-]*\): .*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

setup: .venv/.ready   ## Make the environment: .venv, from the hash-pinned lock

report: setup    ## Run the notebooks end to end and write report/build/report.html and report.pdf
	@$(RUN) report

test: setup      ## Run every test: unit, pipeline, notebooks
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

test-pythons: setup ## Test the projector on each Python from 3.11 to 3.13 that is here, and with the oldest pydantic
	@$(BIN)/python -m tests.projector.pythons

prove: setup     ## Prove the projector right: every schedule, crash point and planted bug within the bounds
	@$(BIN)/python -m tests.proof

bench: setup     ## Measure the projector and its peers on the local cloud; keeps docs/benchmark.json
	@$(BIN)/python -m benchmarks

soak: setup      ## A million events: throughput, memory, audit; keeps docs/soak.json
	@$(BIN)/python -m benchmarks.soak

up: setup        ## Start the local cloud, deploy the pipeline, leave it running
	@$(RUN) up

down: setup      ## Delete the stack; the local cloud stops when no other is left in it
	@$(RUN) down

test-browser: has-browser report/build/report.html .venv/.browser ## Test the report and JupyterLab in a headless Chromium
	@$(BIN)/python -m pytest tests/browser

lab: setup       ## Step through the notebooks in JupyterLab; LAB_FLAGS=... are passed on
	@$(BIN)/jupyter lab $(FROM_THE_ROOT) $(AS_ROOT) $(LAB_FLAGS)

lint: setup .venv/checkov/.ready ## ruff, mypy, cfn-lint and checkov
	@$(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/cfn-lint infra/stack.yaml infra/observability.yaml
	@$(BIN)/python -m tests.provisioning.checkov

notebooks: setup ## Run the notebooks in place: refresh the outputs that are committed
	@$(BIN)/python -m pipeline.report.refresh

lock: setup      ## Resolve the locks again from pyproject.toml
	@$(BIN)/python requirements/lock.py

clean:           ## Stop the local cloud; remove the environment and everything generated
	@if [ -e .venv/.ready ]; then env -u INVENTORY_STATE_DIR $(RUN) down --all; \
	elif [ -e .local/checkpoints ]; then echo "a local cloud may run here: make setup, then make clean" >&2; exit 1; fi
	@rm -rf .venv .local report/build

.venv/.ready: requirements/base.lock requirements/uv.lock pyproject.toml requirements/install
	@PYTHON=$(PYTHON) sh requirements/install base && touch $@

.venv/checkov/.ready: requirements/checkov.lock .venv/.ready
	@PYTHON=$(PYTHON) sh requirements/install checkov && touch $@

has-browser:
	@$(PYTHON) tests/browser/chromium.py

report/build/report.html: | .venv/.ready
	@$(RUN) report

.venv/.browser: requirements/browser.lock .venv/.ready
	@PYTHON=$(PYTHON) sh requirements/install browser && touch $@
