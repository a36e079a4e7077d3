"""What the venues declare, and what a client id tells of its order."""

import pytest

from liveexec.domain.ids import child_order_id, order_id_time_ns
from liveexec.domain.venue import ReplaceMode
from liveexec.runtime.clock import WallClock
from liveexec.runtime.order_ids import new_order_id
from liveexec_nautilus.instruments import NodeVenue
from liveexec_nautilus.live.manifest import REMEMBERED_NS, made_at_ns, manifest_of


@pytest.mark.parametrize("venue", NodeVenue)
@pytest.mark.parametrize("attempt", [1, 2, 12])
def test_client_ids_are_alphanumeric_and_short_enough_for_every_venue(venue: NodeVenue, attempt: int) -> None:
    rule = manifest_of(venue).client_id
    assert rule is not None
    order_id = new_order_id(WallClock())
    client_order_id = rule.client_order_id(order_id, attempt)
    assert client_order_id.isalnum()
    assert client_order_id.isascii()
    assert len(client_order_id) <= 32
    assert made_at_ns(client_order_id) == order_id_time_ns(order_id)
    assert made_at_ns(rule.client_order_id(child_order_id(order_id, 3), attempt)) == order_id_time_ns(order_id)


@pytest.mark.parametrize(
    "text", [None, "", "lx", "O-20261123-000000-001-1", "lx!!!!!!!!!!!!!!!!!!!!!!!!!!", "web_8H2k"]
)
def test_an_id_of_somebody_else_tells_nothing(text: str | None) -> None:
    assert made_at_ns(text) is None


def test_every_venue_says_how_long_it_remembers_and_whether_it_changes_orders() -> None:
    assert set(REMEMBERED_NS) == set(NodeVenue)
    changes = {venue for venue in NodeVenue if manifest_of(venue).replace is ReplaceMode.ATOMIC_TOTAL}
    assert changes == set(NodeVenue) - {NodeVenue.BINANCE_SPOT}
