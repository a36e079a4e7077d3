"""What a case needs: of the manifest, of the adapter's abilities, or of the harness. What is missing is a skip with
its reason."""

from abc import ABC
from collections.abc import Callable
from typing import assert_never

import attrs
from attrs import frozen

from liveexec.domain.operation import OrderType, TimeInForce
from liveexec.domain.venue import AdapterManifest, DedupeScope, ReplaceMode
from liveexec.plugins.adapter import CancelsAll, ExternalAdapter, Polls, Replaces, Settles, StreamsMarket, TellsTime
from liveexec_testkit.conformance.harness import VenueHarness
from liveexec_testkit.conformance.scripts import VenueScript

__all__ = [
    "CLIENT_ID_RULE",
    "DEDUPES",
    "DETAILS",
    "KEEP_ALIVE",
    "PLUGIN",
    "POST_ONLY",
    "QUERY_BY_CLIENT_ID",
    "REDUCE_ONLY",
    "REPLACE",
    "REQUEST_EXPIRY",
    "SECRETS",
    "SHORT_GTD",
    "SINGLE_FILLS",
    "STREAM",
    "TOLD_BALANCES",
    "TOTALS",
    "Ability",
    "AdapterOffers",
    "Declared",
    "HarnessOffers",
    "Need",
    "described",
    "missing",
    "needs_tif",
    "needs_type",
]


@frozen
class Declared:
    """Something that the manifest has to declare. ``what`` completes "the manifest declares no …"."""

    what: str
    holds: Callable[[AdapterManifest], bool]


@frozen
class Ability:
    """A capability of the contract that has an ABC of its own."""

    kind: type[ABC]


@frozen
class AdapterOffers:
    """Something that the adapter's class tells beside its abilities. ``what`` completes "the adapter offers no …"."""

    what: str
    holds: Callable[[ExternalAdapter], bool]


@frozen
class HarnessOffers:
    """Something that the harness has to offer beside scripts. ``what`` completes "the harness offers no …"."""

    what: str
    holds: Callable[[VenueHarness], bool]


Need = Declared | Ability | AdapterOffers | HarnessOffers | VenueScript

POST_ONLY = Declared("post-only orders", lambda manifest: manifest.post_only)
REDUCE_ONLY = Declared("reduce-only orders", lambda manifest: manifest.reduce_only)
REPLACE = Declared("replaces", lambda manifest: manifest.replace is not ReplaceMode.NONE)
REQUEST_EXPIRY = Declared("expiry of requests", lambda manifest: manifest.request_expiry)
QUERY_BY_CLIENT_ID = Declared("queries by client id", lambda manifest: manifest.query_by_client_id)
DEDUPES = Declared(
    "refusal of client ids that were used before", lambda manifest: manifest.dedupe_scope is not DedupeScope.NONE
)
CLIENT_ID_RULE = Declared("rule by which client ids are made", lambda manifest: manifest.client_id is not None)

#: Reports come by themselves: what a polled adapter says is what it is asked for.
STREAM = AdapterOffers("stream of reports", lambda adapter: not isinstance(adapter, Polls))
#: Fills are told one by one.
SINGLE_FILLS = HarnessOffers("fills that are told one by one", lambda harness: harness.tells_single_fills)
#: Balances come by themselves.
TOLD_BALANCES = HarnessOffers("balances on the stream of reports", lambda harness: harness.tells_balances)
DETAILS = HarnessOffers("order with details of the venue's own", lambda harness: harness.detailed_order is not None)
#: Of fills, totals are told.
TOTALS = HarnessOffers("totals in place of single fills", lambda harness: not harness.tells_single_fills)
KEEP_ALIVE = HarnessOffers("keep-alive of the adapter's own", lambda harness: harness.keep_alive_s is not None)
SHORT_GTD = HarnessOffers("GTD order that ends soon enough", lambda harness: harness.shortest_gtd_s is not None)
SECRETS = HarnessOffers("secrets to look for", lambda harness: bool(harness.secrets))
PLUGIN = HarnessOffers("plugin module", lambda harness: harness.plugin is not None)

_ABILITIES = {
    Polls: "be polled: it streams its reports",
    Settles: "tell what was settled",
    CancelsAll: "cancel everything at one request",
    Replaces: "change a working order",
    StreamsMarket: "stream market data",
    TellsTime: "tell the venue's time",
}


def needs_type(order_type: OrderType) -> Declared:
    """Orders of this type."""
    return Declared(f"{order_type} orders", lambda manifest: order_type in manifest.order_types)


def needs_tif(time_in_force: TimeInForce) -> Declared:
    """Orders of this time in force."""
    return Declared(f"time in force {time_in_force}", lambda manifest: time_in_force in manifest.time_in_force)


def missing(need: Need, adapter: ExternalAdapter, harness: VenueHarness) -> str | None:
    """Why a case with this need is skipped; ``None`` when it is met."""
    match need:
        case Declared():
            return None if need.holds(adapter.manifest) else f"the manifest declares no {need.what}"
        case Ability():
            return (
                None
                if isinstance(adapter, need.kind)
                else f"the adapter can't {_ABILITIES.get(need.kind, need.kind.__name__)}"
            )
        case AdapterOffers():
            return None if need.holds(adapter) else f"the adapter offers no {need.what}"
        case HarnessOffers():
            return None if need.holds(harness) else f"the harness offers no {need.what}"
        case VenueScript():
            return harness.why_not(need)
        case unknown:
            assert_never(unknown)


def described(need: Need) -> str:
    """The need in the words of the report and of the documentation."""
    match need:
        case Declared():
            return f"manifest: {need.what}"
        case Ability():
            return f"adapter: {need.kind.__name__}"
        case AdapterOffers():
            return f"adapter: {need.what}"
        case HarnessOffers():
            return f"harness: {need.what}"
        case VenueScript():
            values = ", ".join(f"{name}={value}" for name, value in attrs.asdict(need).items())
            return f"script: {type(need).__name__}({values})"
        case unknown:
            assert_never(unknown)
