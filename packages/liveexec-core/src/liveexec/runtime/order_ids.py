"""Ids of what is asked for here: of the moment, and of chance, which the engine has none of."""

import secrets

from liveexec.domain.ids import OrderId, order_id_from_random
from liveexec.runtime.clock import Clock

__all__ = ["new_order_id"]


def new_order_id(clock: Clock) -> OrderId:
    """An id that nothing else has: orders sort by it as they were asked for."""
    return order_id_from_random(clock.now_ns(), secrets.randbits(62))
