"""Python 3.14, where argparse checks a help as it is added and Hydra 1.3.8 adds one that is lazy.

The real one runs in Node: `npm install --prefix .venv/node pyodide@314`, as .ci/run does.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

import hydra
import pytest
import python_314
from hydra.main import get_args_parser
from support import PATIENCE, ROOT, composed, options

from noise_exp import cli

PYODIDE = Path(sys.prefix, "node", "node_modules", "pyodide", "pyodide.mjs")
NODE = """
const [pyodide, project, site, commands] = process.argv.slice(1);
const { loadPyodide } = await import(pyodide);
const python = await loadPyodide({ env: { HOME: "/tmp", PYTHONDONTWRITEBYTECODE: "1" } });
python.mountNodeFS("/project", project);
python.mountNodeFS("/site", site);
python.runPython(`
    import os, sys
    sys.path += ["/project", "/project/tests", "/site"]
    os.chdir("/tmp")
`);
console.log(python.pyimport("python_314").start_all(python.toPy(JSON.parse(commands))));
"""
COMMANDS = (
    ("noise_exp", "-m", "dist=glob(*)", "tracking.enabled=false"),
    ("noise_exp", "--no-such-flag"),
    ("noise_exp", "--hydra-help"),
    ("noise_exp", "--help"),
    ("noise_exp.tracking", "ui", "--help"),
    ("noise_exp.report", "--help"),
    ("noise_exp.predict", "--help"),
)


@pytest.mark.slow
def test_every_command_starts_and_a_sweep_is_composed_as_on_this_python():
    node = shutil.which("node")
    if not node or not PYODIDE.exists():
        pytest.skip("needs Node and its package pyodide")
    site = Path(hydra.__file__).parents[1]
    done = subprocess.run(
        [node, "--input-type=module", "-e", NODE, PYODIDE.as_uri(), ROOT, site,
         json.dumps(COMMANDS)],
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    version, results = json.loads(done.stdout.splitlines()[-1])
    assert version.startswith("3.14.")
    assert "badly formed help string" not in done.stdout
    (_, sweep), *others = results  # which ends where results are compared, for lack of NumPy
    codes, (refused, helped, *_) = zip(*others, strict=True)
    assert codes == (1, 0, 0, 0, 0, 0), others
    assert "Traceback" not in str(others)
    assert "unrecognized arguments: --no-such-flag" in refused
    assert "Install or Uninstall shell completion" in helped
    here = [composed(f"dist={option}", "tracking.enabled=false") for option in options("dist")]
    jobs = [line for line in sweep.splitlines() if line.startswith("{")]
    assert jobs == [python_314.as_json(config) for config in here]
    assert len(jobs) == 14


def test_the_check_of_help_is_skipped_for_hydra_alone(monkeypatch):
    add = argparse.ArgumentParser.add_argument

    def checked(_, action):  # as Python 3.14 does
        if action.help and "%" in action.help:
            raise ValueError("badly formed help string")

    def add_checked(parser, *names, **settings):
        action = add(parser, *names, **settings)
        parser._check_help(action)
        return action

    monkeypatch.setattr(argparse.ArgumentParser, "_check_help", checked, raising=False)
    monkeypatch.setattr(argparse.ArgumentParser, "add_argument", add_checked)
    with pytest.raises(TypeError):
        get_args_parser()
    cli._allow_lazy_help()
    parser = get_args_parser()
    assert parser.parse_args(["-m", "seed=1"]).overrides == ["seed=1"]
    for own in (parser, argparse.ArgumentParser()):
        with pytest.raises(ValueError, match="badly formed"):
            own.add_argument("--margin", help="100%")
