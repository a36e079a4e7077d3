"""What a stream of reports delivered, as a case waits for it and tells of it."""

from collections.abc import AsyncIterator
from decimal import Decimal

import anyio
import pytest

from liveexec.domain.fill import Fill, FillKey, Liquidity
from liveexec.domain.ids import AccountId, ClientOrderId, InstrumentId, VenueOrderId
from liveexec.domain.operation import OrderType, Side, TimeInForce
from liveexec.domain.outcome import FillReport, Gap, OrderReport, VenueOrderStatus, VenueReport
from liveexec.errors import AdapterError
from liveexec_testkit.conformance.heard import Heard

ME, SPOT = AccountId("me"), InstrumentId("V:SPOT_PAIR:BTC-USD")
FILL = FillReport(
    ME,
    ClientOrderId("c1"),
    VenueOrderId("1"),
    Fill(FillKey("k"), SPOT, Side.BUY, Decimal(1), Decimal(100), Decimal(0), "USD", Liquidity.MAKER, 1),
)
ORDER = OrderReport(
    ME,
    SPOT,
    ClientOrderId("c1"),
    VenueOrderId("1"),
    VenueOrderStatus.FILLED,
    Side.BUY,
    OrderType.LIMIT,
    TimeInForce.GTC,
    Decimal(1),
    Decimal(100),
    Decimal(1),
    1,
)


async def _told(*reports: VenueReport, error: Exception | None = None) -> AsyncIterator[VenueReport]:
    for report in reports:
        yield report
    if error is not None:
        raise error
    await anyio.sleep_forever()


async def test_reports_are_found_by_kind_by_key_and_by_either_name() -> None:
    heard = Heard(_told(Gap(ME, "new"), FILL, FILL, ORDER), 5.0)
    await heard.until("the end", lambda: heard.orders)
    assert [each.reason for each in heard.gaps] == ["new"]
    assert len(heard.fills) == 2
    assert heard.distinct_fills == {FillKey("k"): FILL}
    assert heard.of(ClientOrderId("c1"), None) == heard.of(None, VenueOrderId("1")) == [ORDER]
    assert heard.of(ClientOrderId("c2"), VenueOrderId("2")) == []
    await heard.close()


async def test_what_does_not_come_is_told_with_what_came() -> None:
    heard = Heard(_told(Gap(ME, "new"), FILL, ORDER, error=AdapterError("gone")), 0.05)
    with pytest.raises(AssertionError) as caught:
        await heard.until("a miracle", lambda: False)
    message = str(caught.value)
    assert message.startswith("waited 0.05 s for a miracle; heard: ")
    for part in ("TRADE c1 1 @ 100", "FILLED c1 1/1", "Gap(", "gone"):
        assert part in message
    await heard.close()


async def test_a_stream_that_ends_is_broken_and_one_with_a_gap_is_too() -> None:
    ended, gapped = Heard(_told(error=AdapterError("gone")), 5.0), Heard(_told(Gap(ME, "again")), 5.0)
    await ended.ended()
    await ended.broken()
    await gapped.broken()
    assert isinstance(ended.error, AdapterError)
    assert not gapped.is_over
    await gapped.close()
    await ended.close()
