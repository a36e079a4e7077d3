"""Look-ups of more keys than one statement takes."""

import pytest

from liveexec.domain.ids import AccountId, OperationId
from liveexec.domain.order_state import OrderStatus
from liveexec.storage import lookups
from support.builders import ALPHA_ACCOUNT, events_to, make_asset_moved, make_order_id, make_received
from support.journaling import ShardWriter


async def test_keys_are_asked_about_in_chunks(writer: ShardWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "_CHUNK", 2)
    order_ids = [make_order_id(number) for number in range(1, 6)]
    for number, order_id in enumerate(order_ids, start=1):
        received = make_received(operation_id=OperationId(f"OP-{number}"))
        events = events_to(OrderStatus.ACCEPTED) if number == 1 else ()
        await writer.tell(order_id, received, *events)
    moves = [make_asset_moved(str(number)) for number in range(1, 6)]
    await writer.tell(ALPHA_ACCOUNT, *moves)
    await writer.project()
    store = writer.store
    assert list(await store.read_streams("main", order_ids)) == order_ids
    assert set(await store.order_rows("main", order_ids)) == set(order_ids)
    operations = [("local", OperationId(f"OP-{number}")) for number in range(9)]
    assert list(await store.find_operations("main", operations)) == operations[1:6]
    keys = [(ALPHA_ACCOUNT, move.reference) for move in moves]
    assert list(await store.find_asset_moves([*keys, (AccountId("nobody"), "x")])) == keys
    refs = [(ALPHA_ACCOUNT, "venue", f"V-{number}") for number in range(9)]
    assert await store.find_refs("main", refs) == {(ALPHA_ACCOUNT, "venue", "V-1"): order_ids[0]}
