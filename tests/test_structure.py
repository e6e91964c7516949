"""What keeps the house small: modules that are few and short, and doors where they belong."""

import re
from pathlib import Path

import noise_exp

MODULES = {
    str(path.relative_to(Path(noise_exp.__file__).parent)): path.read_text("utf-8")
    for path in Path(noise_exp.__file__).parent.rglob("*.py")
}


def holding(pattern):
    """The modules whose source holds a pattern."""
    return {name for name, text in MODULES.items() if re.search(pattern, text, re.M)}


def test_no_module_is_too_long_to_be_held_in_the_head():
    assert {n for n, text in MODULES.items() if text.count("\n") > 300} == set()


def test_a_configuration_stops_at_the_door():
    assert len(holding(r"\bDictConfig\b")) <= 6
    assert len(holding(r"^\s*(import|from) hydra\b")) <= 7
    assert not holding(r"hydra\._internal")
    # The task's, a job's description and a sweep's plan are the doors; a launcher has its own.
    doors = {"cli.py", "job/describe.py", "sweep/callback.py"}
    assert holding(r"\b(HydraConfig|SweepContext)\.(get|instance)\(\)") <= doors


def test_sql_and_what_leans_on_mlflows_inside_is_in_one_module():
    assert holding(r"\b(SELECT|UPDATE) .*\b(FROM|SET)\b") == {"tracking/internals.py"}
