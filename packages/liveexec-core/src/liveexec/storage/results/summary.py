"""``summary.json``: what a run was, how it came out, and how much tick data it read. It is written last.

Times are text of ISO 8601 in UTC, amounts are text. A later version may add keys; none changes its meaning.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal, localcontext
from enum import StrEnum
from typing import Any, Final

import msgspec
from attrs import asdict, field, frozen

from liveexec.domain.money import MONEY, ZERO, canonical
from liveexec.domain.secret import masked
from liveexec.errors import ConfigurationError, Fault, InvalidInput
from liveexec.storage.results.rows import EquityPoint, ResultFill, ResultOrder
from liveexec.storage.results.times import iso_time, time_ns_of
from liveexec.structuring import strict_converter, structured

__all__ = ["RunKind", "RunSummary", "TickBytes", "read_summary", "summarize", "summary_bytes"]


class RunKind(StrEnum):
    """What a run was."""

    BACKTEST = "backtest"
    REPLAY = "replay"
    LIVE = "live"


@frozen(kw_only=True)
class TickBytes:
    """The tick data that a run read, against what its files would have cost whole.

    ``is_exact`` is false where a store cut rows out itself and the size of what it gave was counted.
    """

    bytes_read: int = 0
    bytes_of_full_read: int = 0
    rows: int = 0
    signals: int = 0
    windows: int = 0
    is_exact: bool = True


@frozen(kw_only=True)
class RunSummary:
    """A run as ``summary.json`` tells of it. ``engine`` is what filled its orders; ``started_at`` and ``ended_at``
    are when it ran, ``covers_from`` and ``covers_to`` which times of the market it was about."""

    run_id: str
    kind: RunKind
    engine: str
    version: str
    config_hash: str
    started_at: str
    ended_at: str
    covers_from: str
    covers_to: str
    currency: str
    initial_value: Decimal
    final_value: Decimal
    realized_pnl: Decimal
    unrealized_pnl: Decimal
    fees: Decimal
    max_drawdown: Decimal
    orders: int
    orders_by_status: Mapping[str, int]
    fills: int
    strategies: tuple[str, ...]
    instruments: tuple[str, ...]
    tick_data: TickBytes
    notes: tuple[str, ...] = field(default=())


def summarize(
    *,
    run_id: str,
    kind: RunKind,
    engine: str,
    version: str,
    config_hash: str,
    started_ns: int,
    ended_ns: int,
    covers_ns: tuple[int, int],
    currency: str,
    initial_value: Decimal,
    orders: Sequence[ResultOrder],
    fills: Sequence[ResultFill],
    equity_curve: Sequence[EquityPoint],
    tick_data: TickBytes,
    notes: Sequence[str] = (),
) -> RunSummary:
    """The summary of a run's rows; without a point of the curve nothing was gained or lost."""
    last = equity_curve[-1] if equity_curve else None
    return RunSummary(
        run_id=run_id,
        kind=kind,
        engine=engine,
        version=version,
        config_hash=config_hash,
        started_at=iso_time(started_ns),
        ended_at=iso_time(ended_ns),
        covers_from=iso_time(covers_ns[0]),
        covers_to=iso_time(covers_ns[1]),
        currency=currency,
        initial_value=initial_value,
        final_value=last.portfolio_value if last is not None else initial_value,
        realized_pnl=last.realized_pnl if last is not None else ZERO,
        unrealized_pnl=last.unrealized_pnl if last is not None else ZERO,
        fees=last.fees if last is not None else ZERO,
        max_drawdown=_max_drawdown(initial_value, equity_curve),
        orders=len(orders),
        orders_by_status=dict(sorted(Counter(order.status for order in orders).items())),
        fills=len(fills),
        strategies=tuple(sorted({order.strategy_id for order in orders})),
        instruments=tuple(sorted({fill.instrument_id for fill in fills})),
        tick_data=tick_data,
        notes=tuple(notes),
    )


def summary_bytes(summary: RunSummary) -> bytes:
    """The file, as it is published."""
    document = asdict(summary, value_serializer=lambda _, __, value: _plain(value))
    return (masked(msgspec.json.format(msgspec.json.encode(document), indent=2).decode()) + "\n").encode()


def read_summary(data: bytes, what: str) -> RunSummary:
    """A summary from its file; keys that a later version added are passed over.

    Raises:
        InvalidInput: with every fault.
    """
    try:
        document: Any = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidInput(what, [Fault("", f"is not JSON: {error}")]) from None
    if isinstance(document, dict):
        document = _known(document, RunSummary)
        if isinstance(document.get("tick_data"), dict):
            document["tick_data"] = _known(document["tick_data"], TickBytes)
    try:
        summary = structured(_CONVERTER, document, RunSummary, what)
    except ConfigurationError as error:
        raise InvalidInput(what, error.faults) from None
    for name in ("started_at", "ended_at", "covers_from", "covers_to"):
        time_ns_of(getattr(summary, name))
    return summary


_CONVERTER: Final = strict_converter()


def _known(document: Mapping[str, Any], kind: type[Any]) -> dict[str, Any]:
    names = {attribute.name for attribute in kind.__attrs_attrs__}
    return {name: value for name, value in document.items() if name in names}


def _plain(value: Any) -> Any:
    return canonical(value) if isinstance(value, Decimal) else value


def _max_drawdown(initial_value: Decimal, curve: Sequence[EquityPoint]) -> Decimal:
    """The deepest fall of the portfolio's value below its highest before, as a positive amount."""
    highest, deepest = initial_value, ZERO
    with localcontext(MONEY):
        for point in curve:
            highest = max(highest, point.portfolio_value)
            deepest = max(deepest, highest - point.portfolio_value)
    return deepest
