"""What brings a channel its notifications: on subscribing, as things happen, and as intervals end."""

from collections.abc import Iterable
from typing import Protocol

from liveexec_deribit.loopback.effects import Effects

Data = object


class Feed(Protocol):
    """One subscription's source. Each method gives the ``data`` of the notifications that are due."""

    def opening(self) -> Iterable[Data]:
        """Due as soon as the subscription stands."""
        ...

    def take(self, effects: Effects) -> Iterable[Data]:
        """Due because of what happened; feeds with an interval keep it for later."""
        ...

    def flush(self) -> Iterable[Data]:
        """Due at the end of an interval."""
        ...
