"""What a loopback venue is started with: accounts, instruments, limits, and how long things are kept."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Literal

import attrs

from liveexec_deribit.loopback.instruments import DEFAULT_INDEXES, Instrument

SelfTradingMode = Literal["reject_taker", "cancel_maker"]

_COINS = {"BTC": Decimal(100), "ETH": Decimal(1_000), "USDC": Decimal(5_000_000)}


@attrs.frozen(kw_only=True)
class Credits:
    """A pool of credits: each request costs some, and they come back at a fixed rate up to a maximum.

    The venue's own scale is 500 credits a request; here a request costs one, so the figures are requests
    ("Rate Limits" in the venue's documentation, and ``limits`` of ``private/get_account_summary``).
    """

    burst: float
    rate_per_s: float


@attrs.frozen(kw_only=True)
class RateLimits:
    """The pools of one account, and how many refused requests it takes until the venue ends the session.

    The documentation says that the session ends with the first request without credits; ``refusals_before_end``
    above nought is milder.
    """

    matching: Credits = Credits(burst=250, rate_per_s=200)
    non_matching: Credits = Credits(burst=1_500, rate_per_s=1_000)
    refusals_before_end: int = 0


#: What a new account has at the venue (tier 4): five orders a second, twenty at once; twenty other requests, a hundred.
NEW_ACCOUNT_LIMITS = RateLimits(
    matching=Credits(burst=20, rate_per_s=5), non_matching=Credits(burst=100, rate_per_s=20)
)


@attrs.frozen(kw_only=True)
class AccountConfig:
    """One account and its only API key. ``balances`` are coins by currency; ``scope`` what the key may do."""

    client_id: str
    client_secret: str = attrs.field(repr=False)
    user_id: int
    username: str = "loopback"
    balances: Mapping[str, Decimal] = attrs.field(factory=lambda: dict(_COINS))
    scope: str = "account:read_write trade:read_write wallet:read_write"
    self_trading: SelfTradingMode = "cancel_maker"
    limits: RateLimits = RateLimits()


@attrs.frozen(kw_only=True)
class Retention:
    """How long the live endpoints know of closed orders and of trades; ``historical`` finds only what is older.

    Thirty minutes and a day are the venue's ("Accessing historical trades and orders using API").
    """

    closed_orders_s: float = 30 * 60
    trades_s: float = 24 * 3_600


@attrs.frozen(kw_only=True)
class VenueConfig:
    """Everything about a venue. Without ``instruments``, one of every kind is listed.

    ``price_band`` is how far from the mark a future's order may take: prices beyond are clamped (``min_price`` and
    ``max_price`` of ``public/ticker``). ``interval_s`` is the length of the ``100ms`` interval, ``agg2_s`` that of
    ``agg2``.
    """

    accounts: Sequence[AccountConfig] = attrs.field(factory=lambda: default_accounts(2))
    instruments: Sequence[Instrument] | None = None
    indexes: Mapping[str, Decimal] = attrs.field(factory=lambda: dict(DEFAULT_INDEXES))
    retention: Retention = Retention()
    token_lifetime_s: int = 900
    refresh_lifetime_s: int = 7 * 24 * 3_600
    price_band: Decimal = Decimal("0.5")
    interval_s: float = 0.1
    agg2_s: float = 1.0
    least_heartbeat_s: float = 10
    outbox_messages: int = 100_000
    testnet: bool = True


def default_accounts(count: int) -> Sequence[AccountConfig]:
    """Accounts ``loopback1``, ``loopback2``, …, each with the secret ``secret-of-loopback1`` and so on."""
    return [
        AccountConfig(
            client_id=f"loopback{number}",
            client_secret=f"secret-of-loopback{number}",
            user_id=1_000 + number,
            username=f"loopback{number}",
        )
        for number in range(1, count + 1)
    ]
