.DEFAULT_GOAL := help
.PHONY: help install sweep article seeds test kill lint bench ui clean

PYTHON ?= python3
BIN := .venv/bin
URI := $(or $(MLFLOW_TRACKING_URI),sqlite:///mlruns/mlflow.db)

help:  ## List these targets
	@awk -F ':.*## ' '/^[a-z.\/]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(BIN)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

install: $(BIN)/installed  ## Make an environment in .venv and install everything into it

sweep: install  ## All fourteen methods in one sweep, logged to MLflow (minutes)
	$(BIN)/python -m noise_exp -m 'dist=glob(*)'

article: install  ## The article's own numbers: float64 and its random stream (minutes)
	$(BIN)/python -m noise_exp -m experiment=article 'dist=glob(*)'

seeds: install  ## The fourteen methods on 30 seeds, and the report on method or luck (minutes)
	$(BIN)/python -m noise_exp -m experiment=seed_sensitivity

test: install  ## Run the tests
	$(BIN)/python -m pytest

kill: install  ## Kill a sweep with SIGKILL 20 times and resume it each time (minutes)
	$(BIN)/python -m pytest tests/test_kill.py --kills=20

lint: install  ## Check style, format, types and import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: install  ## Measure speed against PyTorch and JAX, into docs/performance.md (minutes)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python -m noise_exp.bench --output docs/figures --page docs/performance.md

ui: install  ## Browse and compare the runs at http://127.0.0.1:5000
	$(BIN)/mlflow ui --backend-store-uri $(URI)

clean:  ## Delete the environment and all output but the MLflow store
	rm -rf .venv build dist outputs multirun
