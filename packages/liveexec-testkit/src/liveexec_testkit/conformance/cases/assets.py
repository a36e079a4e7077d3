"""Assets: what moves without an order."""

from decimal import Decimal

import anyio

from liveexec.domain.outcome import AssetKind, AssetReport
from liveexec_testkit.conformance.case import CaseGroup, case
from liveexec_testkit.conformance.line import Line
from liveexec_testkit.conformance.needs import STREAM
from liveexec_testkit.conformance.scripts import MoveAsset, MoveAssetAs
from liveexec_testkit.conformance.trial import Trial

__all__ = ["AssetCases"]

_AMOUNT = Decimal("0.25")
_KINDS = (AssetKind.FUNDING, AssetKind.SETTLEMENT, AssetKind.WITHDRAWAL)


class AssetCases(CaseGroup):
    """Deposits, withdrawals, funding, settlement."""

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


def _movements(line: Line) -> list[AssetReport]:
    return [each for each in line.heard.items if isinstance(each, AssetReport)]


async def _total(trial: Trial, line: Line, asset: str) -> Decimal:
    snapshot = await line.adapter.balances(trial.venue.account_id)
    return sum((each.total for each in snapshot.items if each.asset == asset), Decimal(0))
