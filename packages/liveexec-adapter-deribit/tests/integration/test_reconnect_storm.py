"""Connections that break at random points of many orders: nothing is lost, doubled or misjudged.

``LIVEEXEC_DERIBIT_STORM=2000,200`` storms with that many orders and disconnects; without it a small part of them.
"""

import os

from deribit_support.storm import storm

ORDERS, CUTS = (int(each) for each in os.environ.get("LIVEEXEC_DERIBIT_STORM", "60,8").split(","))


async def test_a_reconnect_storm() -> None:
    result = await storm(ORDERS, CUTS, seed=7)
    print(result.told())
    assert sum(result.endings.values()) == ORDERS
    assert result.losses >= CUTS
