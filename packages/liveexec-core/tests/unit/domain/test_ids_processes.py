"""Ids that are made of other ids: the same in every process, however its hashes are seeded."""

import os
import subprocess
import sys
from typing import Final

_MAKE: Final = """
from liveexec.domain.fill import cumulative_fill_key
from liveexec.domain.ids import child_order_id, external_order_id, order_id_from_random
from decimal import Decimal
print(external_order_id("ALPHA-1", "V-77"), child_order_id(order_id_from_random(10**18, 7), 3))
print(cumulative_fill_key("ALPHA:SPOT_PAIR:BTC-USDT", "V-77", "BUY", Decimal("0.50")))
"""


def made_in_a_process(hash_seed: int) -> str:
    environment = os.environ | {"PYTHONHASHSEED": str(hash_seed)}
    return subprocess.run(
        [sys.executable, "-c", _MAKE], env=environment, capture_output=True, text=True, check=True, timeout=60
    ).stdout


def test_incident_11_orders_and_fills_that_are_named_here_have_the_same_names_in_every_process() -> None:
    first, second = made_in_a_process(1), made_in_a_process(2)
    assert first == second
    assert len(set(first.split())) == 3
