"""Pages of the past: nothing is left out between them, and what is cut off is said to be."""

from typing import Any

import pytest

from deribit_support import payloads
from deribit_support.archive import Records
from liveexec.domain.ids import ClientOrderId, InstrumentId, VenueOrderId
from liveexec.domain.outcome import OrderRef
from liveexec_deribit import history
from liveexec_deribit.history import FillHistory, OrderHistory
from liveexec_deribit.names import DERIBIT

PERPETUAL = InstrumentId("DERIBIT:PERPETUAL:BTC-USD@INV")
NS_PER_MS = 1_000_000


def trades(moments: list[int]) -> list[dict[str, Any]]:
    return [payloads.trade(trade_id=str(number), timestamp=at_ms) for number, at_ms in enumerate(moments)]


def fills(records: Records, page: int = 3) -> FillHistory:
    return FillHistory(payloads.ACCOUNT, DERIBIT, ("BTC", "ETH"), records.ask, records.ask, page=page)


def ref(*, order_id: str | None = None, label: str | None = None) -> OrderRef:
    return OrderRef(
        payloads.ACCOUNT,
        PERPETUAL,
        ClientOrderId(label) if label else None,
        VenueOrderId(order_id) if order_id else None,
    )


async def test_every_page_is_turned() -> None:
    moments = [payloads.NOW_MS + number for number in (0, 1, 2, 2, 2, 3, 4, 5, 5, 9)]
    records = Records(trades(moments))
    snapshot = await fills(records).since(payloads.NOW_MS * NS_PER_MS)
    assert snapshot.complete
    assert [each.fill.venue_time_ns // NS_PER_MS for each in snapshot.items] == moments
    assert len({each.fill.key for each in snapshot.items}) == len(moments)


async def test_more_trades_in_a_millisecond_than_a_page_holds() -> None:
    moments = [payloads.NOW_MS] * 50 + [payloads.NOW_MS + 1]
    snapshot = await fills(Records(trades(moments))).since(payloads.NOW_MS * NS_PER_MS)
    assert (snapshot.complete, len(snapshot.items)) == (True, 51)


async def test_more_trades_in_a_millisecond_than_the_venue_tells_at_once_are_not_complete() -> None:
    moments = [payloads.NOW_MS] * 1_001 + [payloads.NOW_MS + 1]
    snapshot = await fills(Records(trades(moments)), page=1_000).since(payloads.NOW_MS * NS_PER_MS)
    assert (snapshot.complete, len(snapshot.items)) == (False, 1_000)


async def test_what_is_cut_off_can_be_gone_on_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "_MOST_PAGES", 2)
    moments = [payloads.NOW_MS + number for number in range(20)]
    records, since_ns, found = Records(trades(moments)), payloads.NOW_MS * NS_PER_MS, set()
    for _ in range(20):
        snapshot = await fills(records).since(since_ns)
        found |= {each.fill.key for each in snapshot.items}
        if snapshot.complete:
            break
        since_ns = max(each.fill.venue_time_ns for each in snapshot.items)
    assert snapshot.complete
    assert len(found) == 20


async def test_the_archive_is_asked_for_what_is_older_only() -> None:
    old, recent = trades([1_000]), [payloads.trade(trade_id="new")]
    records = Records(recent, old_trades=old)
    both = await fills(records).since(0)
    assert [each.fill.venue_time_ns for each in both.items] == [1_000 * NS_PER_MS, (payloads.NOW_MS + 9) * NS_PER_MS]
    assert {asked["historical"] for _, asked in records.asked} == {False, True}


async def test_a_combos_trade_is_told_by_its_legs() -> None:
    combo = payloads.trade(instrument_name="BTC-FS-19MAY26_PERP")
    leg = payloads.trade(combo_id="BTC-FS-19MAY26_PERP")
    snapshot = await fills(Records([combo, leg])).since(payloads.NOW_MS * NS_PER_MS)
    assert [each.fill.instrument_id for each in snapshot.items] == [PERPETUAL]


def orders(count: int, *, changed_after_ms: int = 0) -> list[dict[str, Any]]:
    return [
        payloads.order(
            order_id=str(number),
            label=f"label-{number}",
            creation_timestamp=payloads.NOW_MS + number,
            last_update_timestamp=payloads.NOW_MS + number + changed_after_ms,
        )
        for number in range(count)
    ]


@pytest.mark.parametrize("wanted", [0, 57, 99])
@pytest.mark.parametrize("old", [True, False])
async def test_an_order_is_found_wherever_it_is(wanted: int, old: bool) -> None:
    records = Records(old_orders=orders(100)) if old else Records(orders=orders(100))
    searching = OrderHistory(records.ask, page=30)
    for asked in (ref(order_id=str(wanted)), ref(label=f"label-{wanted}")):
        found = await searching.find(asked, None)
        assert found.order is not None
        assert (found.order.order_id, found.is_complete) == (str(wanted), True)


async def test_the_search_ends_where_the_order_can_not_be_any_more() -> None:
    records = Records(orders=orders(100), old_orders=orders(100))
    made_ns = (payloads.NOW_MS + 95) * NS_PER_MS + history._CLOCK_MARGIN_NS
    found = await OrderHistory(records.ask, page=1_000).find(ref(label="nobody"), made_ns)
    assert (found.order, found.is_complete) == (None, True)
    assert len(records.asked) == 2


@pytest.mark.parametrize("newest_by", ["creation_timestamp", "last_update_timestamp"])
async def test_old_orders_that_changed_lately_do_not_end_the_search(newest_by: str) -> None:
    made_ms = payloads.NOW_MS + 3_600_000
    ours = payloads.order(label="ours", creation_timestamp=made_ms, last_update_timestamp=made_ms)
    records = Records(orders=[ours, *orders(50, changed_after_ms=7_200_000)], newest_by=newest_by)
    found = await OrderHistory(records.ask, page=20).find(ref(label="ours"), made_ms * NS_PER_MS)
    assert found.order is not None


async def test_a_venue_whose_clock_is_behind_does_not_end_the_search_too_early() -> None:
    ours = payloads.order(label="ours", creation_timestamp=payloads.NOW_MS - 1, last_update_timestamp=payloads.NOW_MS)
    made_ns = (payloads.NOW_MS + 5_000) * NS_PER_MS
    found = await OrderHistory(Records(orders=[ours, *orders(50)]).ask, page=20).find(ref(label="ours"), made_ns)
    assert found.order is not None


async def test_a_search_that_does_not_come_to_an_end_is_not_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "_MOST_PAGES", 2)
    found = await OrderHistory(Records(orders=orders(100)).ask, page=20).find(ref(label="nobody"), None)
    assert (found.order, found.is_complete) == (None, False)
