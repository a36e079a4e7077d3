"""Lists of fills from clients that do not say whether they followed every page."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

__all__ = ["all_fills"]

#: Rounds after which a list that still brings something new is given up as cut off.
_MOST_PAGES: Final = 200


async def all_fills(
    fetch: Callable[[int, int], Awaitable[Sequence[Any]]], since_ns: int, until_ns: int, page: int
) -> tuple[list[Any], bool]:
    """Every fill report of a span, and whether that is all. ``fetch`` gives those between two times, both included,
    newest first or last, at least the newest ``page`` of them.

    Whether a client follows pages shows in what it gives: a span that brings as many as a page, or more, is asked for
    again up to its oldest, until it brings less or nothing new.
    """
    found: dict[tuple[str, str, str], Any] = {}
    for _ in range(_MOST_PAGES):
        reports = await fetch(since_ns, until_ns)
        fresh = {_key(each): each for each in reports if _key(each) not in found}
        found |= fresh
        if len(reports) < page:
            return list(found.values()), True
        if not fresh:
            break
        until_ns = min(each.ts_event for each in reports)
    return list(found.values()), False


def _key(report: Any) -> tuple[str, str, str]:
    return str(report.instrument_id), str(report.venue_order_id), str(report.trade_id)
