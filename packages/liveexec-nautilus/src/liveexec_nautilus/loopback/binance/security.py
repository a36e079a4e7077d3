"""Who asks, and whether they may: keys, signatures, the receive window, listen keys and request weights."""

import hashlib
from typing import Final
from urllib.parse import parse_qsl, unquote

from attrs import define

from liveexec_nautilus.loopback.binance.errors import BinanceError, mandatory
from liveexec_nautilus.loopback.binance.parameters import Parameters
from liveexec_nautilus.loopback.shared.accounts import AccountConfig, ApiKey, Keyring
from liveexec_nautilus.loopback.shared.clock import VenueClock
from liveexec_nautilus.loopback.shared.signing import hmac_hex, is_signed_ed25519, matches
from liveexec_nautilus.loopback.shared.traffic import HttpRequest

__all__ = ["Gate", "ListenKeys", "Weights"]

_UNAUTHORIZED, _TOO_MANY = 401, 429
_DEFAULT_WINDOW_MS: Final = 5_000
_LONGEST_WINDOW_MS: Final = 60_000
#: How far ahead of the venue's clock a timestamp may be.
_AHEAD_MS: Final = 1_000
_LISTEN_KEY_MS: Final = 60 * 60 * 1_000
_MINUTE_MS: Final = 60_000


class Gate:
    """Checks keys and signatures. An HMAC key signs in hex, an Ed25519 key in base64."""

    def __init__(self, keys: Keyring, clock: VenueClock) -> None:
        self._keys = keys
        self._clock = clock

    def by_header(self, request: HttpRequest) -> tuple[ApiKey, AccountConfig]:
        """Whose key the ``X-MBX-APIKEY`` header names; -2014 without one, -2015 for one that is not known."""
        return self.by_name(request.headers.get("x-mbx-apikey", ""))

    def by_name(self, name: str) -> tuple[ApiKey, AccountConfig]:
        """The same for a key named in a WebSocket request."""
        if not name:
            raise BinanceError(-2014, "API-key format invalid.", _UNAUTHORIZED)
        found = self._keys.find(name)
        if found is None:
            raise BinanceError(-2015, "Invalid API-key, IP, or permissions for action.", _UNAUTHORIZED)
        return found

    def require_signed(self, request: HttpRequest, key: ApiKey) -> None:
        """The signature covers query and body as they were sent, without itself; the timestamp has to be fresh."""
        query, in_query = _unsigned(request.query)
        body, in_body = _unsigned(request.text)
        signature = in_query or in_body
        if not signature:
            raise mandatory("signature")
        self.require_signature(key, query + body, signature)
        sent = dict(parse_qsl(request.text)) | dict(parse_qsl(request.query))
        self.require_fresh(Parameters(sent))

    def require_signature(self, key: ApiKey, text: str, signature: str) -> None:
        """-1022 for a signature over ``text`` that is not this key's."""
        if key.kind == "hmac":
            good = matches(hmac_hex(key.secret, text), signature)
        else:
            good = is_signed_ed25519(key.secret, text, signature)
        if not good:
            raise BinanceError(-1022, "Signature for this request is not valid.")

    def require_fresh(self, parameters: Parameters) -> None:
        """-1021 for a timestamp outside the receive window."""
        timestamp = parameters.integer("timestamp")
        if timestamp is None:
            raise mandatory("timestamp")
        window = parameters.decimal("recvWindow")
        window_ms = _DEFAULT_WINDOW_MS if window is None else window
        if window_ms > _LONGEST_WINDOW_MS:
            raise BinanceError(-1131, "recvWindow must be less than 60000.")
        now_ms = self._clock.now_ms()
        if timestamp > now_ms + _AHEAD_MS:
            raise BinanceError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
        if now_ms - timestamp > window_ms:
            raise BinanceError(-1021, "Timestamp for this request is outside of the recvWindow.")


@define
class _ListenKey:
    user_id: int
    expires_ms: int


class ListenKeys:
    """What a user data stream is opened with: one per account at a time, for an hour after its last renewal."""

    def __init__(self, clock: VenueClock) -> None:
        self._clock = clock
        self._keys: dict[str, _ListenKey] = {}
        self._made = 0

    def start(self, user_id: int) -> str:
        """The account's key, renewed if it has one."""
        for key, listening in self._keys.items():
            if listening.user_id == user_id and not self._is_over(listening):
                listening.expires_ms = self._clock.now_ms() + _LISTEN_KEY_MS
                return key
        self._made += 1
        made = hashlib.sha512(f"listen {user_id} {self._made}".encode()).hexdigest()[:64]
        self._keys[made] = _ListenKey(user_id, self._clock.now_ms() + _LISTEN_KEY_MS)
        return made

    def renew(self, user_id: int) -> str:
        """Another hour; -1125 where the account has no key."""
        if not any(each.user_id == user_id and not self._is_over(each) for each in self._keys.values()):
            raise BinanceError(-1125, "This listenKey does not exist.")
        return self.start(user_id)

    def stop(self, user_id: int) -> list[str]:
        """The account's keys are gone; returns them."""
        gone = [key for key, listening in self._keys.items() if listening.user_id == user_id]
        for key in gone:
            del self._keys[key]
        return gone

    def owner(self, key: str) -> int | None:
        """Whose key this is; ``None`` for one that is over or never was."""
        listening = self._keys.get(key)
        return None if listening is None or self._is_over(listening) else listening.user_id

    def expired(self) -> list[str]:
        """Keys whose hour is over, now gone."""
        over = [key for key, listening in self._keys.items() if self._is_over(listening)]
        for key in over:
            del self._keys[key]
        return over

    def expire_all(self) -> list[str]:
        """Let every key's hour be over now."""
        for listening in self._keys.values():
            listening.expires_ms = 0
        return self.expired()

    def _is_over(self, listening: _ListenKey) -> bool:
        return listening.expires_ms <= self._clock.now_ms()


class Weights:
    """Request weight and order counts of the running minute; more than ``most`` is refused with 429."""

    def __init__(self, clock: VenueClock, most: int, most_orders: int) -> None:
        self._clock = clock
        self.most = most
        self.most_orders = most_orders
        self._minute = 0
        self.used = 0
        self.orders: dict[int, int] = {}

    def take(self, weight: int) -> None:
        """Count a request (-1003 beyond the limit)."""
        self._roll()
        self.used += weight
        if self.used > self.most:
            message = f"Too many requests; current limit is {self.most} requests per minute."
            raise BinanceError(-1003, message, _TOO_MANY)

    def take_order(self, user_id: int) -> None:
        """Count an order (-1015 beyond the limit)."""
        self._roll()
        self.orders[user_id] = self.orders.get(user_id, 0) + 1
        if self.orders[user_id] > self.most_orders:
            message = f"Too many new orders; current limit is {self.most_orders} orders per MINUTE."
            raise BinanceError(-1015, message, _TOO_MANY)

    def retry_after_s(self) -> int:
        """When the running minute is over."""
        return int((_MINUTE_MS - self._clock.now_ms() % _MINUTE_MS) // 1_000 + 1)

    def _roll(self) -> None:
        minute = self._clock.now_ms() // _MINUTE_MS
        if minute != self._minute:
            self._minute, self.used, self.orders = minute, 0, {}


def _unsigned(text: str) -> tuple[str, str | None]:
    """A query without its signature, and the signature, decoded."""
    parts = [part for part in text.split("&") if part]
    kept = [part for part in parts if not part.startswith("signature=")]
    signatures = [unquote(part.partition("=")[2]) for part in parts if part.startswith("signature=")]
    return "&".join(kept), signatures[0] if signatures else None
