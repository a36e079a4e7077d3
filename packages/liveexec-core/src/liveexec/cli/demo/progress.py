"""What the demo shows while it works: a line for each step as it ends, and what is under way below them."""

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from liveexec.cli.demo.runner import Outcome
from liveexec.cli.demo.steps import Step

__all__ = ["DemoProgress"]

_NAME_WIDTH = 24


class DemoProgress:
    """Lines on a console; on a terminal with a moving line of the steps under way."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._running: dict[str, Step] = {}
        self._live = Live(console=console, refresh_per_second=10, transient=True) if console.is_terminal else None

    def __enter__(self) -> "DemoProgress":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, text: str) -> None:
        """A line about the demo itself."""
        self._console.print(Text(text, style="dim"))

    def told(self, step: Step) -> None:
        """A step begins."""
        self._running[step.name] = step
        self._refresh()

    def done(self, outcome: Outcome) -> None:
        """A step ended."""
        self._running.pop(outcome.step.name, None)
        good = outcome.difference is None
        line = Text("  ✓ " if good else "  ✗ ", style="green" if good else "red", overflow="ellipsis", no_wrap=True)
        line.append(f"{outcome.step.name:<{_NAME_WIDTH}.{_NAME_WIDTH}} ", style="bold")
        line.append(f"{outcome.shown}", style="cyan")
        line.append(f"  {outcome.step.title}", style="default")
        self._console.print(line)
        if outcome.difference is not None:
            self._console.print(Text(f"      {outcome.difference}", style="red"))
        self._refresh()

    def _refresh(self) -> None:
        if self._live is not None:
            names = ", ".join(self._running) or "…"
            self._live.update(Spinner("dots", Text(f" {names}", style="dim")))
