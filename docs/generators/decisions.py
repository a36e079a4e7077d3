"""The decision records, from their folder."""

import re
from pathlib import Path
from typing import Final

__all__ = ["decision_list"]

_FOLDER: Final = Path(__file__).parents[1] / "decisions"
_TITLE: Final = re.compile(r"^# (?:\d+[.:]) (.+)$", re.MULTILINE)


def decision_list() -> str:
    """A line for each record, by number, and the same for the contents at the side."""
    lines, pages = [], []
    for path in sorted(_FOLDER.glob("[0-9]*.md")):
        found = _TITLE.search(path.read_text(encoding="utf-8"))
        if found is None:
            raise LookupError(f"{path.name} has no title")
        lines.append(f"- [{path.stem[:4]}](decisions/{path.name}): {found.group(1)}")
        pages.append(f"decisions/{path.stem}")
    return "\n".join([*lines, "", "```{toctree}", ":hidden:", "", *pages, "```"])
