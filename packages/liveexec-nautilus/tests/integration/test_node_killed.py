"""The node's process killed under load: nothing is lost, doubled or misjudged.

``LIVEEXEC_NAUTILUS_KILLS=150,50`` trades that many orders and kills that often; without it a small part of them.
"""

import os

import pytest

from nautilus_support.flavors import BINANCE_FUTURES, BINANCE_SPOT, BYBIT, OKX, Flavor
from nautilus_support.kills import killed

ORDERS, KILLS = (int(each) for each in os.environ.get("LIVEEXEC_NAUTILUS_KILLS", "24,4").split(","))


@pytest.mark.parametrize("flavor", [BINANCE_FUTURES, BINANCE_SPOT, BYBIT, OKX], ids=lambda flavor: flavor.client)
async def test_a_node_that_is_killed_under_load_loses_nothing(flavor: Flavor) -> None:
    result = await killed(flavor, ORDERS, KILLS, seed=7)
    print(result.told())
    assert sum(result.statuses.values()) == ORDERS
    assert result.kills == KILLS
