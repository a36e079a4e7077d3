"""What ``liveexec reconcile`` shows of what was found."""

from decimal import Decimal

from liveexec.cli.reconcile import _views
from liveexec.domain.account_event import DriftSeen
from liveexec.runtime.reconciling import Reconciliation
from support.builders import ALPHA_ACCOUNT, SPOT, make_listing


def test_amounts_have_the_places_that_venues_list() -> None:
    listing = make_listing(SPOT, lot=Decimal("0.001"), min_quantity=Decimal("0.001"))
    drifts = [
        DriftSeen(ALPHA_ACCOUNT, f"position:{SPOT}", Decimal("1.5"), Decimal(1)),
        DriftSeen(ALPHA_ACCOUNT, "balance:USDT", Decimal("1.5"), Decimal(1)),
    ]
    _, verification = _views(Reconciliation(drifts=drifts, listings=[listing]), dry_run=False)
    ours = [column.id for column in verification.columns].index("ours")
    assert [row[ours].text for row in verification.rows] == ["1.500", "1.5"]
