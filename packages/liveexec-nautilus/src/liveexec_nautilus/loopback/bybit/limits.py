"""Rate limits: so many requests a second for each account and endpoint, told in the headers of every answer.

Source: https://bybit-exchange.github.io/docs/v5/rate-limit.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from liveexec_nautilus.loopback.bybit.errors import BybitError
from liveexec_nautilus.loopback.shared.clock import VenueClock

__all__ = ["DOCUMENTED_LIMITS", "LimitExceeded", "RateLimits"]

#: What an account without a higher tier may send in a second.
DOCUMENTED_LIMITS: Final = MappingProxyType(
    {
        "/v5/order/create": 10,
        "/v5/order/amend": 10,
        "/v5/order/cancel": 10,
        "/v5/order/cancel-all": 10,
        "/v5/order/create-batch": 10,
        "/v5/order/amend-batch": 10,
        "/v5/order/cancel-batch": 10,
        "/v5/order/realtime": 50,
        "/v5/order/history": 50,
        "/v5/execution/list": 50,
        "/v5/position/list": 50,
        "/v5/account/wallet-balance": 50,
        "/v5/account/fee-rate": 10,
    }
)

_UNTOLD: Final = 10_000
_SECOND_MS: Final = 1_000


class RateLimits:
    """Fixed windows of one second. Without ``limits`` every endpoint has so much that a test does not notice."""

    def __init__(self, clock: VenueClock, limits: Mapping[str, int] | None = None) -> None:
        self._clock = clock
        self.limits = dict(limits or {})
        self._used: dict[tuple[int, str], tuple[int, int]] = {}

    def use(self, user_id: int, endpoint: str) -> dict[str, str]:
        """Count a request; returns the headers that tell what is left.

        Raises:
            LimitExceeded: 10006, with those headers too.
        """
        limit = self.limits.get(endpoint, _UNTOLD)
        second = self._clock.now_ms() // _SECOND_MS
        window, used = self._used.get((user_id, endpoint), (second, 0))
        used = used + 1 if window == second else 1
        self._used[user_id, endpoint] = (second, used)
        headers = {
            "X-Bapi-Limit": str(limit),
            "X-Bapi-Limit-Status": str(max(limit - used, 0)),
            "X-Bapi-Limit-Reset-Timestamp": str((second + 1) * _SECOND_MS),
        }
        if used > limit:
            raise LimitExceeded(headers)
        return headers


class LimitExceeded(BybitError):
    """Error 10006, which tells when the next second begins."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__(10006)
        self.headers = headers
