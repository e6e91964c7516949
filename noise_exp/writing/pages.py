"""Tables that a command writes into a page of the documentation."""

import re
from pathlib import Path


def fill(path: Path, name: str, text: str) -> bool:
    """Put a text into a page between `<!-- name -->` and `<!-- end -->`; return if it has these."""
    page, found = place(name).subn(lambda m: f"{m[1]}{text}{m[2]}", path.read_text("utf-8"))
    if found:
        path.write_text(page, "utf-8")
    return found > 0


def place(name: str) -> re.Pattern[str]:
    """Return what finds a text's place in a page."""
    return re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
