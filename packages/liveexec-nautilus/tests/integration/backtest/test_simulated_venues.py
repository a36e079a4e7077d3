"""What NautilusTrader's simulated venues do with requests, in the words of the domain."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from liveexec.domain.fill import Liquidity
from liveexec.domain.ids import AccountId, InstrumentId
from liveexec.domain.operation import Side, TimeInForce
from liveexec.domain.outcome import Absent, Accepted, FillReport, OrderReport, Rejected, SendOutcome, VenueOrderStatus
from liveexec.engine.inputs import SendVerb
from liveexec.replay.ports import ReplayTruth, ReplayVenues
from liveexec.venues.paper.config import FeeIn
from liveexec.venues.paper.market import MarketEvent
from liveexec_nautilus.backtest.feed import Feeds
from support.nautilus_replays import NORTH_INVERSE, NORTH_PERP, NORTH_SPOT, SECOND_NS, START_NS, venues
from support.scripted_venues import NORTH_1, Script, book, cancel, order, plan, ref, replace, run, submit, trade

BIDS = [("100.0", "1"), ("99.9", "2")]
ASKS = [("100.1", "1"), ("100.2", "2")]


def books(until_s: int = 10) -> list[MarketEvent]:
    """The same book, once a second."""
    return [book(second, BIDS, ASKS) for second in range(until_s + 1)]


def test_a_market_order_walks_the_book_and_what_is_left_is_canceled() -> None:
    script = Script([(1.5, submit(1, Side.BUY, "5"))])
    truth = run(script, books())
    assert [(fill.fill.quantity, fill.fill.price, fill.fill.liquidity) for fill in script.fills] == [
        (Decimal(1), Decimal("100.1"), Liquidity.TAKER),
        (Decimal(2), Decimal("100.2"), Liquidity.TAKER),
    ]
    ((at_s, end),) = script.ends
    assert (at_s, end.status, end.code, end.filled_quantity) == (1.5, VenueOrderStatus.CANCELED, "NO_LIQUIDITY", 3)
    ((_, _, verb, answer),) = script.answers
    assert verb is SendVerb.SUBMIT
    assert isinstance(answer, Accepted)
    assert [(position.quantity, position.account_id) for position in truth.positions] == [(Decimal(3), NORTH_1)]


def test_fees_are_the_listings_rates_exactly() -> None:
    script = Script([(1.5, submit(1, Side.BUY, "1")), (2.5, submit(2, Side.SELL, "1", "99.9"))])
    run(script, books())
    assert [(fill.fill.fee, fill.fill.fee_asset) for fill in script.fills] == [
        (Decimal("100.1") * Decimal("0.0005"), "USDT"),
        (Decimal("100.0") * Decimal("0.0005"), "USDT"),
    ]


def test_fill_keys_name_instrument_order_side_and_trade() -> None:
    script = Script([(1.5, submit(1, Side.BUY, "2"))])
    run(script, books())
    keys = [fill.fill.key for fill in script.fills]
    assert len(set(keys)) == 2
    for fill in script.fills:
        assert fill.fill.key.startswith(f"{fill.fill.instrument_id}|{fill.venue_order_id}|BUY|")


def test_a_post_only_order_that_would_take_is_refused() -> None:
    script = Script([(1.5, submit(1, Side.BUY, "1", "100.1", post_only=True))])
    run(script, books())
    ((_, _, _, answer),) = script.answers
    assert isinstance(answer, Rejected)
    assert answer.code == "POST_ONLY_WOULD_TAKE"
    assert not script.told


def test_immediate_or_cancel_takes_what_its_price_reaches() -> None:
    script = Script([(1.5, submit(1, Side.BUY, "2", "100.1", time_in_force=TimeInForce.IOC))])
    run(script, books())
    ((_, end),) = script.ends
    assert (end.status, end.code, end.filled_quantity) == (VenueOrderStatus.CANCELED, "IOC_REMAINDER", 1)


def test_fill_or_kill_is_all_or_nothing() -> None:
    script = Script(
        [
            (1.5, submit(1, Side.BUY, "4", "100.2", time_in_force=TimeInForce.FOK)),
            (2.5, submit(2, Side.BUY, "3", "100.2", time_in_force=TimeInForce.FOK)),
        ]
    )
    run(script, books())
    ((_, end),) = script.ends
    assert (end.client_order_id, end.status, end.code) == ("lx1", VenueOrderStatus.CANCELED, "FOK_NOT_FILLABLE")
    assert sum(fill.fill.quantity for fill in script.fills) == 3


def test_an_order_expires_at_its_time_although_no_market_event_comes() -> None:
    expires_ns = START_NS + 12 * SECOND_NS
    script = Script(
        [(1.5, submit(1, Side.BUY, "1", "99.0", time_in_force=TimeInForce.GTD, expire_at_ns=expires_ns))], end_s=20
    )
    run(script, [*books(3), book(19, BIDS, ASKS)])
    ((at_s, end),) = script.ends
    assert (at_s, end.status, end.code) == (12.0, VenueOrderStatus.EXPIRED, "GTD_REACHED")


def test_an_order_for_the_day_ends_at_midnight() -> None:
    script = Script([(1.5, submit(1, Side.BUY, "1", "99.0", time_in_force=TimeInForce.DAY))], end_s=90_000)
    run(script, books())
    ((at_s, end),) = script.ends
    assert (at_s, end.status, end.code) == (86_400.0, VenueOrderStatus.EXPIRED, "DAY_OVER")


def test_a_cancel_ends_an_order_and_is_refused_after_that() -> None:
    script = Script([(1.5, submit(1, Side.BUY, "1", "99.0")), (2.5, cancel(1)), (3.5, cancel(1)), (3.6, cancel(9))])
    run(script, books())
    ((at_s, end),) = script.ends
    assert (at_s, end.status, end.code) == (2.5, VenueOrderStatus.CANCELED, "CANCEL_REQUESTED")
    assert isinstance(script.returned[1], Accepted)
    assert script.returned[2].code == "ORDER_CLOSED"
    assert script.returned[3].code == "UNKNOWN_ORDER"


def test_a_change_gives_the_order_its_new_terms_and_name() -> None:
    script = Script(
        [
            (1.5, submit(1, Side.BUY, "1", "99.0")),
            (2.5, replace(1, Side.BUY, "2", "99.5", renamed=7)),
            (3.5, lambda venues, at_ns: [venues.order(ref(number), at_ns) for number in (1, 7)]),
        ]
    )
    truth = run(script, books())
    assert [(verb, type(answer)) for _, _, verb, answer in script.answers] == [
        (SendVerb.SUBMIT, Accepted),
        (SendVerb.REPLACE, Accepted),
    ]
    for shown in (*script.returned[2], *truth.open_orders):
        assert isinstance(shown, OrderReport)
        assert (shown.quantity, shown.price, shown.client_order_id) == (Decimal(2), Decimal("99.5"), "lx7")


def test_a_change_that_the_venue_refuses_leaves_the_order_as_it_was() -> None:
    script = Script(
        [
            (1.5, submit(1, Side.BUY, "1", "99.0", post_only=True)),
            (2.5, replace(1, Side.BUY, "1", "100.1", post_only=True)),
            (3.5, replace(1, Side.BUY, "1", "99.05", post_only=True)),
        ]
    )
    truth = run(script, books())
    refused = script.answers[1]
    assert refused[2] is SendVerb.REPLACE
    assert isinstance(refused[3], Rejected)
    assert script.returned[2].code == "INVALID_REPLACE"  # off tick
    assert [(each.price, each.status) for each in truth.open_orders] == [(Decimal("99.0"), VenueOrderStatus.WORKING)]


def test_a_change_to_less_than_what_is_filled_is_refused() -> None:
    script = Script([(1.5, submit(1, Side.BUY, "3", "100.1")), (2.5, replace(1, Side.BUY, "1", "100.1"))])
    run(script, books())
    assert script.returned[1].code == "QUANTITY_BELOW_FILLED"


def test_a_client_id_and_a_late_request_are_refused() -> None:
    def late(venues: ReplayVenues, at_ns: int) -> SendOutcome | None:
        stale = plan(2)
        stale.valid_until_ns = at_ns - 1
        return venues.submit(order(2, Side.BUY, "1"), stale, at_ns)

    script = Script([(1.5, submit(1, Side.BUY, "1", "99.0")), (2.5, submit(1, Side.BUY, "1", "99.0")), (3.5, late)])
    run(script, books())
    assert [outcome.code for outcome in script.returned[1:]] == ["DUPLICATE_CLIENT_ID", "EXPIRED_REQUEST"]


def test_what_is_not_traded_there_is_refused() -> None:
    nowhere = InstrumentId("NORTH:SPOT_PAIR:ETH-USDT")
    script = Script([(1.5, submit(1, Side.BUY, "1", instrument_id=nowhere)), (2.5, submit(2, Side.BUY, "0.0001"))])
    run(script, books())
    assert [outcome.code for outcome in script.returned] == ["UNKNOWN_INSTRUMENT", "INVALID_QUANTITY"]


def test_a_resting_order_waits_behind_what_was_displayed() -> None:
    # One is displayed at 100.0: the first trade of 0.6 goes to it, the second to the rest of it and 0.2 to the order.
    script = Script([(1.5, submit(1, Side.BUY, "0.5", "100.0"))])
    run(script, [*books(1), trade(2.1, "100.0", "0.6", Side.SELL), trade(2.2, "100.0", "0.6", Side.SELL)])
    assert [(fill.fill.quantity, fill.fill.price, fill.fill.liquidity) for fill in script.fills] == [
        (Decimal("0.2"), Decimal("100.0"), Liquidity.MAKER)
    ]
    assert script.fills[0].fill.fee == Decimal("0.2") * Decimal("100.0") * Decimal("0.0002")


def test_without_queue_positions_the_first_trade_fills() -> None:
    script = Script([(1.5, submit(1, Side.BUY, "0.5", "100.0"))])
    run(script, [*books(1), trade(2.1, "100.0", "0.6", Side.SELL)], queue_position=False)
    assert [fill.fill.quantity for fill in script.fills] == [Decimal("0.5")]


def test_what_was_taken_is_not_there_again_until_the_recording_changes() -> None:
    takes = [(1.5, submit(1, Side.BUY, "1", "100.1")), (2.5, submit(2, Side.BUY, "1", "100.1"))]
    script = Script([*takes])
    run(script, books())
    assert sum(fill.fill.quantity for fill in script.fills) == 1
    freely = Script([*takes])
    run(freely, books(), liquidity_consumption=False)
    assert sum(fill.fill.quantity for fill in freely.fills) == 2


def test_reduce_only_orders_never_open() -> None:
    script = Script(
        [
            (1.5, submit(1, Side.BUY, "1", "100.1")),
            (2.5, submit(2, Side.SELL, "2", "100.5", reduce_only=True)),
            (3.5, submit(3, Side.SELL, "1", "100.5", reduce_only=True)),
            (4.5, submit(4, Side.SELL, "0.6", "99.9")),
        ],
    )
    truth = run(script, [*books(5), book(6, [("100.5", "3")], [("100.6", "1")]), book(7, BIDS, ASKS)])
    assert script.returned[1].code == "REDUCE_ONLY"
    assert [(fill.client_order_id, fill.fill.quantity) for fill in script.fills] == [
        ("lx1", Decimal(1)),
        ("lx4", Decimal("0.6")),
        ("lx3", Decimal("0.4")),
    ]
    ((_, end),) = script.ends
    assert (end.client_order_id, end.status, end.code, end.quantity) == (
        "lx3",
        VenueOrderStatus.CANCELED,
        "REDUCE_ONLY",
        1,
    )
    assert not truth.positions


def test_a_resting_reduce_only_order_does_not_grow_with_the_position() -> None:
    # The library resizes it to the position; it is set back to what was asked for.
    script = Script(
        [
            (1.5, submit(1, Side.BUY, "0.5", "100.1")),
            (2.5, submit(2, Side.SELL, "0.5", "100.5", reduce_only=True)),
            (3.5, submit(3, Side.BUY, "0.4", "100.2")),
        ],
    )
    truth = run(script, [*books(5), book(6, [("100.5", "3")], [("100.6", "1")]), book(7, BIDS, ASKS)])
    assert [(fill.client_order_id, fill.fill.quantity) for fill in script.fills if fill.client_order_id == "lx2"] == [
        ("lx2", Decimal("0.5"))
    ]
    assert [position.quantity for position in truth.positions] == [Decimal("0.4")]


def test_nothing_is_bought_without_means() -> None:
    script = Script(
        [
            (1.5, submit(1, Side.BUY, "20000", "100.2", instrument_id=NORTH_SPOT)),
            (2.5, submit(2, Side.SELL, "50", "99.9", instrument_id=NORTH_SPOT)),
            (3.5, submit(3, Side.BUY, "200000", "100.2")),
        ]
    )
    run(script, books())
    codes = [answer.code for *_, answer in script.answers if isinstance(answer, Rejected)]
    assert codes == [
        "NOTIONAL_EXCEEDS_FREE_BALANCE",
        "CUMULATIVE_NOTIONAL_EXCEEDS_FREE_BALANCE",
        "INITIAL_MARGIN_EXCEEDS_FREE_BALANCE",
    ]


def test_inverse_contracts_settle_in_their_base_asset() -> None:
    steps = [
        (1.5, submit(1, Side.BUY, "2", instrument_id=NORTH_INVERSE)),
        (6.5, submit(2, Side.SELL, "2", instrument_id=NORTH_INVERSE)),
    ]
    truth = run(Script([*steps]), [*books(5), book(6, [("110.0", "5")], [("110.1", "5")])])
    assert not truth.positions
    total = next(each.total for each in truth.balances if each.account_id == NORTH_1 and each.asset == "BTC")
    # Bought 10 USD at 100.1 and 10 at 100.2, sold 20 at 110: what 20 USD are worth in BTC fell.
    gain = Decimal(10) / Decimal("100.1") + Decimal(10) / Decimal("100.2") - Decimal(20) / Decimal(110)
    fees = (Decimal(10) / Decimal("100.1") + Decimal(10) / Decimal("100.2") + Decimal(20) / Decimal(110)) / 2_000
    assert abs(total - (10 + gain - fees)) < Decimal("1e-15")


def test_spot_fees_can_be_taken_in_what_a_fill_brings_in() -> None:
    script = Script(
        [
            (1.5, submit(1, Side.BUY, "1", instrument_id=NORTH_SPOT)),
            (2.5, submit(2, Side.SELL, "0.5", instrument_id=NORTH_SPOT)),
        ]
    )
    truth = run(script, books(), venues(fee_in=FeeIn.RECEIVED))
    assert [(fill.fill.fee, fill.fill.fee_asset) for fill in script.fills] == [
        (Decimal("0.0005"), "BTC"),
        (Decimal("50.0") * Decimal("0.0005"), "USDT"),
    ]
    totals = {each.asset: each.total for each in truth.balances if each.account_id == NORTH_1}
    assert totals["BTC"] == Decimal("10.4995")


def test_what_is_open_ties_up_its_margin() -> None:
    script = Script([(1.5, submit(1, Side.BUY, "1", "100.1")), (2.5, submit(2, Side.BUY, "2", "99.0"))])
    truth = run(script, books())
    (balance,) = [each for each in truth.balances if each.account_id == NORTH_1 and each.asset == "USDT"]
    assert balance.total - balance.available == (Decimal("100.1") + 2 * Decimal("99.0")) / 10


def test_questions_are_answered_from_what_the_venue_told() -> None:
    def ask(venues: ReplayVenues, at_ns: int) -> Sequence[Any]:
        return (
            venues.order(ref(1), at_ns),
            venues.order(ref(2), at_ns),
            venues.fills(NORTH_1, START_NS, at_ns),
            venues.fills(NORTH_1, at_ns, at_ns),
            venues.open_orders(NORTH_1, at_ns),
            venues.open_orders(AccountId("south-1"), at_ns),
        )

    script = Script([(1.5, submit(1, Side.BUY, "3", "100.1")), (2.5, ask)])
    run(script, books())
    one, two, fills, later, open_orders, elsewhere = script.returned[1]
    assert isinstance(one, OrderReport)
    assert (one.status, one.filled_quantity) == (VenueOrderStatus.WORKING, 1)
    assert two == Absent(START_NS + 5 * SECOND_NS // 2)
    assert [fill.fill.quantity for fill in fills] == [1]
    assert (list(later), len(open_orders), list(elsewhere)) == ([], 1, [])


def test_every_change_of_a_watched_listing_is_told() -> None:
    script = Script([(1.5, submit(1, Side.BUY, "1", "99.0"))], watched=frozenset({NORTH_PERP}))
    run(script, [*books(4), trade(2.5, "100.1", "0.5", Side.BUY)])
    seconds = [(at_ns - START_NS) / SECOND_NS for at_ns in script.observed]
    assert set(seconds) >= {1.0, 2.0, 3.0, 4.0}
    bars = [each for each in script.seen if hasattr(each, "count")]
    assert [(bar.instrument_id, bar.quantity, bar.count) for bar in bars if bar.instrument_id == NORTH_PERP] == [
        (NORTH_PERP, Decimal("0.5"), 1)
    ]


def test_a_market_without_liquidity_rejects() -> None:
    script = Script([(1.5, submit(1, Side.BUY, "1"))])
    run(script, [book(1, BIDS, [])])
    ((_, _, _, answer),) = script.answers
    assert isinstance(answer, Rejected)


@pytest.mark.parametrize("batch", [1, 3])
def test_results_do_not_depend_on_how_much_is_loaded_at_a_time(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def told() -> tuple[list[tuple[int, object, object]], ReplayTruth]:
        script = Script(
            [
                (1.5, submit(1, Side.BUY, "0.5", "100.0")),
                (2.05, submit(2, Side.SELL, "4", "100.1")),
                (8.5, submit(3, Side.BUY, "1")),
            ]
        )
        trades = [trade(2.1 + number / 10, "100.0", "0.3", Side.SELL) for number in range(5)]
        truth = run(script, [*books(9), *trades])
        return [
            (at, fill.fill.key, fill.fill.quantity) for at, fill in script.told if isinstance(fill, FillReport)
        ], truth

    whole, truth = told()
    assert len(whole) == 3
    monkeypatch.setattr(Feeds.batches, "__defaults__", (batch,))
    parted, again = told()
    assert parted == whole
    assert repr(again) == repr(truth)
    assert truth.market_events == 15


def test_books_that_are_crossed_or_empty_stop_nothing() -> None:
    odd = [book(3, [("100.5", "1")], [("100.1", "1")]), book(4, [], []), book(5, [("100.0", "1")], [])]
    script = Script([(3.5, submit(1, Side.BUY, "1")), (4.5, submit(2, Side.BUY, "1")), (6.5, submit(3, Side.BUY, "1"))])
    truth = run(script, [*books(2), *odd, *(book(second, BIDS, ASKS) for second in (6, 7))])
    assert [fill.client_order_id for fill in script.fills] == ["lx1", "lx3"]
    assert len(script.answers) == 3
    assert truth.market_events == 8
