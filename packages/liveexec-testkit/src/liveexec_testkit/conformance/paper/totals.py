"""A paper venue that tells totals: how much of an order is filled so far and at which average, never a single fill."""

from collections.abc import AsyncIterator
from decimal import Decimal, localcontext
from typing import ClassVar

from liveexec.domain.ids import AccountId
from liveexec.domain.money import MONEY, ZERO
from liveexec.domain.outcome import CumulativeFill, FillAction, FillReport, Snapshot, VenueReport
from liveexec.plugins.adapter import ExternalAdapter
from liveexec.venues.paper.adapter import PaperAdapter
from liveexec_testkit.conformance.paper.in_process import VENUE, PaperHarness

__all__ = ["TotalsAdapter", "TotalsHarness"]


class TotalsAdapter(PaperAdapter):
    """Tells the total of an order with each of its fills, and the totals of all orders when a session begins."""

    async def fills(self, account_id: AccountId, since_ns: int) -> Snapshot[FillReport]:
        """None: nobody tells them one by one."""
        told = await super().fills(account_id, since_ns)
        return Snapshot((), told.requested_at_ns, told.responded_at_ns, as_of_ns=told.as_of_ns)

    async def reports(self) -> AsyncIterator[VenueReport]:
        stream = super().reports()
        for account_id in self.accounts:
            known = (await super().fills(account_id, 0)).items
            for venue_order_id in dict.fromkeys(each.venue_order_id for each in known):
                yield self.total([each for each in known if each.venue_order_id == venue_order_id])
        async for report in stream:
            if not isinstance(report, FillReport):
                yield report
                continue
            known = (await super().fills(report.account_id, 0)).items
            yield self.total([each for each in known if each.venue_order_id == report.venue_order_id])

    def total(self, fills: list[FillReport]) -> CumulativeFill:
        """What is told of an order that has these fills, oldest first."""
        counted = [each.fill for each in fills if each.action is FillAction.TRADE]
        last = fills[-1]
        with localcontext(MONEY):
            quantity = sum((each.quantity for each in counted), ZERO)
            cost = sum((each.quantity * each.price for each in counted), ZERO)
            average = cost / quantity
            fee = sum((each.fee for each in counted), Decimal(0))
        return CumulativeFill(
            last.account_id,
            last.fill.instrument_id,
            last.client_order_id,
            last.venue_order_id,
            last.fill.side,
            quantity,
            round(average, 18),
            fee,
            last.fill.fee_asset,
            last.fill.venue_time_ns,
        )


class TotalsHarness(PaperHarness):
    """The paper venue in this process, by its totals."""

    title: ClassVar[str] = "paper venue, by totals"
    tells_single_fills: ClassVar[bool] = False

    def adapter(self) -> ExternalAdapter:
        return TotalsAdapter(self.driver, VENUE, (self.account_id,))
