#!/bin/sh
# A small sweep, its resume, its report and a model on the oldest and the newest versions allowed,
# and what leans on MLflow's inside:
# sh tests/versions.sh lowest-direct
# sh tests/versions.sh highest
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"$root/.venv/bin/uv" venv --quiet --python "$root/.venv/bin/python" env
"$root/.venv/bin/uv" pip install --quiet --python env/bin/python --resolution "$1" "$root"
"$root/.venv/bin/uv" pip install --quiet --python env/bin/python 'pytest>=8.3' 'hypothesis>=6' 'playwright>=1.49'
"$root/.venv/bin/uv" pip list --quiet --python env/bin/python | grep -E '^(hydra-core|mlflow|numpy|pandas) '
python=env/bin/python
sweep="$python -m noise_exp -m dist=gumbel,backprop seed=1,2 network=small epochs=3"
$sweep
$sweep resume=true | grep 'finished already'
parent=$($python -c 'from mlflow import MlflowClient as C; c = C("sqlite:///mlruns/mlflow.db")
print(c.search_runs(["1"], "tags.kind = '"'sweep'"'")[0].info.run_id)')
$python -m noise_exp.report "$parent"
$python -c 'import numpy; numpy.save("zeros.npy", numpy.full((2, 28, 28), 200, numpy.uint8))'
run=$($python -c 'from mlflow import MlflowClient as C; c = C("sqlite:///mlruns/mlflow.db")
print(c.search_runs(["1"], "tags.kind = '"'run'"' and tags.dist = '"'backprop'"'")[0].info.run_id)')
$python -m noise_exp.predict "$run" zeros.npy
cd "$root"
"$folder/env/bin/python" -m pytest -o addopts=-q tests/tracking/test_internals.py tests/test_ui.py \
    -k 'internals or newest or rows'
echo "The $1 versions work."
