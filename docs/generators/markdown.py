"""Markdown made of what the code says."""

import inspect
import re
from collections.abc import Iterable, Sequence
from typing import Final

__all__ = ["called", "code", "prose", "summary", "table"]

#: So many characters of a block of code are seen on a laptop's screen; the rest is scrolled to.
_SEEN: Final = 88
_ROLE: Final = re.compile(r":\w+:`~?([^`<>]+?)`")
_LITERAL: Final = re.compile(r"``([^`]+)``")
_DIRECTIVE: Final = re.compile(r"^\.\. .*$", re.MULTILINE)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(each) for each in line)} |" for line in lines)


def code(text: object) -> str:
    """The text as it stands."""
    return f"`{text}`"


def called(name: str, parameters: Sequence[str], returned: str) -> str:
    """A signature: on one line where that can be seen whole, else a line for each parameter."""
    line = f"{name}({', '.join(parameters)}) -> {returned}"
    return (
        line
        if len(line) <= _SEEN
        else "\n    ".join([f"{name}(", *(f"{each}," for each in parameters)]) + f"\n) -> {returned}"
    )


def prose(docstring: str | None) -> str:
    """A docstring as Markdown: literals with one backquote, roles by what they name, no directives."""
    text = _DIRECTIVE.sub("", inspect.cleandoc(docstring or ""))
    text = _ROLE.sub(lambda found: code(found.group(1).rpartition(".")[2]), text)
    text = _LITERAL.sub(lambda found: code(found.group(1)), text)
    # Every other piece is between backquotes and stands as it is.
    pieces = text.split("`")
    return "`".join(piece if index % 2 else piece.replace("*", r"\*") for index, piece in enumerate(pieces)).strip()


def summary(docstring: str | None) -> str:
    """A docstring's first paragraph on one line."""
    return " ".join(prose(docstring).split("\n\n")[0].split())


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")
