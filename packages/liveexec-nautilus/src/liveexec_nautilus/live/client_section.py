"""One client of the node in a configuration: a venue, its keys, and where it is reached."""

import base64
from decimal import Decimal
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from attrs import field, frozen

from liveexec.domain.ids import AccountId, InstrumentId
from liveexec.domain.money import ZERO
from liveexec.domain.secret import Secret
from liveexec.domain.venue import RateLimit
from liveexec.errors import ConfigurationError, Fault, InvalidInput
from liveexec_nautilus.instruments import NodeVenue, parse_contract
from liveexec_nautilus.live.protocol import ClientPlan

__all__ = ["BINANCE", "ClientSection", "says"]

#: Which base URLs each venue's client has, by NautilusTrader's names; ``base_url`` stands for the first.
_URLS: Final = {
    NodeVenue.BINANCE_SPOT: ("base_url_http", "base_url_ws", "base_url_ws_trading"),
    NodeVenue.BINANCE_FUTURES: ("base_url_http", "base_url_ws", "base_url_ws_trading"),
    NodeVenue.BYBIT: ("base_url_http", "base_url_ws_public", "base_url_ws_private", "base_url_ws_trade"),
    NodeVenue.OKX: ("base_url_http", "base_url_ws_public", "base_url_ws_private", "base_url_ws_business"),
}
_PRODUCTS: Final = {
    NodeVenue.BINANCE_SPOT: (),
    NodeVenue.BINANCE_FUTURES: ("USD_M", "COIN_M"),
    NodeVenue.BYBIT: ("SPOT", "LINEAR", "INVERSE", "OPTION"),
    NodeVenue.OKX: ("SPOT", "SWAP", "FUTURES", "OPTION"),
}
#: What is served when nothing is said.
_USUAL_PRODUCTS: Final = {
    NodeVenue.BINANCE_SPOT: (),
    NodeVenue.BINANCE_FUTURES: ("USD_M",),
    NodeVenue.BYBIT: ("LINEAR",),
    NodeVenue.OKX: ("SWAP",),
}
BINANCE: Final = (NodeVenue.BINANCE_SPOT, NodeVenue.BINANCE_FUTURES)
#: PKCS #8 of an Ed25519 key.
_ED25519_BYTES: Final = 48


def says(text: str) -> dict[str, Any]:
    """What the schema says of a key."""
    return {"help": text}


@frozen
class ClientSection:
    """One client of the node: a venue, its keys, and where it is reached."""

    name: NodeVenue = field(metadata=says("the client; its venue is the same with a hyphen"))
    api_key: Secret | None = field(default=None, metadata=says("${VARIABLE}, never its value"))
    api_secret: Secret | None = field(
        default=None, metadata=says("of the key; for Binance an Ed25519 private key, PEM or base 64")
    )
    passphrase: Secret | None = field(default=None, metadata=says("of the key, for OKX"))
    account_id: str | None = field(default=None, metadata=says("how it is named here; the client's name"))
    testnet: bool = field(default=False, metadata=says("the venue's test net, or its demo trading"))
    products: tuple[str, ...] | None = field(
        default=None, metadata=says("USD_M or COIN_M; SPOT, LINEAR, INVERSE, OPTION; SPOT, SWAP, FUTURES, OPTION")
    )
    instruments: tuple[str, ...] | None = field(
        default=None, metadata=says("instrument ids whose fills are asked for; Binance tells them one by one")
    )
    base_url: str | None = field(default=None, metadata=says("the same as base_url_http"))
    base_url_http: str | None = field(default=None, metadata=says("in place of the venue's own"))
    base_url_ws: str | None = field(default=None, metadata=says("Binance: streams"))
    base_url_ws_trading: str | None = field(default=None, metadata=says("Binance: the WebSocket API"))
    base_url_ws_public: str | None = field(default=None, metadata=says("Bybit, OKX: market data"))
    base_url_ws_private: str | None = field(default=None, metadata=says("Bybit, OKX: the account"))
    base_url_ws_trade: str | None = field(default=None, metadata=says("Bybit: orders"))
    base_url_ws_business: str | None = field(default=None, metadata=says("OKX: its business channel"))
    margin_mode: Literal["cross", "isolated"] = field(
        default="cross", metadata=says("OKX: how derivatives are margined")
    )
    market_data: Literal["quote", "book"] = field(
        default="quote", metadata=says("the best price of both sides, or books")
    )
    book_depth: int = field(default=10, metadata=says("levels of each side of a book that are handed on"))
    maker_fee: Decimal = field(default=ZERO, metadata=says("of the account's tier, a rate of the traded value"))
    taker_fee: Decimal = field(default=ZERO, metadata=says("of the account's tier, a rate of the traded value"))
    requests_per_second: Decimal = field(default=Decimal(10), metadata=says("of the account's tier"))
    request_burst: int = field(default=20, metadata=says("requests at once, of the account's tier"))
    cancel_lane: int = field(default=5, metadata=says("of the burst, kept for cancels"))
    question_timeout_s: Decimal = field(
        default=Decimal(20), metadata=says("how long the answer to a question is waited for, with all its pages")
    )
    request_timeout_s: Decimal = field(
        default=Decimal(5), metadata=says("how long an answer is waited for; what was asked for is unknown then")
    )

    @property
    def account(self) -> AccountId:
        return AccountId(self.account_id if self.account_id is not None else self.name.value)

    @property
    def rate_limit(self) -> RateLimit:
        """What the runtime holds requests back by."""
        return RateLimit(float(self.requests_per_second), self.request_burst, self.cancel_lane)

    def plan(self) -> ClientPlan:
        """What the node's process is told of it: with its keys, in plain."""
        urls = {name: url for name in _URLS[self.name] if (url := getattr(self, name)) is not None}
        if self.base_url is not None:
            urls["base_url_http"] = self.base_url
        products = self.products if self.products is not None else _USUAL_PRODUCTS[self.name]
        names = None
        if self.instruments is not None:
            names = tuple(parse_contract(InstrumentId(each))[1].nautilus_id(self.name) for each in self.instruments)
        return ClientPlan(
            client=self.name.value,
            account_id=self.account,
            products=products,
            testnet=self.testnet,
            urls=urls,
            api_key=_revealed(self.api_key),
            api_secret=_revealed(self.api_secret),
            passphrase=_revealed(self.passphrase),
            instruments=names,
            margin_mode=self.margin_mode,
        )

    def faults(self, path: str, *, trades: bool) -> list[Fault]:
        """Everything that is wrong with it; ``trades`` for an entry among ``exec_clients``."""
        found = self._url_faults() + self._limit_faults() + self._product_faults()
        if trades:
            found += self._key_faults() + self._instrument_faults()
        return [Fault(f"{path}.{each.path}", each.message) for each in found]

    def _key_faults(self) -> list[Fault]:
        names = ("api_key", "api_secret", "passphrase") if self.name is NodeVenue.OKX else ("api_key", "api_secret")
        found = [Fault(name, "is missing") for name in names if getattr(self, name) is None]
        if self.name in BINANCE and self.api_secret is not None and not _is_ed25519(self.api_secret.reveal()):
            found.append(
                Fault("api_secret", "must be an Ed25519 private key: NautilusTrader trades at Binance with no other")
            )
        if self.account_id is not None and not self.account_id.strip():
            found.append(Fault("account_id", "must not be empty"))
        return found

    def _instrument_faults(self) -> list[Fault]:
        if self.name in BINANCE and not self.instruments:
            return [Fault("instruments", "must name what is traded: Binance tells fills instrument by instrument")]
        found = []
        for index, each in enumerate(self.instruments or ()):
            try:
                venue, contract = parse_contract(InstrumentId(each))
                contract.nautilus_id(venue)
            except InvalidInput:
                found.append(Fault(f"instruments[{index}]", f"{each[:120]} is no instrument of {self.name.venue}"))
                continue
            if venue is not self.name:
                found.append(Fault(f"instruments[{index}]", f"{each[:120]} is no instrument of {self.name.venue}"))
        return found

    def _url_faults(self) -> list[Fault]:
        found = []
        named = {"base_url": ("http", "https")}
        named |= {each: ("http", "https") if each.endswith("http") else ("ws", "wss") for each in _all_urls()}
        for name, schemes in named.items():
            url = getattr(self, name)
            if url is None:
                continue
            if name != "base_url" and name not in _URLS[self.name]:
                found.append(Fault(name, f"{self.name.value} has {', '.join(_URLS[self.name])}"))
            elif urlsplit(url).scheme not in schemes or not urlsplit(url).hostname:
                found.append(Fault(name, f"must begin with {' or '.join(f'{each}://' for each in schemes)}"))
        if self.base_url is not None and self.base_url_http is not None:
            found.append(Fault("base_url", "is the same as base_url_http: one of both"))
        return found

    def _product_faults(self) -> list[Fault]:
        known = _PRODUCTS[self.name]
        if self.products is None:
            return []
        if not known:
            return [Fault("products", f"{self.name.value} has one product")]
        found = [
            Fault(f"products[{index}]", f"must be one of {', '.join(known)}, not {each[:40]}")
            for index, each in enumerate(self.products)
            if each not in known
        ]
        if not self.products:
            found.append(Fault("products", "must name at least one"))
        if self.name is NodeVenue.BINANCE_FUTURES and len(self.products) > 1:
            found.append(Fault("products", "must name one: a client of Binance serves one product"))
        return found

    def _limit_faults(self) -> list[Fault]:
        found: list[Fault] = []
        try:
            self.rate_limit  # noqa: B018  (the limit says by itself what is wrong with it)
        except ConfigurationError as error:
            names = {"per_second": "requests_per_second", "burst": "request_burst"}
            found += [Fault(names.get(each.path, each.path), each.message) for each in error.faults]
        if self.book_depth < 1:
            found.append(Fault("book_depth", f"must be at least 1, not {self.book_depth}"))
        found += [
            Fault(name, f"must be more than 0, not {amount}")
            for name, amount in (
                ("request_timeout_s", self.request_timeout_s),
                ("question_timeout_s", self.question_timeout_s),
            )
            if not amount.is_finite() or amount <= 0
        ]
        found += [
            Fault(name, "is a rate of the traded value and must lie between -1 and 1")
            for name, rate in (("maker_fee", self.maker_fee), ("taker_fee", self.taker_fee))
            if not rate.is_finite() or not -1 < rate < 1
        ]
        return found


def _all_urls() -> set[str]:
    return {name for names in _URLS.values() for name in names}


def _revealed(secret: Secret | None) -> str | None:
    return secret.reveal() if secret is not None else None


def _is_ed25519(text: str) -> bool:
    lines = text.strip().splitlines()
    body = "".join(line for line in lines if not line.startswith("-----"))
    try:
        return len(base64.b64decode(body, validate=True)) == _ED25519_BYTES
    except ValueError:
        return False
