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
from hydra.main import get_args_parser
from omegaconf import OmegaConf
from support import PATIENCE, ROOT, composed, options

from noise_exp import app

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
    ("noise_exp", "--help"),
    ("noise_exp", "--hydra-help"),
    ("noise_exp", "--cfg", "job", "dist=beta", "dist.a=2"),
    ("noise_exp", "--no-such-flag"),
    ("noise_exp", "-m", "dist=glob(*)", "tracking.enabled=false"),
    ("noise_exp.tracking", "ui", "--help"),
    ("noise_exp.report", "--help"),
    ("noise_exp.predict", "--help"),
)


@pytest.fixture(scope="module")
def said():
    """Exit codes and output of the commands on CPython 3.14."""
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
    return dict(zip(COMMANDS, results, strict=True))


@pytest.mark.slow
def test_every_command_starts(said):
    for command, (code, text) in said.items():
        assert "badly formed help string" not in text
        if "-m" in command:
            continue  # ends where results are compared, for lack of NumPy
        assert code == ("--no-such-flag" in command), text
        assert "Traceback" not in text
    assert "unrecognized arguments: --no-such-flag" in said[COMMANDS[3]][1]
    assert "Install or Uninstall shell completion" in said[COMMANDS[1]][1]


@pytest.mark.slow
def test_configurations_are_composed_as_on_this_python(said):
    shown = OmegaConf.create(said[COMMANDS[2]][1])
    assert shown == OmegaConf.create(OmegaConf.to_yaml(composed("dist=beta", "dist.a=2")))
    lines = said[COMMANDS[4]][1].splitlines()
    jobs = [json.loads(line.removeprefix("job ")) for line in lines if line.startswith("job ")]
    here = [composed(f"dist={option}", "tracking.enabled=false") for option in options("dist")]
    as_json = [json.dumps(OmegaConf.to_container(c, resolve=True), default=str) for c in here]
    assert jobs == [json.loads(text) for text in as_json]
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
    app._allow_lazy_help()
    parser = get_args_parser()
    assert parser.parse_args(["-m", "seed=1"]).overrides == ["seed=1"]
    for own in (parser, argparse.ArgumentParser()):
        with pytest.raises(ValueError, match="badly formed"):
            own.add_argument("--margin", help="100%")
