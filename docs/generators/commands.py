"""The command line, from its own help."""

import io
from collections.abc import Iterator, Sequence
from typing import Final

from cyclopts import App
from rich.console import Console

from liveexec.cli.app import app

__all__ = ["command_line", "commands"]

_WIDTH: Final = 88


def command_line() -> str:
    """What ``--help`` says, of the whole and of every command."""
    return "\n\n".join(_section(path) for path in commands())


def commands() -> list[tuple[str, ...]]:
    """Every command by its words; the empty one is the program itself."""
    return list(_below(app, ()))


def _below(parent: App, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield path
    for name in sorted(each for each in parent if not each.startswith("-")):
        yield from _below(parent[name], (*path, name))


def _section(path: Sequence[str]) -> str:
    written = io.StringIO()
    console = Console(file=written, width=_WIDTH, force_terminal=False, color_system=None)
    app.help_print(list(path), console=console)
    text = written.getvalue().strip()
    if path:
        # What holds of every command stands once.
        text = text.partition("\n\n--debug anywhere")[0].rstrip()
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return f"## {' '.join(('liveexec', *path))}\n\n```text\n{lines}\n```"
