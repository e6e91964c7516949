"""The built wheel, away from the checkout."""

import os
import subprocess
import sys

import pytest
from support import ROOT


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The wheel's content in a folder of its own; what it needs comes from this environment."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    target = folder / "site"
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--target", target, wheel]
    subprocess.run(pip, check=True, capture_output=True)
    return target


def run(command, installed, folder):
    return subprocess.run(
        command, cwd=folder, env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("entry", ["module", "script"])
def test_the_wheel_works_from_any_folder(installed, tmp_path, entry):
    command = [sys.executable, "-m", "noise_exp"]
    if entry == "script":
        command = [sys.executable, installed / "bin" / "noise-exp"]
    options = ["network=small", "epochs=2", "experiment=article", "network.hidden=[4,4]"]
    done = run([*command, *options, "tracking.enabled=false"], installed, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "of 20 test images wrong" in done.stdout
    where = run([*command, "--info", "searchpath"], installed, tmp_path)
    assert str(installed / "noise_exp" / "conf") in where.stdout


def test_the_wheel_holds_no_study(installed):
    assert {path.name for path in installed.iterdir() if path.is_dir()} >= {"noise_exp"}
    assert not (installed / "studies").exists()


def test_the_wheel_carries_the_data_card_and_the_reports_page(installed):
    assert (installed / "noise_exp" / "report" / "page.html.j2").is_file()
    card = installed / "noise_exp" / "training" / "assets" / "README.md"
    assert "CC BY-SA 3.0" in card.read_text()
