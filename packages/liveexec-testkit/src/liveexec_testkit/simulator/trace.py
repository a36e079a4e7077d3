"""The trace of a run: what happened, in order, in virtual time; its hash names the run's whole course."""

from collections.abc import Sequence
from hashlib import blake2b

from liveexec_testkit.simulator.loop import START_S, SimLoop

__all__ = ["Trace"]


class Trace:
    """Lines of (seconds since the start, who, what). Cheap to write; text is made when it is read."""

    def __init__(self, loop: SimLoop) -> None:
        self._loop = loop
        self._lines: list[tuple[int, str, str]] = []

    def add(self, who: str, what: str) -> None:
        """Something happened."""
        self._lines.append((self._loop.now_ns, who, what))

    def __len__(self) -> int:
        return len(self._lines)

    def lines(self, start: int = 0) -> Sequence[str]:
        """The trace as text, one line per happening."""
        return [f"{_seconds(at_ns)}  {who:<10} {what}" for at_ns, who, what in self._lines[start:]]

    def digest(self) -> str:
        """The hash of every line and of every step of the loop (hexadecimal)."""
        text = "\n".join(f"{at_ns} {who} {what}" for at_ns, who, what in self._lines)
        whole = f"{text}\n{self._loop.steps} {self._loop.fingerprint}"
        return blake2b(whole.encode(), digest_size=16).hexdigest()


def _seconds(at_ns: int) -> str:
    return f"{at_ns / 1e9 - START_S:10.6f}"
