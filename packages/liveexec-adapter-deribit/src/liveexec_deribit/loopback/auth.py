"""Who asks: credentials, signatures, tokens and scopes."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence

import attrs

from liveexec_deribit.loopback.clock import VenueClock
from liveexec_deribit.loopback.config import AccountConfig, VenueConfig
from liveexec_deribit.loopback.errors import VenueError, invalid_params

#: How far a signature's timestamp may be from the venue's clock.
_SIGNATURE_MS = 60_000
_LEVELS = ("none", "read", "read_write")
_ROOMS = ("account", "trade", "wallet")


@attrs.define(eq=False, kw_only=True)
class Grant:
    """A pair of tokens. ``session_id`` is the connection it was given to; a named session's token works anywhere."""

    access_token: str = attrs.field(repr=False)
    refresh_token: str = attrs.field(repr=False)
    account: AccountConfig
    levels: dict[str, str]
    named: str | None
    session_id: int | None
    lifetime_s: int
    expires_ms: int
    refresh_expires_ms: int

    @property
    def scope(self) -> str:
        """As ``public/auth`` answers it."""
        rooms = [f"{room}:{level}" for room, level in self.levels.items() if level != "none"]
        return " ".join(sorted([*rooms, f"session:{self.named}" if self.named else "connection", "mainaccount"]))

    def allows(self, needed: str) -> bool:
        """Whether a scope such as ``trade:read_write`` is within it."""
        room, _, level = needed.partition(":")
        return _LEVELS.index(self.levels.get(room, "none")) >= _LEVELS.index(level)


class Authority:
    """Gives out tokens and knows whose they are."""

    def __init__(self, config: VenueConfig, clock: VenueClock) -> None:
        self._config = config
        self._clock = clock
        self._accounts = {account.client_id: account for account in config.accounts}
        self._grants: dict[str, Grant] = {}
        self._refresh: dict[str, Grant] = {}

    def by_secret(self, client_id: str, client_secret: str) -> AccountConfig:
        """The account of ``client_credentials``."""
        account = self._accounts.get(client_id)
        if account is None or not hmac.compare_digest(account.client_secret.encode(), client_secret.encode()):
            raise VenueError("invalid_credentials")
        return account

    def by_signature(self, client_id: str, timestamp: int, signature: str, signed: str) -> AccountConfig:
        """The account of ``client_signature``: HMAC-SHA256 of what was signed, in hexadecimal, by its secret."""
        account = self._accounts.get(client_id)
        if account is None:
            raise VenueError("invalid_credentials")
        if abs(self._clock.now_ms() - timestamp) > _SIGNATURE_MS:
            raise VenueError("invalid_credentials", reason="timestamp")
        wanted = hmac.new(account.client_secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(wanted.encode(), signature.lower().encode()):
            raise VenueError("invalid_credentials", reason="invalid_signature")
        return account

    def grant(self, account: AccountConfig, scope: str, session_id: int | None) -> Grant:
        """New tokens, for at most what the key may do."""
        words = scope.split()
        allowed = dict(word.partition(":")[::2] for word in account.scope.split())
        asked = {room: level for room, _, level in (word.partition(":") for word in words) if room in _ROOMS}
        if not set(asked.values()) <= {"", *_LEVELS}:
            raise invalid_params("scope", f"a level must be one of {', '.join(_LEVELS)}")
        levels = {
            room: min(allowed.get(room, "none"), asked.get(room, "read_write") or "none", key=_LEVELS.index)
            for room in _ROOMS
            if not asked or room in asked
        }
        named = next((word.partition(":")[2] for word in words if word.startswith("session:")), None)
        lifetime_s = self._config.token_lifetime_s
        for word in words:
            if word.startswith("expires:") and word[8:].isdigit():
                lifetime_s = min(lifetime_s, int(word[8:]))
        return self._issue(account, levels, named, session_id, lifetime_s)

    def passing(self, account: AccountConfig) -> Grant:
        """A grant for one HTTP request that brought its credentials along: all that the key may do, and no token."""
        levels = dict(word.partition(":")[::2] for word in account.scope.split())
        now = self._clock.now_ms()
        return Grant(
            access_token="", refresh_token="", account=account, levels=levels, named=None, session_id=None,
            lifetime_s=0, expires_ms=now, refresh_expires_ms=now,
        )  # fmt: skip

    def refresh(self, refresh_token: str, session_id: int | None) -> Grant:
        """New tokens for a refresh token; the old pair is worth nothing afterwards."""
        old = self._refresh.get(refresh_token)
        if old is None or old.refresh_expires_ms <= self._clock.now_ms():
            raise VenueError("invalid_credentials", reason="invalid refresh token")
        self.revoke(old)
        return self._issue(old.account, old.levels, old.named, session_id, self._config.token_lifetime_s)

    def by_token(self, access_token: str, session_id: int | None) -> Grant:
        """The grant of an access token; one without a named session works on its own connection only."""
        grant = self._grants.get(access_token)
        if grant is None:
            raise VenueError("unauthorized", reason="invalid_token")
        if grant.named is None and grant.session_id is not None and grant.session_id != session_id:
            raise VenueError("unauthorized", reason="connection scope")
        self.require_fresh(grant)
        return grant

    def require_fresh(self, grant: Grant) -> None:
        """Raise ``unauthorized`` once a token has expired or was revoked."""
        if self._grants.get(grant.access_token) is not grant or grant.expires_ms <= self._clock.now_ms():
            raise VenueError("unauthorized", reason="token_expired")

    def revoke(self, grant: Grant) -> None:
        """End a pair of tokens."""
        self._grants.pop(grant.access_token, None)
        self._refresh.pop(grant.refresh_token, None)

    def expire_all(self, *, refresh_too: bool) -> None:
        """Let every access token expire now, and the refresh tokens if asked to."""
        now = self._clock.now_ms()
        for grant in self._grants.values():
            grant.expires_ms = min(grant.expires_ms, now)
            if refresh_too:
                grant.refresh_expires_ms = min(grant.refresh_expires_ms, now)

    def grants(self) -> Sequence[Grant]:
        """Every pair of tokens given out and not revoked."""
        return list(self._grants.values())

    def _issue(
        self, account: AccountConfig, levels: dict[str, str], named: str | None, session_id: int | None, lifetime_s: int
    ) -> Grant:
        now = self._clock.now_ms()
        for old in [each for each in self._grants.values() if each.refresh_expires_ms <= now]:
            self.revoke(old)
        grant = Grant(
            access_token=f"{now}.1{secrets.token_urlsafe(24)}",
            refresh_token=f"{now}.2{secrets.token_urlsafe(24)}",
            account=account,
            levels=levels,
            named=named,
            session_id=session_id,
            lifetime_s=lifetime_s,
            expires_ms=now + lifetime_s * 1_000,
            refresh_expires_ms=now + self._config.refresh_lifetime_s * 1_000,
        )
        self._grants[grant.access_token] = self._refresh[grant.refresh_token] = grant
        return grant
