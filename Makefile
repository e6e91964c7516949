.DEFAULT_GOAL := help
.PHONY: help install sweep article seeds learning ladder-search ladder test check kill pictures lint bench theory play notebook play-page ui clean

PYTHON ?= python3
BIN := .venv/bin
LAYERS := 'network.frozen=[],[1],[2],[3],[1,2],[1,3],[2,3]'

help:  ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Modules are compiled when they are first imported: of all that is installed, a part is. What they
# become is kept, or every start would compile them again.
unexport PYTHONDONTWRITEBYTECODE
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt

# The oldest that the project allows, for the tests of pictures.
OLDEST := $(shell sed -n 's/^ *"matplotlib>=\(.*\)",/\1/p' pyproject.toml)

$(BIN)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
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

LEARN := $(BIN)/python -m noise_exp -m hydra.sweep.dir=multirun/learning
learning: install  ## What noise learns, into docs/learning.md (half an hour)
	rm -rf multirun/learning
	$(LEARN)/learn experiment=learn 'dist=glob(*)' 'seed=range(1,11)'
	$(LEARN)/learn_none experiment=learn estimator.repair=none 'dist=glob(*)' 'seed=range(1,4)'
	$(LEARN)/learn_rank experiment=learn estimator.repair=rank 'dist=glob(*)' 'seed=range(1,4)'
	$(LEARN)/learn_nodes experiment=learn estimator=node_perturbation estimator.repair=sign \
		forward_passes=60 'dist=glob(*)' 'seed=range(1,3)'
	$(LEARN)/digits/noise experiment=digits 'dist=glob(*,exclude=backprop)' 'seed=range(1,6)'
	$(LEARN)/digits/backprop experiment=digits_backprop 'seed=range(1,6)'
	$(LEARN)/learn_layers experiment=learn dist=gaussian,backprop $(LAYERS) 'seed=range(1,6)'
	$(LEARN)/digits_layers experiment=digits dist=gaussian,backprop $(LAYERS) 'seed=range(1,4)'
	$(LEARN)/grid experiment=learn dist=gaussian 'estimator=glob(*)' 'optimizer=glob(*)' \
		estimator.repair=sign forward_passes=60
	$(BIN)/python -m studies.learning multirun/learning --seconds \
		--output docs/figures --page docs/learning.md

# Every rung is searched with as many trials; the settings that only some have are named here.
search = $(BIN)/python -m noise_exp -m experiment=ladder_search tracking.model=false \
	hydra.sweep.dir=multirun/ladder/search/$(1) rung=$(1)
ADAM := 'optimizer.lr=tag(log,interval(1e-4,1e-1))'
SPREAD := 'estimator.scale=tag(log,interval(1e-3,1e-1))'
DRAWS := 'estimator.samples=choice(1,4,16)'
ladder-search: install  ## Settings for the rungs of the ladder, on validation images (hours)
	$(call search,cost_scaled) 'optimizer.lr=tag(log,interval(1e-6,1e-1))'
	$(call search,hill_climb) 'optimizer.scale=tag(log,interval(1e-4,1e-1))' 'optimizer.adaptation=interval(1.1,3)'
	$(call search,annealing) 'optimizer.scale=tag(log,interval(1e-4,1e-1))' 'optimizer.temperature=tag(log,interval(1e-5,1e-1))'
	$(call search,spsa) $(ADAM) $(SPREAD)
	$(call search,es) $(ADAM) $(SPREAD) 'estimator.pairs=choice(1,4,16)'
	$(call search,low_rank_es) $(ADAM) $(SPREAD) 'estimator.pairs=choice(16,64,256)'
	$(call search,node_perturbation_blind) $(ADAM) $(SPREAD) $(DRAWS)
	$(call search,node_perturbation) $(ADAM) $(SPREAD) $(DRAWS)
	$(call search,feedback_alignment) $(ADAM) 'estimator.scale=tag(log,interval(0.1,10))'
	$(call search,direct_feedback_alignment) $(ADAM) 'estimator.scale=tag(log,interval(0.1,10))'
	$(call search,learned_feedback) $(ADAM) 'estimator.scale=tag(log,interval(1e-2,1))' 'estimator.rate=tag(log,interval(1e-2,1))'
	$(call search,forward_gradient) $(ADAM) 'estimator.samples=choice(1,4)'
	$(call search,unit_forward_gradient) $(ADAM) $(DRAWS)
	$(call search,backprop) dist=backprop $(ADAM)
	$(call search,node_perturbation_blind) $(ADAM) $(SPREAD) $(DRAWS) forward_passes=300 \
		hydra.sweep.dir=multirun/ladder/search_300

LADDER := $(BIN)/python -m noise_exp -m experiment=ladder tracking.model=false hydra.sweep.dir=multirun/ladder
TWO := hydra/launcher=joblib hydra.launcher.n_jobs=2
FEEDBACKS := rung=learned_feedback,feedback_alignment,direct_feedback_alignment
LONG := $(addprefix ladder-long-,$(basename $(notdir $(wildcard conf/rung/*.yaml))))
DEPTHS := 'network.hidden=[128],[128,128],[128,128,128],[128,128,128,128],[128,128,128,128,128],[128,128,128,128,128,128]'
ladder: install  ## How much noise must be told, into docs/ladder.md (hours)
	rm -rf $(addprefix multirun/ladder/,passes seconds few_laws laws feedback depth)
	$(LADDER)/passes/few $(TWO)
	$(MAKE) -j2 $(LONG)
	$(LADDER)/seconds forward_passes=null train_seconds=10
	$(LADDER)/few_laws $(TWO) 'rung=glob(*,exclude=backprop)' dist=gaussian,gumbel,poisson,pareto forward_passes=100
	$(LADDER)/laws $(TWO) rung=node_perturbation_blind 'dist=glob(*,exclude=backprop)' forward_passes=300 \
		network.init_scale=0.022 optimizer.lr=0.016 estimator.scale=0.034
	$(LADDER)/feedback $(TWO) $(FEEDBACKS) network.hidden=[32],[32,32],[128],[128,128] network.init_scale=0.09 \
		forward_passes=100 'seed=range(1,11)'
	$(LADDER)/depth $(TWO) rung=node_perturbation_blind,node_perturbation,feedback_alignment,direct_feedback_alignment,learned_feedback,unit_forward_gradient,backprop \
		$(DEPTHS) network.init_scale=0.09 forward_passes=100
	$(BIN)/python -m studies.learning.ladder multirun/ladder --costs \
		--output docs/figures --page docs/ladder.md

# Learning rates were searched at 100 passes: at 3,000 they are divided by the root of 30.
$(LONG): ladder-long-%:
	rate=$$(awk '/^  lr:/ {print $$2 / 5.5}' conf/rung/$*.yaml); \
	$(LADDER)/passes/3000_$* rung=$* forward_passes=3000 threads=1 $${rate:+optimizer.lr=$$rate}

test: install  ## Run the tests (minutes)
	$(BIN)/python -m pytest

check: lint  ## Check style and types, and run the tests that start no command (a minute)
	$(BIN)/python -m pytest -m 'not slow'

kill: install  ## Kill a sweep with SIGKILL 20 times and resume it each time (minutes)
	$(BIN)/python -m pytest tests/sweep/test_kill.py --kills=20

pictures: install  ## Take the README's pictures of the report and of MLflow's UI (minutes)
	$(BIN)/python -m pytest -n0 tests/test_ui.py -k pictures --pictures=docs/figures

lint: install  ## Check style, format, types and import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(BIN)/installed  ## Measure speed against PyTorch and JAX, into docs/performance.md (minutes)
	@echo 'Into .venv, unless they are there: PyTorch, JAX and evosax, 1.4 GB, or 6 GB where'
	@echo "pip takes PyTorch's build for CUDA (Linux on x86). A build without is enough: install it first,"
	@echo "with .venv/bin/pip as PyTorch's page *Get started* says for *CPU*."
	$(PIP) -e '.[bench]'
	$(BIN)/python -m studies.benchmarks --isa native avx2 --output docs/figures --page docs/performance.md

theory: $(BIN)/installed  ## Hold the theory against the program, into docs/theory.md (minutes)
	$(BIN)/python -m studies.theory --output docs/figures/theory --page docs/theory.md

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
	UV=$(CURDIR)/$(BIN)/uv $(MARIMO) export html-wasm build/browser/noise_training.py --no-sandbox -o play/browser

ui: $(BIN)/installed  ## Browse and compare the runs; the address comes when the UI answers
	$(BIN)/python -m noise_exp.tracking ui

clean:  ## Delete the environment and all output but the MLflow store
	rm -rf .venv build dist outputs multirun play
