# `make` lists the commands. Everything runs in .venv, set up on first use from pinned versions.
PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help setup repro test lint format params adopt pr-report pretrain clean

help: ## list these commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 11

.venv/ready: pyproject.toml constraints.txt
	@echo "Setting up .venv with pinned versions (torch brings CUDA libraries on Linux: some GB the first time) ..."
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

setup: .venv/ready ## create the environment

repro: setup ## run the pipeline on the default data and model; only what changed runs
	@echo "Running the pipeline (dvc repro); the result goes to reports/comparison.md ..."
	dvc repro

test: setup ## run the tests
	@echo "Running the tests, two at a time (about twenty minutes) ..."
	python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: setup ## check style, shell scripts and workflows
	ruff check . && ruff format --check . && shellcheck .ci/run && actionlint

format: setup ## mend style
	ruff check --fix . && ruff format .

params: setup ## compose conf/ into params.yaml, after an edit in conf/
	python -m pipeline.config compose

adopt: setup ## make an experiment's values the defaults: apply it and write them into conf/ (make adopt EXP=NAME)
	$(if $(EXP),dvc exp apply $(EXP))
	python -m pipeline.adopt

pr-report: setup ## what this change does to parameters and scores, with plots: make pr-report BASE=main
	python -m pipeline.pull_request $(or $(BASE),main)

pretrain: setup ## make the bundled base model again, in about an hour; resumes if interrupted
	python -m pretraining.train models/tiny_t5
	dvc commit --force pretrain

clean: ## delete checkpoints of interrupted or changed trainings
	rm -rf models/checkpoints
