# `make` lists the commands. Everything runs in .venv, set up on first use from pinned versions.
PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help repository setup repro test check lint format params adopt graph plan try pr-report pretrain clean

help: ## list these commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 11

repository:
	@git rev-parse --verify --quiet HEAD > /dev/null 2>&1 || { \
	  echo "This folder has no git history, as a download without git has not, and DVC needs one. First:"; \
	  echo "    git init && git add --all && git commit --message start"; exit 1; } >&2

.venv/ready: pyproject.toml constraints.txt | repository
	@echo "Setting up .venv with pinned versions (torch brings CUDA libraries on Linux: some GB the first time) ..."
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

setup: repository .venv/ready ## create the environment

repro: setup ## run the pipeline on the default data and model; only what changed runs
	@echo "Running the pipeline (dvc repro); the result goes to reports/comparison.md ..."
	dvc repro

test: setup ## run all tests
	@echo "Running all tests, two at a time (ten to forty minutes, by machine) ..."
	python -m pytest -n 2

check: setup ## style, types and the tests that train nothing, in some minutes
	ruff check . && ruff format --check . && mypy
	python -m pytest -n 2 -m "not slow"

lint: setup ## check style, types, shell scripts and workflows
	ruff check . && ruff format --check . && mypy && shellcheck .ci/run && actionlint

format: setup ## correct style
	ruff check --fix . && ruff format .

params: setup ## compose conf/ into params.yaml, after an edit in conf/
	python -m pipeline compose

adopt: setup ## make an experiment's values the defaults: apply it and write a file of conf/ (make adopt EXP=NAME)
	$(if $(EXP),dvc exp apply $(EXP))
	python -m pipeline adopt $(EXP)

graph: setup ## which stages an edit of the code reruns, file by file
	python -m pipeline graph

plan: setup ## will it fit? memory, time and disk of every method, before anything is trained
	python -m pipeline.plan

try: setup ## type a text, and every trained method answers (make try METHODS=lora,full)
	python -m pipeline.predict $(or $(METHODS),all)

pr-report: setup ## what this change does to parameters and scores, with plots: make pr-report BASE=main
	python -m pipeline pull_request $(or $(BASE),main)

pretrain: setup ## make the bundled base model again, in about an hour; resumes if interrupted
	python -m pretraining.train
	dvc repro code
	dvc commit --force pretrain

clean: ## delete checkpoints of interrupted or changed trainings
	rm -rf models/checkpoints
