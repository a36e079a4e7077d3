"""Messages cross the socket pair whole and in order, however the bytes are cut; what can't be read ends it."""

import asyncio
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liveexec_nautilus.live.channel import Channel
from liveexec_nautilus.live.protocol import (
    MAX_FRAME,
    Answer,
    ClientPlan,
    Failed,
    FillTold,
    FromChild,
    NodePlan,
    Ready,
    Submit,
    ToChild,
    decode_from_child,
    decode_to_child,
    encode,
)

pytestmark = pytest.mark.anyio

FILL = FillTold("BTC-USDT.OKX", "lx1", "7", "t1", "BUY", "1", "2.5", "0.01", "USDT", "TAKER", 5)
TOLD: list[FromChild] = [Ready(), FILL, Answer(3, fills=(FILL,), is_absent=True), Failed("why")]


class Heard:
    """What a channel handed on."""

    def __init__(self) -> None:
        self.messages: list[FromChild] = []
        self.lost: list[str] = []
        self.ended = asyncio.Event()
        # Without a transport it is fed by hand.
        self.channel: Channel[FromChild] = Channel(decode_from_child, self.messages.append, self._lost)

    def _lost(self, reason: str) -> None:
        self.lost.append(reason)
        self.ended.set()


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60))
def test_messages_come_whole_however_the_bytes_are_cut(cuts: list[int]) -> None:
    heard = Heard()
    stream = b"".join(encode(each) for each in TOLD)
    while stream:
        for size in cuts:
            piece, stream = stream[:size], stream[size:]
            if piece:
                heard.channel.data_received(piece)
    assert heard.messages == TOLD
    assert not heard.lost


@pytest.mark.parametrize("junk", [b"\x00\x00\x00\x02{}", b"\xff\xff\xff\xff", (MAX_FRAME + 1).to_bytes(4)])
def test_what_can_not_be_read_ends_the_channel_once(junk: bytes) -> None:
    heard = Heard()
    heard.channel.data_received(encode(Ready()) + junk + encode(Ready()))
    heard.channel.connection_lost(None)
    assert heard.messages == [Ready()]
    assert len(heard.lost) == 1


@pytest.mark.parametrize(
    "anyio_backend", [("asyncio", {"use_uvloop": each}) for each in (False, True)], ids=["asyncio", "uvloop"]
)
async def test_both_ends_talk_over_a_socket_pair_on_either_loop(anyio_backend: object) -> None:
    ours, theirs = socket.socketpair()
    heard = Heard()
    arrived: asyncio.Future[ToChild] = asyncio.get_running_loop().create_future()
    child: Channel[ToChild] = Channel(decode_to_child, arrived.set_result, lambda _: None)
    loop = asyncio.get_running_loop()
    await loop.create_unix_connection(lambda: heard.channel, sock=ours)
    await loop.create_unix_connection(lambda: child, sock=theirs)
    order = Submit(1, "OKX", "BTC-USDT.OKX", "lx1", "BUY", "LIMIT", "GTC", "1", "2")
    assert heard.channel.send(order)
    assert await arrived == order
    assert child.send(Ready(), room=0)
    child.close()
    async with asyncio.timeout(5):
        await heard.ended.wait()
    assert heard.messages == [Ready()]
    assert not heard.channel.send(order)


def test_plans_show_no_key() -> None:
    client = ClientPlan(
        "OKX", "main", api_key="key-of-canary", api_secret="secret-of-canary", passphrase="word-of-canary"
    )
    plan = NodePlan("LX-001", (client,), (client,))
    assert "canary" not in repr(plan) + repr(client) + str([plan])
    assert decode_to_child(encode(plan)[4:]) == plan
