"""The built wheel, away from the checkout."""

import os

import pytest
from support import ROOT, python

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The wheel's content in a folder of its own; what it needs comes from this environment."""
    folder = tmp_path_factory.mktemp("wheel")
    python("-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    (wheel,) = folder.glob("*.whl")
    python("-m", "pip", "install", "--no-deps", "--no-compile", "--target", folder / "site", wheel)
    return folder / "site"


def test_the_wheel_works_from_any_folder(installed, tmp_path):
    elsewhere = {"cwd": tmp_path, "env": {**os.environ, "PYTHONPATH": str(installed)}}
    options = ("network=small", "epochs=2", "experiment=article", "network.hidden=[4,4]")
    script = installed / "bin" / "noise-exp"
    said = python(script, *options, "tracking.enabled=false", **elsewhere)
    assert "of 20 test images wrong" in said
    said = python("-m", "noise_exp", "--info", "searchpath", **elsewhere)
    assert str(installed / "noise_exp" / "conf") in said


def test_the_wheel_holds_the_package_and_no_study(installed):
    there = {path.relative_to(installed) for path in installed.rglob("*.py")}
    assert there == {path.relative_to(ROOT) for path in (ROOT / "noise_exp").rglob("*.py")}
    conf = installed / "noise_exp" / "conf"
    options = {path.relative_to(conf) for path in conf.rglob("*.yaml")}
    assert options == {path.relative_to(ROOT / "conf") for path in ROOT.glob("conf/**/*.yaml")}
    assert (installed / "noise_exp" / "report" / "page.html.j2").is_file()
    card = installed / "noise_exp" / "training" / "assets" / "README.md"
    assert "CC BY-SA 3.0" in card.read_text()
