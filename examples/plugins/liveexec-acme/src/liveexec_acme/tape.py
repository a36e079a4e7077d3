"""The tape: every fill as one JSON line, in the file that ACME_TAPE names."""

import json
import os

from liveexec.domain.order import Order
from liveexec.domain.order_event import FillApplied
from liveexec.domain.record import Event


def write(event: Event, order: Order | None) -> None:
    """Append a fill; whatever else happened is not written."""
    path = os.environ.get("ACME_TAPE")
    if path is None or order is None or not isinstance(event, FillApplied):
        return
    fill = event.fill
    line = {"order": order.order_id, "side": fill.side, "quantity": str(fill.quantity), "price": str(fill.price)}
    with open(path, "a", encoding="utf-8") as tape:
        tape.write(f"{json.dumps(line)}\n")
