"""A live run's results, from the tables of its database: the same files as a replay's, for a range of time.

Positions are folded from the first fill on, so that they are right when the range begins; results count from there.
What changed a position without a fill (a settlement, a liquidation) is in no table of fills: where the fold and the
table of positions differ at the end, a note says so.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from importlib import metadata
from types import MappingProxyType
from typing import Any, Final

from liveexec.domain import money
from liveexec.domain.fill import Fill, FillKey, Liquidity
from liveexec.domain.ids import AccountId, InstrumentId, OrderId, StrategyId
from liveexec.domain.instrument import ContractTerms
from liveexec.domain.money import ZERO
from liveexec.domain.operation import Side
from liveexec.domain.stored import FillRow
from liveexec.errors import Fault, InvalidInput
from liveexec.storage.database import Database
from liveexec.storage.queries import MAX_LIMIT, FillFilter, OrderFilter, Queries
from liveexec.storage.results.archive import RunResults
from liveexec.storage.results.conversions import fill_of_row, order_of_row
from liveexec.storage.results.history import PortfolioHistory
from liveexec.storage.results.run_ids import config_hash, new_run_id
from liveexec.storage.results.summary import RunKind, TickBytes, summarize
from liveexec.storage.results.times import iso_time
from liveexec.storage.rows import position_of

__all__ = ["live_results"]

_PAGE: Final = min(10_000, MAX_LIMIT)
#: Later than every time that the tables can hold.
_END: Final = 2**63 - 1
_NO_RATES: Final[Mapping[str, Decimal]] = MappingProxyType({})


async def live_results(
    database: Database,
    *,
    since_ns: int,
    until_ns: int | None,
    now_ns: int,
    currency: str,
    name: str = "live",
    initial_value: Decimal = ZERO,
    rates: Mapping[str, Decimal] = _NO_RATES,
    log: str = "",
) -> RunResults:
    """What happened in ``[since_ns, until_ns)``, by the engine's times; ``now_ns`` is when the export is made. Without
    an end it is everything that there is, also what a host with a clock ahead of ours has written.

    Orders are those that were received in the range, as they stand now; fills those that counted in it.

    Raises:
        InvalidInput: the range is empty, or an asset has no rate in the currency.
        StorageError: the database can't be read.
    """
    end_ns = until_ns if until_ns is not None else _END
    if since_ns >= end_ns:
        raise InvalidInput("results of a live run", [Fault("until", "must be after since")])
    queries = Queries(database)
    orders = [order_of_row(row) for row in await _all_orders(queries, since_ns, end_ns)]
    rows = await _all_fills(queries, end_ns)
    held = await queries.positions()
    terms = {position.instrument_id: position.terms for position in map(position_of, held)}
    history = PortfolioHistory(currency, initial_value, rates)
    has_begun = False
    for row in rows:
        if not has_begun and row["applied_at"] >= since_ns:
            history.begin()
            has_begun = True
        found = _fill_row(row)
        history.fill(found, _terms_of(found, terms))
    if not has_begun:
        history.begin()
    if until_ns is None:
        times = (*(order.updated for order in orders), *(row["applied_at"] for row in rows[-1:]))
        end_ns = max((now_ns, *times)) + 1
    history.finish(end_ns)
    fills = [fill_of_row(row) for row in rows if row["applied_at"] >= since_ns]
    config = {
        "source": "live",
        "since": iso_time(since_ns),
        "until": iso_time(end_ns),
        "currency": currency,
        "initial_value": money.canonical(initial_value),
        "rates": {asset: money.canonical(rate) for asset, rate in sorted(rates.items())},
    }
    summary = summarize(
        run_id=new_run_id(name, config, now_ns),
        kind=RunKind.LIVE,
        engine="live",
        version=metadata.version("liveexec-core"),
        config_hash=config_hash(config),
        started_ns=since_ns,
        ended_ns=end_ns,
        covers_ns=(since_ns, end_ns),
        currency=currency,
        initial_value=initial_value,
        orders=orders,
        fills=fills,
        equity_curve=history.equity_curve,
        tick_data=TickBytes(),
        notes=_differences(history, held, end_ns),
    )
    return RunResults(
        summary=summary,
        config=config,
        orders=orders,
        fills=fills,
        positions=history.positions,
        equity_curve=history.equity_curve,
        log=log,
    )


async def _all_orders(queries: Queries, since_ns: int, until_ns: int) -> list[dict[str, Any]]:
    """Every order of the range, oldest first."""
    found: list[dict[str, Any]] = []
    before: tuple[int, OrderId] | None = None
    while True:
        page = await queries.orders(OrderFilter(since_ns=since_ns, until_ns=until_ns, before=before), _PAGE)
        found += page
        if len(page) < _PAGE:
            return found[::-1]
        last: Mapping[str, Any] = page[-1]
        before = (last["created_at"], last["order_id"])


async def _all_fills(queries: Queries, until_ns: int) -> list[dict[str, Any]]:
    """Every fill that counts, up to the end, oldest first."""
    found: list[dict[str, Any]] = []
    before: tuple[int, str] | None = None
    while True:
        page = await queries.fills(FillFilter(until_ns=until_ns, before=before), _PAGE)
        found += page
        if len(page) < _PAGE:
            return [row for row in reversed(found) if not row["busted"]]
        last: Mapping[str, Any] = page[-1]
        before = (last["applied_at"], last["fill_key"])


def _fill_row(row: Mapping[str, Any]) -> FillRow:
    fill = Fill(
        FillKey(row["fill_key"]),
        InstrumentId(row["canonical_id"]),
        Side(row["side"]),
        money.shortest(row["quantity"]),
        money.shortest(row["price"]),
        money.shortest(row["fee"]),
        row["fee_asset"],
        Liquidity(row["liquidity"]),
        row["venue_time"],
        row["estimated"],
    )
    return FillRow(
        AccountId(row["account_id"]),
        StrategyId(row["strategy_id"]),
        OrderId(row["order_id"]),
        fill,
        row["busted"],
        row["applied_at"],
    )


def _terms_of(found: FillRow, terms: Mapping[InstrumentId, ContractTerms]) -> ContractTerms:
    instrument_id = found.fill.instrument_id
    if instrument_id not in terms:
        raise InvalidInput(
            "results of a live run",
            [Fault(instrument_id, "has a fill and no position: run `liveexec db verify`")],
        )
    return terms[instrument_id]


def _differences(history: PortfolioHistory, rows: Sequence[Mapping[str, Any]], end_ns: int) -> list[str]:
    """Where positions that have not changed since the end are not what the fills add up to."""
    folded = {(row.account_id, row.strategy_id, row.instrument_id): row.quantity for row in history.positions}
    notes = []
    for row in rows:
        if row["updated_at"] >= end_ns:
            continue
        key = (row["account_id"], row["strategy_id"], row["canonical_id"])
        quantity = money.shortest(row["quantity"])
        if folded.get(key, ZERO) != quantity:
            notes.append(
                f"{key[2]} of {key[1]} at {key[0]}: fills add up to {money.canonical(folded.get(key, ZERO))}, "
                f"held are {money.canonical(quantity)}: it changed without a fill"
            )
    return notes
