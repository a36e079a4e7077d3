"""Assets: what moves without an order, and what the venue tells of balances."""

from decimal import Decimal

import anyio

from liveexec.domain.operation import Side
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import AssetKind, AssetReport, BalanceReport
from liveexec.storage.memory import MemoryStore
from liveexec_testkit.conformance.case import CaseGroup, Level, case
from liveexec_testkit.conformance.hosting import hosted
from liveexec_testkit.conformance.line import Line
from liveexec_testkit.conformance.needs import STREAM, TOLD_BALANCES
from liveexec_testkit.conformance.scripts import MoveAsset, MoveAssetAs
from liveexec_testkit.conformance.trial import Trial

__all__ = ["AssetCases"]

_AMOUNT = Decimal("0.25")
#: So long that accounts are compared at the beginning alone. Real seconds.
_NEVER_S = 3_600.0
_KINDS = (AssetKind.FUNDING, AssetKind.SETTLEMENT, AssetKind.WITHDRAWAL)


class AssetCases(CaseGroup):
    """Deposits, withdrawals, funding, settlement, and balances that are told."""

    subject = "Assets"

    @case(
        106,
        "What moves an asset is told, signed, with the venue's reference",
        proves="Two equal movements are two reports with references of their own; a withdrawal is negative; the "
        "balance moves by the same.",
        needs=(STREAM, MoveAsset(asset="BTC", amount=_AMOUNT), MoveAsset(asset="BTC", amount=-_AMOUNT)),
    )
    async def test_lx106_movements(self, trial: Trial) -> None:
        line = await trial.line()
        before = await _total(trial, line, "BTC")
        for amount in (_AMOUNT, _AMOUNT, -_AMOUNT):
            await trial.venue.inject(MoveAsset(asset="BTC", amount=amount))
        await line.heard.until("three movements", lambda: len(_movements(line)) >= 3)
        told = _movements(line)
        assert [each.amount for each in told] == [_AMOUNT, _AMOUNT, -_AMOUNT]
        assert {each.asset for each in told} == {"BTC"}
        assert len({each.reference for each in told}) == 3, "movements share a reference"
        with anyio.fail_after(trial.venue.patience_s):
            after = await _total(trial, line, "BTC")
        assert after - before == _AMOUNT

    @case(
        132,
        "Funding and settlement are told as what they are",
        proves="A movement that the venue calls funding, settlement or a withdrawal is reported with that kind, and is "
        "booked as that.",
        needs=(STREAM, *(MoveAssetAs(asset="BTC", amount=_AMOUNT, kind=kind) for kind in _KINDS)),
    )
    async def test_lx132_kinds(self, trial: Trial) -> None:
        line = await trial.line()
        for kind in _KINDS:
            await trial.venue.inject(MoveAssetAs(asset="BTC", amount=_AMOUNT, kind=kind))
        await line.heard.until("every movement", lambda: len(_movements(line)) >= len(_KINDS))
        assert [each.kind for each in _movements(line)] == list(_KINDS)

    @case(
        136,
        "A balance that changes is told",
        proves="After a fill, the venue's new balance of every asset that it moved comes on the stream, the later one "
        "with the later time.",
        needs=(STREAM, TOLD_BALANCES),
    )
    async def test_lx136_told_balances(self, trial: Trial) -> None:
        line = await trial.line()
        await trial.quote(line)
        moved: set[str] = set()
        # Bought and sold at different prices: one of the two moves something, whatever fees are.
        for side, ticks in ((Side.BUY, 10), (Side.SELL, -10)):
            before = await _true_totals(trial)
            await line.filled(await line.place(line.order(side, ticks)))
            after = await _true_totals(trial)
            changed = {asset: total for asset, total in after.items() if before.get(asset) != total}
            await _balances_told(line, changed)
            moved.update(changed)
        assert moved, "fills move no balance at the venue, so there is nothing to tell"

    @case(
        137,
        "A told balance is what rules compare with",
        proves="What the venue tells of a balance after a fill is known at once, without any comparison of the "
        "account; a comparison finds the same, and no drift.",
        needs=(STREAM, TOLD_BALANCES),
        level=Level.ORCHESTRATOR,
    )
    async def test_lx137_balances_reach_rules(self, trial: Trial) -> None:
        store = MemoryStore()
        async with hosted(trial, store, reconcile_every_s=_NEVER_S) as host:
            await host.quote()
            for side, ticks in ((Side.BUY, 10), (Side.SELL, -10)):
                order_id = await host.submit(side, ticks)
                await host.until(order_id, OrderStatus.FILLED)
                await host.until_balances_agree()
        async with hosted(trial, store) as host:
            await host.never_drifts()
            await host.until_balances_agree()


async def _balances_told(line: Line, changed: dict[str, Decimal]) -> None:
    await line.heard.until(f"balances of {changed}", lambda: _told_totals(line).items() >= changed.items())


def _told_totals(line: Line) -> dict[str, Decimal]:
    """The newest word on each asset, by the venue's time."""
    told = [each for each in line.heard.items if isinstance(each, BalanceReport)]
    return {each.asset: each.total for each in sorted(told, key=lambda one: one.venue_time_ns)}


async def _true_totals(trial: Trial) -> dict[str, Decimal]:
    return {each.asset: each.total for each in await trial.venue.balances()}


def _movements(line: Line) -> list[AssetReport]:
    return [each for each in line.heard.items if isinstance(each, AssetReport)]


async def _total(trial: Trial, line: Line, asset: str) -> Decimal:
    snapshot = await line.adapter.balances(trial.venue.account_id)
    return sum((each.total for each in snapshot.items if each.asset == asset), Decimal(0))
