.DEFAULT_GOAL := help
.PHONY: help install sweep article seeds learning feedback-search feedback feedback-long pages docs test check versions kill pictures lint bench theory play notebook play-page ui clean FORCE

PYTHON ?= python3
BIN := .venv/bin

help:  ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Modules are compiled when they are first imported: of all that is installed, a part is. What they
# become is kept, or every start would compile them again.
unexport PYTHONDONTWRITEBYTECODE
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt

# The oldest that the project allows, for the tests of pictures.
OLDEST := $(shell sed -n 's/^ *"matplotlib>=\(.*\)",/\1/p' pyproject.toml)

.venv/made-of: FORCE
	@sh environment.sh '$(PYTHON)' '$(filter-out file,$(origin PYTHON))' '$(MAKECMDGOALS)'

$(BIN)/installed: .venv/made-of
	$(PIP) -e .
	@touch $@

$(BIN)/installed-dev: $(BIN)/installed
	$(PIP) -e '.[dev]'
	$(BIN)/python -m pip install --quiet --no-deps --target .venv/oldest "matplotlib==$(OLDEST).*"
	@touch $@

install: $(BIN)/installed-dev  ## Make an environment in .venv, with what the tests need

sweep: $(BIN)/installed  ## All fourteen methods in one sweep, logged to MLflow (minutes)
	$(BIN)/python -m noise_exp -m 'dist=glob(*)'

article: $(BIN)/installed  ## The article's own numbers: float64 and its random stream (minutes)
	$(BIN)/python -m noise_exp -m experiment=article 'dist=glob(*)'

seeds: $(BIN)/installed  ## The fourteen methods on 30 seeds, and the report on method or luck (minutes)
	$(BIN)/python -m noise_exp -m experiment=seed_sensitivity

learning: install  ## What noise learns, into studies/results (half an hour); cut short, it goes on
	$(BIN)/python -m studies.learning run

feedback-search: install  ## Settings of every method, on validation images (hours); cut short, it goes on
	$(BIN)/python -m studies.feedback search

feedback: install  ## How much feedback noise needs, up to 300 passes (hours); cut short, it goes on
	$(BIN)/python -m studies.feedback run

feedback-long: install  ## The same at 3,000 passes (hours); cut short, it goes on
	$(BIN)/python -m studies.feedback long

pages: install  ## Tables and figures of the docs, from studies/results, without training
	$(BIN)/python -m studies.seeds pages
	$(BIN)/python -m studies.learning pages
	$(BIN)/python -m studies.feedback pages

$(BIN)/installed-docs: $(BIN)/installed
	$(PIP) -e '.[docs]'
	@touch $@

docs: $(BIN)/installed-docs  ## Build the site of the documentation, and check its links
	$(BIN)/python -m sphinx -q -E -W --keep-going docs build/docs
	@echo 'Open build/docs/index.html'

test: install  ## Run the tests (minutes)
	$(BIN)/python -m pytest

check: lint  ## Check style and types, and run the tests that start no command (a minute)
	$(BIN)/python -m pytest -m 'not slow'

versions: install  ## A small sweep and its report on the oldest and the newest versions allowed (minutes)
	sh tests/versions.sh lowest-direct
	sh tests/versions.sh highest

kill: install  ## Kill a sweep with SIGKILL 20 times and resume it each time (minutes)
	$(BIN)/python -m pytest tests/sweep/test_kill.py --kills=20

pictures: install  ## Take the pictures of report and UI, and draw the packages (minutes)
	$(BIN)/python docs/_ext/architecture.py
	$(BIN)/python -m pytest -n0 tests/test_ui.py -k pictures --pictures=docs/figures

lint: install  ## Check style, format, types and import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(BIN)/installed  ## Measure speed against PyTorch and JAX, into docs/results (minutes)
	@echo 'Into .venv, unless they are there: PyTorch, JAX and evosax, 1.4 GB, or 6 GB where'
	@echo "pip takes PyTorch's build for CUDA (Linux on x86). A build without is enough: install it first,"
	@echo "with .venv/bin/pip as PyTorch's page *Get started* says for *CPU*."
	$(PIP) -e '.[bench]'
	$(BIN)/python -m studies.benchmarks --isa native avx2 --output docs/results/performance

theory: $(BIN)/installed  ## Hold the theory against the program, into docs/results (minutes)
	$(BIN)/python -m studies.theory --output docs/results/theory

NOTEBOOK := notebooks/noise_training.py
MARIMO := $(BIN)/python -m marimo
SERVED := --host 127.0.0.1 --port $(or $(PORT),2718)

$(BIN)/installed-notebook: $(BIN)/installed
	$(PIP) -e '.[notebook]'
	@touch $@

play: $(BIN)/installed-notebook  ## Play with it: the notebook in the browser, at 127.0.0.1:2718; SWEEP=ID shows a sweep
	SWEEP=$(SWEEP) $(MARIMO) run $(NOTEBOOK) $(SERVED)

notebook: $(BIN)/installed-notebook  ## The notebook in marimo's editor, at 127.0.0.1:2718
	$(MARIMO) edit $(NOTEBOOK) $(SERVED)

play-page: $(BIN)/installed-notebook  ## The notebook as pages that need no server, and for Jupyter (minutes)
	STILL=1 $(MARIMO) export html $(NOTEBOOK) --force -o play/index.html
	STILL=1 $(MARIMO) export ipynb $(NOTEBOOK) --force --include-outputs -o $(NOTEBOOK:.py=.ipynb)
	rm -rf build/browser play/browser
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps -w build/browser notebooks/browser
	cd build/browser && printf '# /// script\n# dependencies = ["noise-exp @ ./%s"]\n# ///\n' \
		*.whl | cat - ../../$(NOTEBOOK) > noise_training.py
	UV="$$PWD/$(BIN)/uv" $(MARIMO) export html-wasm build/browser/noise_training.py --no-sandbox -o play/browser

ui: $(BIN)/installed  ## Browse and compare the runs; the address comes when the UI answers
	$(BIN)/python -m noise_exp.tracking ui

clean:  ## Delete the environment and all output but the MLflow store
	rm -rf .venv build dist docs/methods outputs multirun play
