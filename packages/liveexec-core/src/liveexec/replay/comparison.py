"""One order by several execution algorithms, each in a replay of its own over the same market: what each one cost.

- Arrival slippage: the average price of the fills against the mid when the order was asked for, in basis points of it;
  above zero is worse.
- Implementation shortfall (Perold, "The implementation shortfall: paper versus reality", 1988): what the whole decision
  cost against a paper portfolio that traded all of it at the arrival mid. The slippage of what was filled, what was not
  filled at the mid of the replay's end, and fees; in basis points of the order's value on arrival.
- Participation: what was filled, as a share of everything that the market printed at the venues used, from the second
  of arrival to that of the last fill.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, localcontext
from typing import Any, Final

from attrs import evolve, frozen

from liveexec.domain import money
from liveexec.domain.instrument import ContractKind
from liveexec.domain.money import MONEY, ZERO, plain
from liveexec.domain.operation import OrderType, Side
from liveexec.domain.order import Order
from liveexec.domain.signal import Signal
from liveexec.errors import Fault, InvalidInput, LiveExecError
from liveexec.replay.recording import Arrival, ReplayRecording
from liveexec.replay.run import ReplayOutcome, run_replay
from liveexec.replay.spec import RecordedData, ReplaySpec

__all__ = ["ALGORITHMS", "AlgorithmOutcome", "ParentOrder", "compare_algorithms", "plot_svg"]

#: What is compared unless told otherwise.
ALGORITHMS: Final = ("NORMAL", "TWAP", "VWAP", "ICEBERG")
_BASIS_POINTS: Final = Decimal(10_000)
_SLICES: Final = 10
_VISIBLE_PCT: Final = "10"
#: Market that is read beyond the horizon, so that what was asked for last can be filled.
_AFTER_S: Final = 30


@frozen
class ParentOrder:
    """The order that is compared, at a time (UTC nanoseconds).

    ``horizon_s`` is how long the scheduled algorithms work, in ten slices; an iceberg shows a tenth. Without a
    ``price`` an iceberg's limit is the touch that it meets on arrival, and the others are market orders. ``params`` by
    algorithm replace all that.
    """

    at_ns: int
    instrument_key: str
    side: Side
    quantity: Decimal
    horizon_s: int = 300
    price: Decimal | None = None
    strategy_id: str = "comparison"
    params: Mapping[str, Mapping[str, Any]] | None = None


@frozen
class AlgorithmOutcome:
    """How one algorithm did. Basis points are ``None`` where there was no price on arrival, or nothing was filled."""

    algorithm: str
    status: str
    quantity: Decimal
    filled: Decimal
    children: int
    fills: int
    arrival_price: Decimal | None
    average_price: Decimal | None
    slippage_bps: Decimal | None
    shortfall_bps: Decimal | None
    fees_bps: Decimal | None
    participation: Decimal | None
    seconds: Decimal | None
    code: str | None
    #: (seconds since arrival, filled so far), a point a fill.
    path: tuple[tuple[Decimal, Decimal], ...]


def compare_algorithms(
    spec: ReplaySpec,
    order: ParentOrder,
    algorithms: Sequence[str] = ALGORITHMS,
    *,
    done: Callable[[AlgorithmOutcome], None] | None = None,
) -> tuple[AlgorithmOutcome, ...]:
    """Replay the order once with each algorithm, on the venues, the market and the limits of a specification; its own
    signals and results are left out. ``done`` is told each outcome as it comes.

    Raises:
        ConfigurationError, InvalidInput, ObjectStoreError: as :func:`~liveexec.replay.run.run_replay` does.
        InvalidInput: an iceberg has no price, and there was none to take on arrival either.
    """
    base = _without_signals(spec, order)
    arrival: Arrival | None = None
    found = []
    for algorithm in algorithms:
        price = order.price
        if algorithm == "ICEBERG" and price is None:
            if arrival is None:
                arrival = _arrival(_replayed(base, _signal(order, "NORMAL", None)))
            price = arrival.ask if order.side is Side.BUY else arrival.bid
            if price is None:
                raise InvalidInput("compared order", [Fault("price", "is needed: there was none in the market either")])
        outcome = _replayed(base, _signal(order, algorithm, price))
        if arrival is None:
            arrival = _arrival(outcome)
        measured = _measured(outcome, algorithm)
        found.append(measured)
        if done is not None:
            done(measured)
    return tuple(found)


def plot_svg(outcomes: Sequence[AlgorithmOutcome], order: ParentOrder) -> bytes:
    """What each algorithm had filled when, as an SVG image.

    Raises:
        LiveExecError: the extra ``plot`` is not installed.
    """
    try:
        import pygal  # noqa: PLC0415 -- an optional extra
        from pygal.style import CleanStyle  # noqa: PLC0415
    except ModuleNotFoundError:
        raise LiveExecError("a plot needs pygal: install liveexec-core[plot]") from None
    chart = pygal.XY(
        title=f"{order.side} {plain(order.quantity)} {order.instrument_key}",
        x_title="seconds since arrival",
        y_title="filled",
        style=CleanStyle,
        show_dots=False,
        range=(0, float(order.quantity)),
        # Without it the file would name a script of another server.
        js=(),
    )
    for outcome in outcomes:
        points = [(0.0, 0.0)]
        for seconds, filled in outcome.path:
            # A fill is a step, not a slope.
            points += [(float(seconds), points[-1][1]), (float(seconds), float(filled))]
        name = outcome.algorithm
        if outcome.slippage_bps is not None:
            name += f" ({outcome.slippage_bps.quantize(Decimal('0.01'))} bps)"
        chart.add(name, [*points, (max(points[-1][0], float(order.horizon_s)), points[-1][1])])
    image: bytes = chart.render(disable_xml_declaration=False)
    return image


def _without_signals(spec: ReplaySpec, order: ParentOrder) -> ReplaySpec:
    data = spec.data
    if isinstance(data, RecordedData):
        # All of them see the same stretch of market, whatever their own horizon is.
        lead_s = max(data.lead_s, Decimal(order.horizon_s))
        data = evolve(data, lead_s=lead_s, tail_s=max(data.tail_s, Decimal(order.horizon_s + _AFTER_S)))
    return evolve(spec, signals=(), data=data, results=None)


def _signal(order: ParentOrder, algorithm: str, price: Decimal | None) -> dict[str, Any]:
    params = dict((order.params or {}).get(algorithm, _default_params(algorithm, order.horizon_s)))
    # Whatever is wrong with it is said now, by the names of the order's own fields.
    Signal(
        order.at_ns, order.instrument_key, order.side, order.quantity, order.strategy_id,
        OrderType.MARKET if price is None else OrderType.LIMIT, price, algorithm, params or None,
    )  # fmt: skip
    row: dict[str, Any] = {
        "timestamp": order.at_ns // 1_000,
        "instrument_key": order.instrument_key,
        "side": str(order.side),
        "quantity": plain(order.quantity),
        "strategy_id": order.strategy_id,
        "order_type": "MARKET" if price is None else "LIMIT",
        "exec_algorithm": algorithm,
    }
    if price is not None:
        row["price"] = plain(price)
    if params:
        row["params"] = params
    return row


def _default_params(algorithm: str, horizon_s: int) -> dict[str, Any]:
    match algorithm:
        case "TWAP":
            return {
                "horizon_secs": horizon_s,
                "interval_secs": plain(money.divide(Decimal(horizon_s), Decimal(_SLICES))),
            }
        case "VWAP":
            return {"horizon_secs": horizon_s, "intervals": _SLICES}
        case "ICEBERG":
            return {"visible_pct": _VISIBLE_PCT}
        case _:
            return {}


def _replayed(base: ReplaySpec, row: Mapping[str, Any]) -> ReplayOutcome:
    return run_replay(evolve(base, signals=(row,)))


def _arrival(outcome: ReplayOutcome) -> Arrival:
    for found in outcome.recording.arrivals.values():
        return found
    refusals = [Fault("", each.message) for each in outcome.recording.refusals]
    raise InvalidInput("compared order", refusals)


def _measured(outcome: ReplayOutcome, algorithm: str) -> AlgorithmOutcome:
    recording = outcome.recording
    arrival = _arrival(outcome)
    parent = recording.orders[next(iter(recording.arrivals))]
    with localcontext(MONEY):
        return _outcome_of(recording, arrival, parent, algorithm)


def _outcome_of(recording: ReplayRecording, arrival: Arrival, parent: Order, algorithm: str) -> AlgorithmOutcome:
    fills = sorted(recording.fills, key=lambda note: note.row.fill.venue_time_ns)
    mid, average, sign = arrival.mid, parent.average_price, 1
    assert parent.side is not None
    sign = parent.side.sign
    slippage = shortfall = fees = None
    if mid is not None and mid > 0:
        worth = sum((_fee_share(note, mid) for note in fills), ZERO)
        fees = money.divide(worth * _BASIS_POINTS, parent.quantity)
        if average is not None:
            slippage = money.divide((average - mid) * sign * _BASIS_POINTS, mid)
        left = parent.quantity - parent.filled_quantity
        end = _end_mid(recording, parent) if left else mid
        if end is not None:
            moved = (parent.filled_cost - parent.filled_quantity * mid + left * (end - mid)) * sign
            shortfall = money.divide(moved * _BASIS_POINTS, parent.quantity * mid) + fees
    path, so_far = [], ZERO
    for note in fills:
        so_far += note.row.fill.quantity
        path.append((money.divide(Decimal(note.row.fill.venue_time_ns - arrival.at_ns), Decimal(10**9)), so_far))
    return AlgorithmOutcome(
        algorithm=algorithm,
        status=str(parent.status),
        quantity=parent.quantity,
        filled=parent.filled_quantity,
        children=len(parent.children or ()),
        fills=len(fills),
        arrival_price=mid,
        average_price=average,
        slippage_bps=slippage,
        shortfall_bps=shortfall,
        fees_bps=fees,
        participation=_participation(recording, arrival),
        seconds=path[-1][0] if path else None,
        code=parent.code,
        path=tuple(path),
    )


def _fee_share(note: Any, mid: Decimal) -> Decimal:
    """A fill's fee as a share of the order's value on arrival, in units of its quantity."""
    fill, terms = note.row.fill, note.terms
    if terms.kind is ContractKind.SPOT and fill.fee_asset == terms.base_asset:
        share: Decimal = money.divide(fill.fee, terms.multiplier)
        return share
    return money.divide(fill.fee, terms.value(Decimal(1), mid))


def _end_mid(recording: ReplayRecording, parent: Order) -> Decimal | None:
    state = recording.engine.state
    key = parent.intent.instrument_key
    for listing in state.listings.values():
        if key in (listing.instrument_id, listing.product_id):
            book = state.market.book(listing.instrument_id)
            if book is not None and book.mid is not None:
                return book.mid
    return None


def _participation(recording: ReplayRecording, arrival: Arrival) -> Decimal | None:
    """Our share of what was printed where we traded, from arrival to the last fill; ``None`` where nothing was."""
    if not recording.fills:
        return None
    ended_ns = max(note.row.fill.venue_time_ns for note in recording.fills)
    traded = {note.row.fill.instrument_id for note in recording.fills}
    printed = sum((recording.volume.between(name, arrival.at_ns, ended_ns) for name in traded), ZERO)
    filled = sum((note.row.fill.quantity for note in recording.fills), ZERO)
    return money.divide(filled, printed) if printed else None
