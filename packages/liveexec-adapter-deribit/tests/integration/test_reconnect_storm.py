"""Connections that break at random points of many orders: nothing is lost, doubled or misjudged.

Each way in which the adapter can be told of orders and fills has its own storm. ``LIVEEXEC_DERIBIT_STORM=2000,200``
storms with that many orders and disconnects; without it a small part of them.
"""

import os

import pytest

from deribit_support.storm import storm

ORDERS, CUTS = (int(each) for each in os.environ.get("LIVEEXEC_DERIBIT_STORM", "60,8").split(","))


@pytest.mark.parametrize("reports", ["changes", "orders_and_trades"])
async def test_a_reconnect_storm(reports: str) -> None:
    result = await storm(ORDERS, CUTS, seed=7, reports=reports)
    print(f"{reports}: {result.told()}")
    assert sum(result.endings.values()) == ORDERS
    assert result.losses >= CUTS
