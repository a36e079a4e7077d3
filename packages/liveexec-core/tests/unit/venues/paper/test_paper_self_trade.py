"""Orders that would trade with their own account, and orders that may only reduce a position."""

import pytest

from liveexec.domain.operation import Side, TimeInForce
from liveexec.domain.outcome import Rejected
from liveexec.venues.paper.config import SelfTradePolicy
from support.paper import ALICE, BOB, LINEAR, Floor, levels, venue_config

BIDS = levels((99, 10), (98, 20))
ASKS = levels((101, 10), (102, 20))


def _floor(policy: SelfTradePolicy) -> Floor:
    floor = Floor(venue_config(self_trade=policy))
    floor.show(BIDS, ASKS)
    return floor


def test_the_resting_order_gives_way() -> None:
    floor = _floor(SelfTradePolicy.CANCEL_RESTING)
    resting = floor.sell(5, 100)
    taker = floor.buy(8, 101)
    assert floor.fills_of(taker) == [(8, 101)]
    assert floor.ends() == [(resting, "CANCELED", "SELF_TRADE")]


def test_the_taker_gives_way() -> None:
    floor = _floor(SelfTradePolicy.CANCEL_TAKER)
    theirs, mine = floor.sell(2, 100, account=BOB), floor.sell(5, 100)
    taker = floor.buy(8, 101)
    assert floor.fills_of(taker) == [(2, 100)]
    assert floor.filled(theirs) == 2
    assert floor.ends() == [(taker, "CANCELED", "SELF_TRADE")]
    assert floor.status(mine).status == "WORKING"


def test_the_order_is_refused_before_anything_trades() -> None:
    floor = _floor(SelfTradePolicy.REJECT)
    floor.sell(2, 100, account=BOB)
    floor.sell(5, 100)
    outcome = floor.send(Side.BUY, 8, 101)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "SELF_TRADE"
    assert floor.fills == []


@pytest.mark.parametrize("policy", SelfTradePolicy)
def test_an_order_that_is_satisfied_before_it_meets_its_own_trades(policy: SelfTradePolicy) -> None:
    floor = _floor(policy)
    resting = floor.sell(5, 102)
    taker = floor.buy(10, 102)
    assert floor.fills_of(taker) == [(10, 101)]
    assert floor.status(resting).status == "WORKING"


def test_a_fok_order_does_not_count_on_its_own() -> None:
    floor = _floor(SelfTradePolicy.CANCEL_RESTING)
    resting = floor.sell(5, 100)
    taker = floor.buy(11, 101, time_in_force=TimeInForce.FOK)
    assert floor.fills == []
    assert floor.ends() == [(taker, "CANCELED", "FOK_NOT_FILLABLE")]
    assert floor.status(resting).status == "WORKING"


@pytest.fixture
def long() -> Floor:
    """Alice is long ten contracts."""
    floor = Floor()
    floor.show(levels((99, 100)), levels((100, 100)), LINEAR)
    floor.buy(10, 100, instrument_id=LINEAR)
    return floor


def test_reduce_only_closes(long: Floor) -> None:
    order = long.sell(10, 99, instrument_id=LINEAR, reduce_only=True)
    assert long.filled(order) == 10
    assert long.position(ALICE, LINEAR) == 0


@pytest.mark.parametrize(("side", "quantity"), [(Side.SELL, 11), (Side.BUY, 1)])
def test_reduce_only_is_refused_when_it_would_open(long: Floor, side: Side, quantity: int) -> None:
    outcome = long.send(side, quantity, 120 if side is Side.SELL else 80, instrument_id=LINEAR, reduce_only=True)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "REDUCE_ONLY"


def test_resting_reduce_only_orders_go_when_there_is_nothing_left_to_reduce(long: Floor) -> None:
    resting = long.sell(10, 120, instrument_id=LINEAR, reduce_only=True)
    long.sell(10, 99, instrument_id=LINEAR)
    assert long.ends() == [(resting, "CANCELED", "REDUCE_ONLY")]


def test_a_resting_reduce_only_order_fills_no_more_than_closes(long: Floor) -> None:
    first = long.sell(8, 120, instrument_id=LINEAR, reduce_only=True)
    second = long.sell(8, 121, instrument_id=LINEAR, reduce_only=True)
    long.print_trade(130, 100, Side.BUY, LINEAR)
    assert (long.filled(first), long.filled(second)) == (8, 2)
    assert long.position(ALICE, LINEAR) == 0
    assert long.ends() == [(second, "CANCELED", "REDUCE_ONLY")]


def test_a_taker_meets_only_what_reduce_only_makers_can_close(long: Floor) -> None:
    first = long.sell(8, 100, instrument_id=LINEAR, reduce_only=True, post_only=True)
    second = long.sell(8, 100, instrument_id=LINEAR, reduce_only=True, post_only=True)
    # Of the hundred that were displayed ten were taken; the ninety that are left stand before both.
    taker = long.buy(110, 100, instrument_id=LINEAR, account=BOB)
    assert (long.filled(first), long.filled(second), long.filled(taker)) == (8, 2, 100)
    assert long.position(ALICE, LINEAR) == 0


def test_a_replace_of_a_reduce_only_order_still_only_reduces(long: Floor) -> None:
    order = long.sell(5, 120, instrument_id=LINEAR, reduce_only=True)
    refused = long.replace(order, Side.SELL, 11, 120, instrument_id=LINEAR, reduce_only=True)
    assert isinstance(refused, Rejected)
    assert refused.code == "REDUCE_ONLY"
