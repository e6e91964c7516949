"""What the pages say of the project is true where a program can see it."""

import re
from pathlib import Path

import pytest
import yaml
from support import ROOT

import noise_exp

PAGES = sorted(
    path.relative_to(ROOT)
    for path in ROOT.rglob("*.md")
    if not re.search(r"(^|/)(\.\w+|multirun|mlruns|figures)/", str(path.relative_to(ROOT)))
)
README = (ROOT / "README.md").read_text()


def anchors(page: Path) -> set[str]:
    """The places in a page that a link can lead to."""
    text = page.read_text()
    heads = re.findall(r"^#+ (.*)$", text, re.M)
    named = set(re.findall(r'<a id="([^"]+)"', text))
    return named | {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page):
    text = re.sub(r"^    .*$|`[^`]*`", "", (ROOT / page).read_text(), flags=re.M)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith("https://"):
            continue
        name, _, place = link.partition("#")
        target = (ROOT / page).parent / name if name else ROOT / page
        assert target.exists(), link
        assert not place or place in anchors(target), link


def test_the_readme_is_read_in_one_sitting():
    assert README.count("\n") <= 150


def _first_words(tree: str) -> list[str]:
    return re.findall(r"^ {6}(\w+/|\w+\.py) ", tree, re.M)


def test_the_tree_names_every_package_and_nothing_else():
    tree = README.partition("## Where things are")[2].partition("\n## ")[0]
    _, of_studies, of_package = re.split(r"^ {4}(?:studies|noise_exp)/", tree, flags=re.M)
    studies = {f"{path.parent.name}/" for path in (ROOT / "studies").glob("*/__init__.py")}
    assert set(_first_words(of_studies)) == studies
    names = _first_words(of_package)
    package = Path(noise_exp.__file__).parent
    rooms = {f"{path.name}/" for path in package.iterdir() if (path / "__init__.py").is_file()}
    files = {path.name for path in package.glob("*.py")} - {"__init__.py", "__main__.py"}
    assert set(names) == rooms | files
    told = set(re.findall(r"\w+\.py|\w+/", tree.partition("      training/")[2])) - set(names)
    training = package / "training"
    named = {name for name in told if (training / name).exists() or (package / name).exists()}
    assert told == named
    there = {path.name for path in training.glob("*.py")} - {"__init__.py"}
    assert there <= told


def test_every_make_target_in_the_pages_is_one():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    for page in PAGES:
        for target in re.findall(r"`make ([a-z-]+)", (ROOT / page).read_text()):
            assert target in targets, f"{page}: make {target}"


def test_one_version_and_one_list_of_pythons():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert str(cited["version"]) == noise_exp.__version__
    assert f"## {noise_exp.__version__}" in (ROOT / "CHANGELOG.md").read_text()
    project = (ROOT / "pyproject.toml").read_text()
    pythons = re.findall(r"Python :: (3\.\d+)", project)
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]
    assert jobs["tests"]["strategy"]["matrix"]["python"] == pythons
    assert jobs["tests"]["steps"][-1]["run"] == "bash .ci/run"
    assert f'requires-python = ">={pythons[0]}"' in project
    assert f"Python {pythons[0]} to {pythons[-1]} are tried" in README
