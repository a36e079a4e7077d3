"""What became of one order, and what silence proves."""

from typing import Any

import pytest

from deribit_support import payloads
from deribit_support.archive import Records
from liveexec.domain.ids import ClientOrderId, InstrumentId, VenueOrderId, order_id_from_random
from liveexec.domain.outcome import Absent, NotKnown, OrderRef, OrderReport, OrderReportAnswer
from liveexec_deribit import history
from liveexec_deribit.history import OrderHistory
from liveexec_deribit.lookup import OrderLookup, made_at_ns
from liveexec_deribit.names import DERIBIT
from liveexec_deribit.wire import RpcError

PERPETUAL = InstrumentId("DERIBIT:PERPETUAL:BTC-USD@INV")
SPOT = InstrumentId("DERIBIT:SPOT_PAIR:BTC-USDC")
LABEL = ClientOrderId("lx01K00000000000000000000000")


async def looked_up(
    records: Records,
    *,
    order_id: str | None = None,
    label: str | None = LABEL,
    instrument_id: InstrumentId = PERPETUAL,
    currencies: tuple[str, ...] = ("BTC", "USDC"),
) -> OrderReportAnswer:
    ref = OrderRef(
        payloads.ACCOUNT,
        instrument_id,
        ClientOrderId(label) if label else None,
        VenueOrderId(order_id) if order_id else None,
    )
    archive = OrderHistory(records.ask, page=20)
    return await OrderLookup(payloads.ACCOUNT, DERIBIT, currencies, records.ask, archive).find(ref)


def test_a_label_of_ours_tells_when_its_order_was_made() -> None:
    order_id = order_id_from_random(1_700_000_000_123_000_000, 5)
    assert made_at_ns(ClientOrderId(f"lx{order_id[4:]}")) == 1_700_000_000_123_000_000
    assert made_at_ns(ClientOrderId(f"lx{order_id[4:]}-2")) == 1_700_000_000_123_000_000
    assert made_at_ns(ClientOrderId("somebody's")) is None


async def test_by_id_and_by_label() -> None:
    records = Records(orders=[payloads.order()])
    for answer in (await looked_up(records, order_id="104819327443"), await looked_up(records)):
        assert isinstance(answer, OrderReport)
        assert answer.venue_order_id == "104819327443"


async def test_never_there_is_absent_with_the_moment_of_the_answer() -> None:
    answer = await looked_up(Records())
    assert answer == Absent(1_767_978_363_000_000_000)


async def test_once_there_and_now_gone_is_not_known() -> None:
    assert isinstance(await looked_up(Records(), order_id="7"), NotKnown)
    archived = await looked_up(
        Records(old_orders=[payloads.order(order_state="filled", filled_amount=100.0)]), order_id="104819327443"
    )
    assert isinstance(archived, OrderReport)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"label": None}, "neither"),
        ({"instrument_id": InstrumentId("DERIBIT:EQUITY:AAPL-USD")}, "no instrument"),
        ({"currencies": ("ETH",)}, "no currency"),
    ],
)
async def test_what_can_not_be_asked_is_not_known(asked: dict[str, Any], reason: str) -> None:
    answer = await looked_up(Records(), **asked)
    assert isinstance(answer, NotKnown)
    assert reason in answer.reason


async def test_a_refused_question_is_not_known() -> None:
    records = Records()
    records.refused["private/get_order_state"] = RpcError(13028, "temporarily_unavailable")
    answer = await looked_up(records, order_id="7")
    assert isinstance(answer, NotKnown)
    assert "13028" in answer.reason


async def test_a_history_that_is_too_long_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "_MOST_PAGES", 1)
    others = [payloads.order(order_id=str(number), label="other") for number in range(50)]
    assert isinstance(await looked_up(Records(orders=others), label="somebody's"), NotKnown)


async def test_an_order_that_makes_no_sense_is_not_known() -> None:
    answer = await looked_up(Records(orders=[payloads.order(amount=-1)]))
    assert isinstance(answer, NotKnown)


async def test_spot_orders_are_filed_under_either_currency() -> None:
    records = Records(orders=[payloads.order(instrument_name="BTC_USDC")])
    assert isinstance(await looked_up(records, instrument_id=SPOT), OrderReport)
    assert [asked["currency"] for _, asked in records.asked] == ["USDC", "BTC"]


async def test_of_several_orders_of_a_label_the_living_one_counts() -> None:
    gone = payloads.order(order_id="1", order_state="cancelled", creation_timestamp=payloads.NOW_MS + 5)
    trigger = payloads.order(order_id="2", order_state="triggered")
    answer = await looked_up(Records(orders=[gone, trigger, payloads.order(order_id="3")]))
    assert isinstance(answer, OrderReport)
    assert answer.venue_order_id == "3"
    only_trigger = await looked_up(Records(orders=[trigger]))
    assert isinstance(only_trigger, OrderReport)
    assert only_trigger.venue_order_id == "2"


async def test_a_trigger_that_has_fired_is_what_became_of_it() -> None:
    trigger = payloads.order(order_id="SLMB-1", order_state="triggered")
    child = payloads.order(order_id="9", trigger_order_id="SLMB-1", filled_amount=50.0)
    answer = await looked_up(Records(orders=[trigger, child]), order_id="SLMB-1")
    assert isinstance(answer, OrderReport)
    assert (answer.venue_order_id, answer.filled_quantity) == ("9", 50)
