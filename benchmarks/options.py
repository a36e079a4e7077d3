"""How large a benchmark runs, and how it tells that it is still at work."""

import sys

from attrs import frozen

__all__ = ["Options"]


@frozen
class Options:
    """``quick`` proves that a benchmark runs and measures nothing much; ``orders`` scales those that take a number."""

    quick: bool = False
    orders: int | None = None

    def say(self, text: str) -> None:
        """A line of progress, beside the output."""
        print(f"  … {text}", file=sys.stderr, flush=True)
