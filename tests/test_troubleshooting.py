"""The page on messages has those that the program can write, and none that it cannot."""

import ast
import re

from support import ROOT

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
OURS = PAGE.partition("\n## Other programs\n")[0]
ROWS = re.findall(r"^\| (`.*?`) \|", OURS, re.M)
ENTRIES = [entry for row in ROWS for entry in re.findall(r"`(.*?)`", row)]
RAISED = ("UserError", "ValueError", "TypeError", "RefusedError", "NoStoreError")
# What a line says that needs no entry: which values fit, or what to do.
ADVICE = re.compile(
    r"\bmust\b|[;:,] (and )?(use|write|give|set|save|put|pass|delete|choose|make|leave|lay|wait"
    r"|copy|restore|run|train|report|try|say|rename|free|let)\b"
)


def text_of(node):
    """A string of the source, with … for what is put into it."""
    if isinstance(node, ast.JoinedStr):
        return "".join(getattr(part, "value", "…") if isinstance(part, ast.Constant) else "…"
                       for part in node.values)  # fmt: skip
    value = node.value if isinstance(node, ast.Constant) else None
    return " ".join(re.sub(r"%[.\d]*[sdf]", "…", value).split()) if isinstance(value, str) else ""


def strings_and_messages():
    """All strings of the program, and those of errors and warnings that are more than a word."""
    strings, messages = set(), set()
    for path in ROOT.glob("noise_exp/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            strings.add(text_of(node))
            if isinstance(node, ast.Call) and node.args:
                of_log = ast.unparse(node.func) in ("log.warning", "log.error")
                if of_log or getattr(node.func, "id", None) in RAISED:
                    messages.add(text_of(node.args[0]))
    return strings, {text for text in messages if len(re.findall("[A-Za-z]{2,}", text)) > 1}


STRINGS, MESSAGES = strings_and_messages()


def is_of(entry, text):
    """Whether a text has the words of an entry, in its order."""
    return re.search(".*".join(map(re.escape, entry.split("…"))), text, re.DOTALL)


def test_every_entry_is_a_message():
    assert len(ENTRIES) > 60
    for entry in ENTRIES:
        assert len(re.findall("[A-Za-z]{2,}", entry)) > 1, entry
        assert any(is_of(entry, text) for text in STRINGS), entry


def test_every_message_says_what_to_do_or_has_an_entry():
    silent = [text for text in MESSAGES if not ADVICE.search(text)]
    assert not [text for text in silent if not any(is_of(entry, text) for entry in ENTRIES)]
