"""What must hold whatever is asked of a paper venue: thousands of random sessions, checked after every step.

The checks keep books of their own, from the reports and the market alone.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from liveexec.domain.fill import Liquidity
from liveexec.domain.ids import AccountId, InstrumentId, VenueOrderId
from liveexec.domain.market import Level
from liveexec.domain.operation import Side, TimeInForce
from liveexec.domain.outcome import Accepted, FillReport, OrderReport
from liveexec.venues.paper.config import FeeIn, PaperAccount, SelfTradePolicy
from support.paper import ALICE, BOB, LINEAR, SPOT, Amount, Floor, dec, venue_config

ACCOUNTS = (ALICE, BOB)
STARTING = {"BTC": dec(300), "USDT": dec(30_000)}

_prices = st.integers(95, 105)
_quantities = st.integers(1, 12)
_sides = st.sampled_from([Side.BUY, Side.SELL])
_accounts = st.sampled_from(ACCOUNTS)


@st.composite
def _books(draw: st.DrawFn) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    middle = draw(st.integers(97, 103))
    bids = draw(st.lists(st.integers(middle - 4, middle - 1), max_size=3, unique=True))
    asks = draw(st.lists(st.integers(middle, middle + 4), max_size=3, unique=True))
    quantity = st.integers(1, 9)
    return (
        tuple((dec(price), dec(draw(quantity))) for price in sorted(bids, reverse=True)),
        tuple((dec(price), dec(draw(quantity))) for price in sorted(asks)),
    )


_submits = st.fixed_dictionaries(
    {
        "side": _sides,
        "quantity": _quantities,
        "price": st.none() | _prices,
        "account": _accounts,
        "time_in_force": st.sampled_from([TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK]),
        "post_only": st.sampled_from([False, False, False, True]),
        "reduce_only": st.sampled_from([False, False, False, True]),
    }
)
_steps = st.one_of(
    st.tuples(st.just("show"), _books()),
    st.tuples(st.just("print"), st.tuples(_prices, _quantities, _sides)),
    st.tuples(st.just("submit"), _submits),
    st.tuples(st.just("submit"), _submits),
    st.tuples(st.just("cancel"), st.integers(0, 30)),
    st.tuples(st.just("replace"), st.tuples(st.integers(0, 30), _quantities, _prices)),
)
_sessions = st.lists(_steps, min_size=1, max_size=40)
_configs = st.fixed_dictionaries(
    {
        "self_trade": st.sampled_from(list(SelfTradePolicy)),
        "fee_in": st.sampled_from(list(FeeIn)),
    }
)


class _Displayed:
    """An accounting of displayed liquidity: what the recording showed, against what was filled from it."""

    def __init__(self) -> None:
        self.shown: dict[tuple[Side, Decimal], Decimal] = {}
        self.came: dict[tuple[Side, Decimal], Decimal] = {}
        self.filled: dict[tuple[Side, Decimal], Decimal] = {}

    def show(self, bids: Sequence[Level], asks: Sequence[Level]) -> None:
        now = {(Side.BUY, price): quantity for price, quantity in bids}
        now |= {(Side.SELL, price): quantity for price, quantity in asks}
        for level in [level for level in self.shown if level not in now]:
            del self.came[level]
            self.filled.pop(level, None)
        for level, quantity in now.items():
            self.came[level] = self.came.get(level, Decimal(0)) + max(
                quantity - self.shown.get(level, Decimal(0)), Decimal(0)
            )
        self.shown = now

    def fill(self, level: tuple[Side, Decimal], quantity: Decimal) -> None:
        self.filled[level] = self.filled.get(level, Decimal(0)) + quantity
        assert level in self.shown, "filled where nothing is displayed"
        assert quantity <= self.shown[level], "filled more than is displayed"
        assert self.filled[level] <= self.came[level], "displayed liquidity was filled twice"

    def left(self, level: tuple[Side, Decimal]) -> Decimal:
        return self.came[level] - self.filled.get(level, Decimal(0))


class _Session:
    """Plays steps on a venue and checks what each of them did."""

    def __init__(self, config: dict[str, Any], instrument_id: InstrumentId) -> None:
        accounts = tuple(PaperAccount(account, STARTING) for account in ACCOUNTS)
        self.floor = Floor(venue_config(accounts=accounts, **config))
        self.instrument_id = instrument_id
        self.displayed = _Displayed()
        self.orders: list[tuple[VenueOrderId, AccountId, dict[str, Any]]] = []
        self.terms: dict[VenueOrderId, dict[str, Any]] = {}
        #: Time priority: rises with every order, and with every replace that gives its place up.
        self.place: dict[VenueOrderId, int] = {}

    def play(self, steps: Sequence[tuple[str, Any]]) -> None:
        for name, what in steps:
            self.floor.now_ns += 1
            before = self._open_orders()
            positions = {account: self.floor.position(account, self.instrument_id) for account in ACCOUNTS}
            start = len(self.floor.reports)
            getattr(self, f"_{name}")(what)
            reports = self.floor.reports[start:]
            fills = [report for report in reports if isinstance(report, FillReport)]
            self._check_liquidity(name, what, fills)
            self._check_priority(before, fills)
            self._check_flags(fills, positions)
            self._check_orders()
            self._check_accounts()

    def _show(self, book: tuple[tuple[Level, ...], tuple[Level, ...]]) -> None:
        self.displayed.show(*book)
        self.floor.show(*book, self.instrument_id)

    def _print(self, trade: tuple[int, int, Side]) -> None:
        self.floor.print_trade(*trade, self.instrument_id)

    def _submit(self, terms: dict[str, Any]) -> None:
        outcome = self.floor.send(instrument_id=self.instrument_id, **terms)
        order_id = getattr(outcome, "venue_order_id", None)
        if order_id is not None:
            self.orders.append((order_id, terms["account"], terms))
            self.terms[order_id] = terms
            self.place[order_id] = self.floor.now_ns
            if terms["time_in_force"] is TimeInForce.FOK:
                assert self.floor.filled(order_id) in (0, terms["quantity"]), "FOK is all or nothing"

    def _cancel(self, index: int) -> None:
        if index < len(self.orders):
            order_id, account, _ = self.orders[index]
            self.floor.cancel(order_id, account)

    def _replace(self, change: tuple[int, int, int]) -> None:
        index, quantity, price = change
        if index < len(self.orders):
            order_id, account, terms = self.orders[index]
            fields = {name: terms[name] for name in ("time_in_force", "post_only", "reduce_only")}
            old = self.floor.status(order_id, account)
            outcome = self.floor.replace(
                order_id,
                terms["side"],
                quantity,
                price,
                account=account,
                instrument_id=self.instrument_id,
                **fields,
            )
            if isinstance(outcome, Accepted) and (price != old.price or quantity > old.quantity):
                self.place[order_id] = self.floor.now_ns

    def _open_orders(self) -> dict[VenueOrderId, OrderReport]:
        found = {}
        for account in ACCOUNTS:
            for report in self.floor.exchange.snapshots.open_orders(account, self.floor.now_ns).items:
                assert report.venue_order_id is not None
                found[report.venue_order_id] = report
        return found

    def _check_liquidity(self, name: str, what: Any, fills: Sequence[FillReport]) -> None:
        trades: dict[str, list[FillReport]] = {}
        for report in fills:
            trades.setdefault(report.fill.key.rsplit("|", 1)[1], []).append(report)
        printed = Decimal(0)
        for sides in trades.values():
            fill = sides[0].fill
            if len(sides) == 2:
                other = sides[1].fill
                assert (fill.side, fill.quantity, fill.price) == (other.side.opposite, other.quantity, other.price)
                assert sides[0].account_id != sides[1].account_id, "an account traded with itself"
                assert {fill.liquidity, other.liquidity} == {Liquidity.MAKER, Liquidity.TAKER}
            elif fill.liquidity is Liquidity.TAKER:
                self.displayed.fill((fill.side.opposite, fill.price), fill.quantity)
            elif name == "print":
                price, _, aggressor = what
                assert fill.side is aggressor.opposite
                assert (fill.price - price) * fill.side.sign >= 0, "the print did not reach this price"
                printed += fill.quantity
            else:
                assert name == "show"
                self._fill_from_crossing(fill.side, fill.price, fill.quantity)
        if name == "print":
            assert printed <= what[1], "one print filled more than it traded"

    def _fill_from_crossing(self, side: Side, limit: Decimal, quantity: Decimal) -> None:
        crossing = sorted(
            (
                level
                for level in self.displayed.shown
                if level[0] is side.opposite and (limit - level[1]) * side.sign >= 0
            ),
            key=lambda level: level[1] * side.sign,
        )
        for level in crossing:
            part = min(quantity, self.displayed.left(level), self.displayed.shown[level])
            if part:
                self.displayed.fill(level, part)
                quantity -= part
        assert quantity == 0, "a resting order filled beyond what crosses it"

    def _check_priority(self, before: dict[VenueOrderId, OrderReport], fills: Sequence[FillReport]) -> None:
        """Whoever stood before an order that filled as a maker has filled too, or is gone."""
        after = self._open_orders()
        taker = next((report.account_id for report in fills if report.fill.liquidity is Liquidity.TAKER), None)
        for report in fills:
            maker, order_id = report.fill, report.venue_order_id
            if maker.liquidity is not Liquidity.MAKER or order_id is None:
                continue
            for other_id, other in before.items():
                if other_id not in after or other.side is not maker.side or other_id == order_id:
                    continue
                if other.account_id == taker or self.terms[other_id]["reduce_only"]:
                    # It must not trade with itself, or may have nothing to reduce.
                    continue
                assert other.price is not None
                better = (other.price - maker.price) * maker.side.sign
                assert better <= 0, f"{order_id} filled before {other_id}, which has the better price"
                is_later = self.place[other_id] > self.place[order_id]
                assert better < 0 or is_later, f"{order_id} filled before {other_id}, which came first"

    def _check_flags(self, fills: Sequence[FillReport], positions: dict[AccountId, Amount]) -> None:
        net = {account: Decimal(quantity) for account, quantity in positions.items()}
        for report in fills:
            assert report.venue_order_id is not None
            fill, terms = report.fill, self.terms.get(report.venue_order_id)
            old = net[report.account_id]
            net[report.account_id] = new = old + fill.quantity * fill.side.sign
            if terms is None:
                continue
            if terms["post_only"]:
                assert fill.liquidity is Liquidity.MAKER, "a post-only order took"
            if terms["reduce_only"]:
                assert abs(new) < abs(old), "a reduce-only order enlarged the position"
                assert new == 0 or (new > 0) == (old > 0), "a reduce-only order turned the position"
        for account in ACCOUNTS:
            assert net[account] == self.floor.position(account, self.instrument_id)

    def _check_orders(self) -> None:
        still_open = self._open_orders()
        best: dict[Side, Decimal] = {}
        for report in still_open.values():
            assert report.status == "WORKING"
            assert report.price is not None
            known = best.get(report.side)
            better = known is None or (report.price - known) * report.side.sign > 0
            best[report.side] = report.price if better else best[report.side]
        assert len(best) < 2 or best[Side.BUY] < best[Side.SELL], "resting orders cross"
        for order_id, account, _ in self.orders:
            report = self.floor.status(order_id, account)
            filled = self.floor.filled(order_id)
            assert report.filled_quantity == filled <= report.quantity
            assert (report.status == "FILLED") == (filled == report.quantity)
            assert (report.status == "WORKING") == (order_id in still_open)

    def _check_accounts(self) -> None:
        for account in ACCOUNTS:
            fills = [r.fill for r in self.floor.reports if isinstance(r, FillReport) and r.account_id == account]
            assert sum((f.quantity * f.side.sign for f in fills), Decimal(0)) == self.floor.position(
                account, self.instrument_id
            )
            listed = self.floor.exchange.snapshots.fills(account, 0, self.floor.now_ns).items
            assert [report.fill for report in listed] == fills
            for asset, start in STARTING.items():
                total, available = self.floor.balance(asset, account)
                assert available <= total
                if self.instrument_id == SPOT:
                    assert total == start + _spot_flow(asset, fills)
                    assert available >= 0, "more was promised than there is"


def _spot_flow(asset: str, fills: Sequence[Any]) -> Decimal:
    flow = Decimal(0)
    for fill in fills:
        if asset == "BTC":
            flow += fill.quantity * fill.side.sign
        else:
            flow -= fill.quantity * fill.price * fill.side.sign
        if fill.fee_asset == asset:
            flow -= fill.fee
    return flow


@settings(max_examples=400)
@given(config=_configs, steps=_sessions)
def test_a_spot_market_keeps_its_books(config: dict[str, Any], steps: list[tuple[str, Any]]) -> None:
    _Session(config, SPOT).play(steps)


@settings(max_examples=200)
@given(config=_configs, steps=_sessions)
def test_a_derivatives_market_keeps_its_books(config: dict[str, Any], steps: list[tuple[str, Any]]) -> None:
    _Session(config, LINEAR).play(steps)


@settings(max_examples=50)
@given(config=_configs, steps=_sessions)
def test_the_same_session_gives_the_same_reports(config: dict[str, Any], steps: list[tuple[str, Any]]) -> None:
    sessions = _Session(config, SPOT), _Session(config, SPOT)
    for session in sessions:
        session.play(steps)
    first, second = (msgspec.json.encode(session.floor.reports) for session in sessions)
    assert first == second
