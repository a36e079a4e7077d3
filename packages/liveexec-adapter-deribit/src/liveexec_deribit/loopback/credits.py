"""Credit pools: how fast an account may ask."""

from liveexec_deribit.loopback.clock import VenueClock
from liveexec_deribit.loopback.config import Credits, RateLimits

_MS_PER_S = 1_000

#: Requests that the matching engine answers ("Rate Limits"); everything else counts as non-matching.
MATCHING = frozenset({
    "private/buy",
    "private/sell",
    "private/edit",
    "private/edit_by_label",
    "private/cancel",
    "private/cancel_all",
    "private/cancel_all_by_currency",
    "private/cancel_all_by_currency_pair",
    "private/cancel_all_by_instrument",
    "private/cancel_all_by_kind_or_type",
    "private/cancel_by_label",
    "private/close_position",
})  # fmt: skip


class Pool:
    """One pool: full at first, a request costs one, and it refills at its rate up to its burst."""

    def __init__(self, credit: Credits, clock: VenueClock) -> None:
        self._credit = credit
        self._clock = clock
        self._left = credit.burst
        self._at_ms = clock.now_ms()

    def take(self) -> bool:
        """Whether there was a credit for one more request."""
        now = self._clock.now_ms()
        # A clock that was set back takes no credits away.
        refilled = self._left + max(now - self._at_ms, 0) * self._credit.rate_per_s / _MS_PER_S
        self._left, self._at_ms = min(self._credit.burst, refilled), now
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def drain(self, for_s: float) -> None:
        """Leave nothing, and let the refill of so many seconds go to waste."""
        self._left, self._at_ms = -for_s * self._credit.rate_per_s, self._clock.now_ms()


class AccountCredits:
    """Both pools of an account, and how many requests in a row they have refused."""

    def __init__(self, limits: RateLimits, clock: VenueClock) -> None:
        self.limits = limits
        self.matching = Pool(limits.matching, clock)
        self.non_matching = Pool(limits.non_matching, clock)
        self._refused = 0

    def take(self, method: str) -> bool:
        """Whether the account may make this request now."""
        allowed = (self.matching if method in MATCHING else self.non_matching).take()
        self._refused = 0 if allowed else self._refused + 1
        return allowed

    @property
    def ends_session(self) -> bool:
        """Whether the venue has refused so many requests that it ends the session."""
        return self._refused > self.limits.refusals_before_end
