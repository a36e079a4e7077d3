"""The adapters of a configuration: one for each venue, over one node."""

from collections.abc import Sequence
from functools import partial

from liveexec.plugins.adapter import ExternalAdapter
from liveexec_nautilus.live.adapter import NautilusAdapter
from liveexec_nautilus.live.config import TradingNodeSection
from liveexec_nautilus.live.manifest import manifest_of
from liveexec_nautilus.live.process import LiveTradingNode
from liveexec_nautilus.live.settings import VenueSettings

__all__ = ["adapters_of"]


def adapters_of(section: TradingNodeSection) -> Sequence[ExternalAdapter]:
    """One adapter for each venue that is traded at; a node is started by the first of its venues that connects."""
    nodes = {
        venue: node
        for venues in section.processes
        for node in (LiveTradingNode(partial(section.plan, venues), float(section.start_timeout_s)),)
        for venue in venues
    }
    data = {each.name: each for each in section.data_clients}
    made = []
    for each in section.exec_clients:
        market = data.get(each.name, each)
        settings = VenueSettings(
            venue=each.name,
            account_id=each.account,
            request_timeout_s=float(each.request_timeout_s),
            question_timeout_s=float(each.question_timeout_s),
            book_depth=market.book_depth if market.market_data == "book" else 0,
            maker_fee=each.maker_fee,
            taker_fee=each.taker_fee,
        )
        made.append(NautilusAdapter(nodes[each.name], settings, manifest_of(each.name, each.rate_limit)))
    return tuple(made)
