"""Verification: what is recorded here against the venues' own books, fill by fill, position by position."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from liveexec.domain.fill import Fill, FillKey
from liveexec.domain.ids import AccountId
from liveexec.domain.money import ZERO
from liveexec.domain.order import Order
from liveexec.domain.position import AccountBook
from liveexec.plugins.adapter import ExternalAdapter
from liveexec.presentation.views.comparisons import Comparison

__all__ = ["compare_with_venues"]


async def compare_with_venues(
    adapters: Sequence[ExternalAdapter],
    books: Sequence[AccountBook],
    fills: Iterable[tuple[AccountId, Fill]],
    open_orders: Sequence[Order],
) -> list[Comparison]:
    """Everything both sides know, line by line. A fill that only one side has, or with other numbers, is a line of
    its own; those that are equal are counted in one line per account."""
    ours: dict[AccountId, dict[FillKey, Fill]] = {}
    for account_id, fill in fills:
        ours.setdefault(account_id, {})[fill.key] = fill
    by_account = {book.account_id: book for book in books}
    found: list[Comparison] = []
    for adapter in adapters:
        for account_id in adapter.accounts:
            reported = (await adapter.fills(account_id, 0)).items
            theirs = {report.fill.key: report.fill for report in reported}
            found += _fills(account_id, ours.get(account_id, {}), theirs)
            found += await _open_orders(account_id, adapter, open_orders)
            found += await _positions(account_id, adapter, by_account.get(account_id))
            found += await _assets(account_id, adapter, by_account.get(account_id))
    return found


def _fills(account_id: AccountId, ours: dict[FillKey, Fill], theirs: dict[FillKey, Fill]) -> list[Comparison]:
    found = []
    equal = 0
    for key in dict.fromkeys([*ours, *theirs]):
        mine, other = ours.get(key), theirs.get(key)
        if mine is not None and other is not None and _facts(mine) == _facts(other):
            equal += 1
            continue
        found.append(
            Comparison(
                "fill",
                account_id,
                key,
                mine.quantity if mine is not None else None,
                other.quantity if other is not None else None,
            )
        )
    total = Comparison("fills", account_id, "number", Decimal(len(ours)), Decimal(len(theirs)))
    return [total, *found]


def _facts(fill: Fill) -> tuple[object, ...]:
    return (fill.instrument_id, fill.side, fill.quantity, fill.price, fill.fee, fill.fee_asset)


async def _open_orders(
    account_id: AccountId, adapter: ExternalAdapter, open_orders: Sequence[Order]
) -> list[Comparison]:
    theirs = (await adapter.open_orders(account_id)).items
    mine = sum(1 for order in open_orders if order.account_id == account_id)
    return [Comparison("open orders", account_id, "number", Decimal(mine), Decimal(len(theirs)))]


async def _positions(account_id: AccountId, adapter: ExternalAdapter, book: AccountBook | None) -> list[Comparison]:
    theirs = {report.instrument_id: report.quantity for report in (await adapter.positions(account_id)).items}
    ours = {name: position.quantity for name, position in book.positions.items()} if book is not None else {}
    # A spot purchase is an asset at the venue, not a position; it is compared as one.
    names = [name for name in dict.fromkeys([*ours, *theirs]) if name in theirs or not _is_spot(book, name)]
    return [
        Comparison("position", account_id, name, ours.get(name, ZERO), theirs.get(name, ZERO), canonical_id=name)
        for name in names
    ]


def _is_spot(book: AccountBook | None, name: str) -> bool:
    return book is not None and any(
        position.instrument_id == name and position.terms.kind == "SPOT" for position in book.positions.values()
    )


async def _assets(account_id: AccountId, adapter: ExternalAdapter, book: AccountBook | None) -> list[Comparison]:
    theirs = {report.asset: report.total for report in (await adapter.balances(account_id)).items}
    ours = dict(book.assets) if book is not None else {}
    return [
        Comparison("asset", account_id, asset, ours.get(asset, ZERO), theirs.get(asset, ZERO))
        for asset in dict.fromkeys([*theirs, *ours])
    ]
