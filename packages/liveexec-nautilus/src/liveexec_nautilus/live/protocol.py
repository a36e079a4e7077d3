"""What the parent and the node's process say to each other: typed messages, msgpack in frames with their length.

Both ends are of one version, since the parent starts the child: there is no negotiation. Numbers travel as text, as
NautilusTrader prints them; times are UTC nanoseconds; words (sides, types, statuses) are NautilusTrader's own.
Keys are in :class:`NodePlan`, the first message, and nowhere else: never in arguments, the environment or a log.
"""

from typing import Any, Final

import msgspec

from liveexec_nautilus.instruments import InstrumentFacts

__all__ = [
    "MAX_FRAME",
    "Answer",
    "Ask",
    "Balance",
    "BookTold",
    "Cancel",
    "ClientPlan",
    "Failed",
    "FillTold",
    "FromChild",
    "Modify",
    "NodePlan",
    "OrderState",
    "OrderTold",
    "Position",
    "QuoteTold",
    "Ready",
    "Refused",
    "SocketTold",
    "Stop",
    "Submit",
    "ToChild",
    "TradeTold",
    "Watch",
    "decode_from_child",
    "decode_to_child",
    "encode",
]

#: Longest message, bytes. The list of all instruments of a venue is about 2 MB.
MAX_FRAME: Final = 64 * 1024 * 1024
_LENGTH_BYTES: Final = 4


class _Message(msgspec.Struct, tag=True, tag_field="kind", array_like=True, frozen=True):
    pass


# -- what the child is told --------------------------------------------------------------------------------------


class ClientPlan(msgspec.Struct, frozen=True):
    """One venue's client: its keys, where it connects to, and which kinds of instrument it serves.

    ``urls`` by NautilusTrader's own names of its settings (``base_url_http``).
    """

    client: str
    account_id: str
    products: tuple[str, ...] = ()
    testnet: bool = False
    urls: dict[str, str] = {}
    api_key: str | None = None
    api_secret: str | None = None
    passphrase: str | None = None
    instruments: tuple[str, ...] | None = None
    margin_mode: str = "cross"

    def __repr__(self) -> str:
        """Never with its keys."""
        return f"ClientPlan({self.client!r}, {self.account_id!r})"


class NodePlan(_Message, frozen=True):
    """The whole node, the first message. ``builder`` names the function that makes it, as ``module:function``."""

    trader_id: str
    data_clients: tuple[ClientPlan, ...]
    exec_clients: tuple[ClientPlan, ...]
    builder: str = "liveexec_nautilus.live.node:built"
    lookback_mins: int | None = None
    connect_timeout_s: int = 20
    log_level: str | None = None
    extra: dict[str, Any] = {}

    def __repr__(self) -> str:
        """Never with keys."""
        return f"NodePlan({self.trader_id!r})"


class Submit(_Message, frozen=True):
    """Send an order. ``ref`` is the parent's number of the request."""

    ref: int
    client: str
    instrument: str
    client_order_id: str
    side: str
    type: str
    tif: str
    quantity: str
    price: str | None = None
    trigger_price: str | None = None
    expire_ns: int | None = None
    post_only: bool = False
    reduce_only: bool = False


class Cancel(_Message, frozen=True):
    """Cancel an order that the node knows by either name."""

    ref: int
    client: str
    instrument: str
    client_order_id: str | None
    venue_order_id: str | None


class Modify(_Message, frozen=True):
    """Change an order to a new total quantity and new prices."""

    ref: int
    client: str
    instrument: str
    client_order_id: str | None
    venue_order_id: str | None
    quantity: str
    price: str | None = None
    trigger_price: str | None = None


class Ask(_Message, frozen=True):
    """Ask the venue. ``what``: instruments, order, open_orders, fills, positions, balances, trades (of the market)."""

    ref: int
    client: str
    what: str
    instrument: str | None = None
    client_order_id: str | None = None
    venue_order_id: str | None = None
    since_ns: int = 0


class Watch(_Message, frozen=True):
    """Stream trades of these instruments from now on, and their quotes, or with a ``depth`` their books."""

    client: str
    instruments: tuple[str, ...]
    depth: int = 0


class Stop(_Message, frozen=True):
    """Disconnect and end."""


ToChild = NodePlan | Submit | Cancel | Modify | Ask | Watch | Stop


# -- what the child tells ----------------------------------------------------------------------------------------


class Ready(_Message, frozen=True):
    """The node runs: its clients are connected."""


class Failed(_Message, frozen=True):
    """The node could not be started, or ended by itself."""

    reason: str


class Refused(_Message, frozen=True):
    """A command was not handed to the node, so nothing was sent."""

    ref: int
    reason: str


class OrderState(msgspec.Struct, frozen=True, array_like=True):
    """An order as it stands: of the node after one of its events, or of the venue when it was asked."""

    instrument: str
    client_order_id: str | None
    venue_order_id: str | None
    status: str
    side: str
    type: str
    tif: str
    quantity: str
    filled_quantity: str
    price: str | None
    at_ns: int
    reason: str | None = None


class OrderTold(_Message, frozen=True):
    """Something happened to an order: ``event`` is the class of NautilusTrader's event, ``state`` what it led to.

    ``is_reconciled`` marks what the node made itself of a report rather than heard as an event.
    """

    event: str
    state: OrderState
    is_reconciled: bool = False
    is_post_only: bool = False


class FillTold(_Message, frozen=True):
    """A fill, heard or asked for. ``is_reconciled`` as for orders: its trade id may be the node's invention then.

    ``correction`` names the venue's taking back of the fill (a bust), which is what is told then.
    """

    instrument: str
    client_order_id: str | None
    venue_order_id: str
    trade_id: str
    side: str
    quantity: str
    price: str
    fee: str | None
    fee_asset: str | None
    liquidity: str
    at_ns: int
    is_reconciled: bool = False
    correction: str | None = None


class Position(msgspec.Struct, frozen=True, array_like=True):
    """A net position, its quantity signed."""

    instrument: str
    quantity: str
    average_price: str | None
    at_ns: int


class Balance(msgspec.Struct, frozen=True, array_like=True):
    """An asset's balance."""

    asset: str
    total: str
    free: str
    at_ns: int


class TradeTold(_Message, frozen=True):
    """A trade of the market."""

    instrument: str
    price: str
    size: str
    at_ns: int


class Answer(_Message, frozen=True):
    """The answer to a question; only the list that was asked for is filled. ``error`` says why there is none.

    ``is_absent`` is the venue's word that it has no such order. ``is_complete`` is false where pages may be missing.
    Trades are oldest first.
    """

    ref: int
    error: str | None = None
    facts: tuple[InstrumentFacts, ...] = ()
    orders: tuple[OrderState, ...] = ()
    fills: tuple[FillTold, ...] = ()
    positions: tuple[Position, ...] = ()
    balances: tuple[Balance, ...] = ()
    trades: tuple[TradeTold, ...] = ()
    is_absent: bool = False
    is_complete: bool = True
    as_of_ns: int | None = None


class QuoteTold(_Message, frozen=True):
    """The best price of both sides."""

    instrument: str
    bid: str
    ask: str
    bid_size: str
    ask_size: str
    at_ns: int


class BookTold(_Message, frozen=True):
    """The best levels of a book, each (price, size), best first."""

    instrument: str
    bids: tuple[tuple[str, str], ...]
    asks: tuple[tuple[str, str], ...]
    at_ns: int


class SocketTold(_Message, frozen=True):
    """A connection of a client was lost or is back."""

    client: str
    endpoint: str
    is_connected: bool


FromChild = Ready | Failed | Refused | OrderTold | FillTold | Answer | QuoteTold | BookTold | TradeTold | SocketTold

_ENCODER: Final = msgspec.msgpack.Encoder()
_TO_CHILD: Final[msgspec.msgpack.Decoder[ToChild]] = msgspec.msgpack.Decoder(ToChild)
_FROM_CHILD: Final[msgspec.msgpack.Decoder[FromChild]] = msgspec.msgpack.Decoder(FromChild)


def encode(message: ToChild | FromChild) -> bytes:
    """A message as a frame: its length in four bytes, big end first, and itself.

    Raises:
        ValueError: it is longer than a frame may be.
    """
    body = _ENCODER.encode(message)
    if len(body) > MAX_FRAME:
        raise ValueError(f"a message of {len(body)} bytes is longer than {MAX_FRAME}")
    return len(body).to_bytes(_LENGTH_BYTES) + body


def decode_to_child(body: bytes | memoryview) -> ToChild:
    """A message for the child, without its length. Raises ``msgspec.DecodeError`` for what is none."""
    return _TO_CHILD.decode(body)


def decode_from_child(body: bytes | memoryview) -> FromChild:
    """A message of the child's, without its length. Raises ``msgspec.DecodeError`` for what is none."""
    return _FROM_CHILD.decode(body)
