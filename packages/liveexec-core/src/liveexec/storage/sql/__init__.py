"""Every query, named and commented in a ``.sql`` file of this folder.

A statement begins with ``-- name: its_name``; the comment lines after it say what it is for and are not sent.
"""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Final

__all__ = ["statements"]

_MARK: Final = "-- name:"


@cache
def statements(file: str) -> Mapping[str, str]:
    """The statements of ``<file>.sql`` by name.

    Raises:
        ValueError: a name is given twice, or a statement is empty or stands before the first name.
    """
    text = resources.files(__package__).joinpath(f"{file}.sql").read_text(encoding="utf-8")
    head, *parts = text.split(_MARK)
    if _without_comments(head):
        raise ValueError(f"{file}.sql: a statement stands before the first name")
    found: dict[str, str] = {}
    for part in parts:
        name, _, body = part.partition("\n")
        statement = _without_comments(body).removesuffix(";").rstrip()
        if not statement or name.strip() in found:
            raise ValueError(f"{file}.sql: {name.strip()} is empty or there twice")
        found[name.strip()] = statement
    return MappingProxyType(found)


def _without_comments(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--")).strip()
