"""What Deribit can do, and how it behaves."""

from typing import Final

from liveexec.domain.operation import Operation, OrderType, TimeInForce, VenueClass
from liveexec.domain.venue import AdapterManifest, ClientIdRule, DedupeScope, Ordering, ReplaceMode
from liveexec.plugins.adapter import API_VERSION
from liveexec_deribit.config import DeribitSection
from liveexec_deribit.details import DETAILS

__all__ = ["manifest_of"]

#: How long after its answer an order may be missing from what the venue's other servers tell: seconds at most, by
#: what its users report; the documents give no bound.
_VISIBILITY_LAG_NS: Final = 2_000_000_000


def manifest_of(section: DeribitSection) -> AdapterManifest:
    """The manifest of an account's session."""
    return AdapterManifest(
        venue=section.venue_name,
        venue_class=VenueClass.CEFI,
        api_version=API_VERSION,
        operations=frozenset({Operation.TRADE}),
        order_types=frozenset(OrderType),
        # GTD is not the venue's: good_til_day ends with the trading session, which is FIX's DAY.
        time_in_force=frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.DAY}),
        post_only=True,
        reduce_only=True,
        details=DETAILS,
        # private/edit takes the order's new total amount and keeps its id and label.
        replace=ReplaceMode.ATOMIC_TOTAL,
        request_expiry=True,
        visibility_lag_ns=_VISIBILITY_LAG_NS,
        # The venue's times are milliseconds.
        time_resolution_ns=1_000_000,
        # What is bought at spot is a balance (private/get_positions lists derivatives).
        spot_positions=False,
        ordering=Ordering.PER_ORDER,
        # The label: at most 64 characters, and as often as one likes.
        client_id=ClientIdRule(),
        dedupe_scope=DedupeScope.NONE,
        query_by_client_id=True,
        # The archive keeps everything.
        fills_history_ns=None,
        rate_limit=section.rate_limit,
        sandbox=True,
    )
