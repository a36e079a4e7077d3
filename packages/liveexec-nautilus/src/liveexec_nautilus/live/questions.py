"""Questions to a venue that the node's strategy can't ask: what the venue itself has, apart from what the node heard.

The node keeps what its own session brought, and invents what it missed (inferred fills, orders for positions), so none
of that is a snapshot. What is asked here goes to the venue each time.
"""

from typing import Protocol

from liveexec_nautilus import vendor
from liveexec_nautilus.live.protocol import Answer, Ask, Cancel
from liveexec_nautilus.live.telling import facts_of

__all__ = ["NoQuestions", "QuestionFailed", "Questions", "instrument_facts"]


class QuestionFailed(Exception):
    """The venue did not answer, or what it answered can't be read. Proves nothing."""


class Questions(Protocol):
    """What can be asked of one venue. Each answer is the venue's own at that moment, with all its pages."""

    async def answer(self, ask: Ask) -> Answer:
        """The answer to ``order``, ``open_orders``, ``fills``, ``positions``, ``balances`` or ``trades``.

        Raises:
            QuestionFailed: there is none.
        """

    async def cancel(self, told: Cancel) -> Answer:
        """Cancel an order that the node does not hold, by the venue's own request.

        Raises:
            QuestionFailed: nothing proves that the venue took it.
        """

    async def close(self) -> None:
        """Give up its connections."""


class NoQuestions:
    """For clients of data alone."""

    async def answer(self, ask: Ask) -> Answer:
        raise QuestionFailed(f"{ask.client} has no account in this node")

    async def cancel(self, told: Cancel) -> Answer:
        raise QuestionFailed(f"{told.client} has no account in this node")

    async def close(self) -> None:
        pass


def instrument_facts(cache: vendor.Cache, ask: Ask, nautilus_venue: str) -> Answer:
    """Every instrument that the node has of a venue."""
    found = (facts_of(each) for each in cache.instruments() if each.id.venue.value == nautilus_venue)
    return Answer(ask.ref, facts=tuple(found))
