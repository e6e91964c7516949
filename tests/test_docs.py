"""What the pages say of the project is true where a program can see it."""

import html
import re
import sys
from pathlib import Path

import pytest
import yaml
from support import ROOT

import noise_exp

sys.path.append(str(ROOT / "docs" / "_ext"))
import architecture

PAGES = [
    *ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/reference/*.md"),
    *ROOT.glob("noise_exp/**/*.md"),
]  # fmt: skip
README = (ROOT / "README.md").read_text("utf-8")
PROJECT = (ROOT / "pyproject.toml").read_text("utf-8")


def anchors(page: Path) -> set[str]:
    """The places in a page that a link can lead to."""
    text = page.read_text("utf-8")
    heads = re.findall(r"^#+ (.*)$", text, re.M)
    named = set(re.findall(r'<a id="([^"]+)"', text))
    return named | {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = re.sub(r"^    .*$|`[^`]*`", "", page.read_text("utf-8"), flags=re.M)
    for link in re.findall(r"\]\(((?!https://)[^)\s]+)\)", text):
        name, _, place = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not place or place in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_command_after_a_list_is_not_a_paragraph_of_its_last_item(page):
    text = page.read_text("utf-8")
    assert not re.findall(r"^(?:[-*] |\d\. |  (?! )).*\n\n    \S.*", text, re.M)


def test_the_readme_is_read_in_one_sitting():
    assert README.count("\n") <= 110


def test_the_drawing_names_every_package_and_module_in_its_own_words():
    drawn = (ROOT / "docs" / "figures" / "architecture.svg").read_text("utf-8")
    words = " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", drawn))
    rows = [(name, line) for row in architecture.rows() for name, line in row.items()]
    package = ROOT / "noise_exp"
    packages = {path.parent.name for path in package.glob("*/__init__.py")}
    assert {name for name, _ in rows} == packages | {
        path.stem for path in package.glob("*.py") if path.stem != "__init__"
    }
    for name, line in rows:
        if name != "__main__":
            assert f" {name} {html.escape(line, quote=False)} " in f" {words} "
    assert all(rule in words for rule in architecture.rules())


def test_every_make_target_in_the_pages_is_one():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    for page in PAGES:
        for target in re.findall(r"`make ([a-z-]+)", page.read_text("utf-8")):
            assert target in targets, f"{page}: make {target}"


def test_one_version_and_one_list_of_pythons():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert str(cited["version"]) == noise_exp.__version__
    assert f"## {noise_exp.__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")
    pythons = re.findall(r"Python :: (3\.\d+)", PROJECT)
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]
    assert jobs["tests"]["strategy"]["matrix"]["python"] == pythons
    assert jobs["tests"]["steps"][-1]["run"] == "bash .ci/run"
    assert f'requires-python = ">={pythons[0]}"' in PROJECT
    assert f"Python {pythons[0]} to {pythons[-1]} are tried" in README


# Words that only this project would understand; an underscore ends a word. What stands behind some
# is the language's own use of it: told apart and told to, the law of large numbers, NumPy's floor
# and the noise floor.
PRIVATE = r"""(?ix) (?<![a-z]) (?: bent | bury | courier | hurry | ink | ladder | level\swith
    | repair(s|ed)? | rooms? | rungs? | ways?[\s_]back | laws?(?!\sof\s(large|succession))
    | told(?![\s_](apart|from|to)(?![a-z])) | (?<!\.)(?<!")(?<!noise[\s_])floors? ) (?![a-z])"""
# Keys of earlier versions, where a line names the new one or an earlier run is read.
EARLIER = {
    "noise_exp/job/config_errors.py": {"ladder", "rung", "law", "repair"},
    "noise_exp/job/build.py": {"law"},
    "noise_exp/runs/record.py": {"repair", "ink"},
    "tests/job/test_bad_input.py": {"ladder", "rung", "law", "repair"},
    "tests/runs/test_naming.py": {"repair"},
}


def test_no_word_is_this_projects_own():
    kinds = ("md", "py", "yaml", "j2")
    places = ("docs", "conf", "noise_exp", "studies", "notebooks", "tests")
    files = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    files += [
        path for place in places for kind in kinds for path in ROOT.glob(f"{place}/**/*.{kind}")
    ]
    for path in files:
        name = path.relative_to(ROOT).as_posix()
        found = {hit[0].lower() for hit in re.finditer(PRIVATE, path.read_text("utf-8"))}
        assert name == "tests/test_docs.py" or found <= EARLIER.get(name, set()), name


def test_the_glossary_is_short():
    rows = re.findall(
        r"^\| (?!term|---)(.*?) \|", (ROOT / "docs/glossary.md").read_text("utf-8"), re.M
    )
    assert 0 < len(rows) == len(set(rows)) <= 20
