"""The section of a configuration that makes Deribit's adapters: one account, with its own API key, per session."""

from decimal import Decimal
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from attrs import field, frozen

from liveexec.domain.ids import AccountId, VenueName, is_instrument_id
from liveexec.domain.secret import Secret
from liveexec.domain.venue import RateLimit
from liveexec.errors import ConfigurationError, Fault
from liveexec_deribit.names import DERIBIT

__all__ = ["CURRENCIES", "DeribitAccount", "DeribitSection", "Endpoints"]

#: What user trades and labels are asked for by (``currency`` in the specification).
CURRENCIES: Final = ("BTC", "ETH", "USDC", "USDT", "EURR")
_LIVE: Final = "www.deribit.com"
_TEST: Final = "test.deribit.com"
_PATH: Final = "/api/v2"
#: ``count`` of the venue's pages is at most this.
_LONGEST_PAGE: Final = 1_000


def _says(text: str) -> dict[str, Any]:
    return {"help": text}


@frozen
class Endpoints:
    """Where the venue is reached: JSON-RPC over WebSocket, and over HTTP for history."""

    websocket: str
    http: str


@frozen
class DeribitAccount:
    """An account at Deribit (a subaccount is one too) and the API key that is used for it."""

    account_id: str = field(metadata=_says("how orders, limits and positions name it here"))
    client_id: str = field(metadata=_says("of the API key"))
    client_secret: Secret = field(metadata=_says("of the API key: ${VARIABLE}, never its value"))

    def faults(self, path: str) -> list[Fault]:
        """Everything that is wrong with it."""
        return [
            Fault(f"{path}.{name}", "must not be empty")
            for name, value in (("account_id", self.account_id), ("client_id", self.client_id))
            if not value.strip()
        ]


@frozen
class DeribitSection:
    """Accounts at Deribit. Each gets a session of its own, since a connection is logged in as one user.

    Raises:
        ConfigurationError: with every fault.
    """

    accounts: tuple[DeribitAccount, ...] = field(metadata=_says("the accounts, each with its API key"))
    venue: str = field(default=DERIBIT, metadata=_says("the name in instrument ids; another one for a test net"))
    testnet: bool = field(default=False, metadata=_says("test.deribit.com in place of www.deribit.com"))
    websocket_url: str | None = field(default=None, metadata=_says("in place of wss://…/ws/api/v2"))
    http_url: str | None = field(default=None, metadata=_says("in place of https://…/api/v2"))
    authentication: Literal["client_credentials", "client_signature"] = field(
        default="client_signature", metadata=_says("with the signature the secret itself never leaves this machine")
    )
    currencies: tuple[str, ...] = field(
        default=CURRENCIES, metadata=_says("whose instruments are listed and whose fills are fetched")
    )
    kinds: tuple[Literal["spot", "future", "option"], ...] = field(
        default=("spot", "future", "option"), metadata=_says("which kinds of instrument are listed")
    )
    trigger: Literal["last_price", "mark_price", "index_price"] = field(
        default="mark_price", metadata=_says("which price stop orders watch")
    )
    reject_post_only: bool = field(
        default=True, metadata=_says("false: the venue moves a post-only price off the touch, and nobody asks us")
    )
    cancel_on_disconnect: bool = field(
        default=False, metadata=_says("the venue cancels what a session has placed when its connection ends")
    )
    reports: Literal["changes", "orders_and_trades"] = field(
        default="changes", metadata=_says("orders and their fills in one stream (user.changes), or in two")
    )
    heartbeat_s: int = field(default=10, metadata=_says("how often the venue shows that the connection lives"))
    market_data: Literal["book", "quote"] = field(
        default="book", metadata=_says("whole books, or only the best price of both sides")
    )
    book_depth: int = field(default=10, metadata=_says("levels of each side that are handed on"))
    requests_per_second: Decimal = field(
        default=Decimal(5), metadata=_says("of the account's tier; the venue ends a session that exceeds it")
    )
    request_burst: int = field(default=20, metadata=_says("requests at once, of the account's tier"))
    cancel_lane: int = field(default=5, metadata=_says("of the burst, kept for cancels"))
    queries_per_second: Decimal = field(
        default=Decimal(20), metadata=_says("questions that do not reach the matching engine")
    )
    query_burst: int = field(default=100, metadata=_says("questions at once"))
    log_queries_per_second: Decimal = field(
        default=Decimal(1), metadata=_says("of them to the transaction log, which has a limit of its own")
    )
    log_query_burst: int = field(default=1, metadata=_says("of them to the transaction log at once"))
    request_timeout_s: Decimal = field(
        default=Decimal(5), metadata=_says("how long an answer is waited for; what was asked for is unknown then")
    )
    page_size: int = field(default=1_000, metadata=_says("fills and past orders that are asked for at once"))

    def __attrs_post_init__(self) -> None:
        found = self._account_faults() + self._limit_faults()
        for name, url, schemes in (
            ("websocket_url", self.websocket_url, ("ws", "wss")),
            ("http_url", self.http_url, ("http", "https")),
        ):
            if url is not None and (urlsplit(url).scheme not in schemes or not urlsplit(url).hostname):
                found.append(Fault(name, f"must begin with {' or '.join(f'{each}://' for each in schemes)}"))
        if (self.websocket_url is None) != (self.http_url is None):
            found.append(Fault("http_url", "goes with websocket_url: both, or neither"))
        if not is_instrument_id(f"{self.venue}:SPOT_PAIR:BTC-USDC"):
            found.append(Fault("venue", f"{self.venue[:60]!r} can't stand in an instrument id"))
        if not self.currencies:
            found.append(Fault("currencies", "must name at least one"))
        if not self.kinds:
            found.append(Fault("kinds", "must name at least one"))
        if found:
            raise ConfigurationError("Deribit", found)

    @property
    def venue_name(self) -> VenueName:
        return VenueName(self.venue)

    @property
    def account_ids(self) -> tuple[AccountId, ...]:
        return tuple(AccountId(account.account_id) for account in self.accounts)

    @property
    def asked_currencies(self) -> tuple[str, ...]:
        """What orders and fills are asked for by.

        No document says which of its two coins a spot pair is filed under, so that with spot none is left out: what
        was not asked for would look as if it had never been there.
        """
        if "spot" not in self.kinds:
            return self.currencies
        return (*self.currencies, *(each for each in CURRENCIES if each not in self.currencies))

    @property
    def endpoints(self) -> Endpoints:
        """Where the venue is reached."""
        if self.websocket_url is not None and self.http_url is not None:
            return Endpoints(self.websocket_url.rstrip("/"), self.http_url.rstrip("/"))
        host = _TEST if self.testnet else _LIVE
        return Endpoints(f"wss://{host}/ws{_PATH}", f"https://{host}{_PATH}")

    @property
    def rate_limit(self) -> RateLimit:
        """What the runtime holds requests back by."""
        return RateLimit(float(self.requests_per_second), self.request_burst, self.cancel_lane)

    def _account_faults(self) -> list[Fault]:
        if not self.accounts:
            return [Fault("accounts", "must name at least one")]
        found: list[Fault] = []
        ids: set[str] = set()
        for index, account in enumerate(self.accounts):
            found += account.faults(f"accounts[{index}]")
            if account.account_id in ids:
                found.append(Fault(f"accounts[{index}].account_id", f"{account.account_id} is named twice"))
            ids.add(account.account_id)
        return found

    def _limit_faults(self) -> list[Fault]:
        found: list[Fault] = []
        try:
            self.rate_limit  # noqa: B018  (the limit says by itself what is wrong with it)
        except ConfigurationError as error:
            names = {"per_second": "requests_per_second", "burst": "request_burst"}
            found += [Fault(names.get(each.path, each.path), each.message) for each in error.faults]
        for name, value, least in (
            # The venue takes no shorter interval (public/set_heartbeat); whoever names another endpoint knows its own.
            ("heartbeat_s", self.heartbeat_s, 10 if self.websocket_url is None else 1),
            ("book_depth", self.book_depth, 1),
            ("query_burst", self.query_burst, 1),
            ("log_query_burst", self.log_query_burst, 1),
            ("page_size", self.page_size, 1),
        ):
            if value < least:
                found.append(Fault(name, f"must be at least {least}, not {value}"))
        if self.page_size > _LONGEST_PAGE:
            found.append(Fault("page_size", f"must be at most {_LONGEST_PAGE}, not {self.page_size}"))
        for name, amount in (
            ("queries_per_second", self.queries_per_second),
            ("log_queries_per_second", self.log_queries_per_second),
            ("request_timeout_s", self.request_timeout_s),
        ):
            if not amount.is_finite() or amount <= 0:
                found.append(Fault(name, f"must be more than 0, not {amount}"))
        return found
