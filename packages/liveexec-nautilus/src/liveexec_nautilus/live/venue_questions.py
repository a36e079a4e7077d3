"""Which questions belong to which client."""

from liveexec_nautilus import vendor
from liveexec_nautilus.instruments import NodeVenue
from liveexec_nautilus.live.binance_questions import BinanceQuestions
from liveexec_nautilus.live.bybit_questions import BybitQuestions
from liveexec_nautilus.live.okx_questions import OkxQuestions
from liveexec_nautilus.live.protocol import ClientPlan
from liveexec_nautilus.live.questions import Questions

__all__ = ["questions_of"]


def questions_of(plan: ClientPlan, cache: vendor.Cache) -> Questions:
    """What can be asked of a client's venue.

    Raises:
        ValueError: this package knows no such client.
    """
    match plan.client:
        case NodeVenue.BINANCE_SPOT | NodeVenue.BINANCE_FUTURES:
            return BinanceQuestions(plan, cache)
        case NodeVenue.BYBIT:
            return BybitQuestions(plan, cache)
        case NodeVenue.OKX:
            return OkxQuestions(plan, cache)
    raise ValueError(f"{plan.client} is no client of this package")
