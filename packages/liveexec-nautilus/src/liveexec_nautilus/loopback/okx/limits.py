"""Rate limits: so many requests within two seconds for each account and endpoint.

Source: https://www.okx.com/docs-v5/en/#overview-rate-limits and each endpoint's own section.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from liveexec_nautilus.loopback.okx.errors import OkxError
from liveexec_nautilus.loopback.shared.clock import VenueClock

__all__ = ["DOCUMENTED_LIMITS", "RateLimits"]

DOCUMENTED_LIMITS: Final = MappingProxyType(
    {
        "/api/v5/trade/order": 60,
        "/api/v5/trade/amend-order": 60,
        "/api/v5/trade/cancel-order": 60,
        "/api/v5/trade/batch-orders": 300,
        "/api/v5/trade/orders-pending": 60,
        "/api/v5/trade/orders-history": 40,
        "/api/v5/trade/fills": 60,
        "/api/v5/trade/fills-history": 10,
        "/api/v5/account/balance": 10,
        "/api/v5/account/positions": 10,
        "/api/v5/account/config": 5,
        "/api/v5/account/trade-fee": 5,
    }
)
_UNTOLD: Final = 10_000
_WINDOW_MS: Final = 2_000


class RateLimits:
    """Fixed windows of two seconds. Without ``limits`` every endpoint has so much that a test does not notice."""

    def __init__(self, clock: VenueClock, limits: Mapping[str, int] | None = None) -> None:
        self._clock = clock
        self._limits = dict(limits or {})
        self._used: dict[tuple[int, str], tuple[int, int]] = {}

    def use(self, user_id: int, endpoint: str) -> None:
        """Count a request.

        Raises:
            OkxError: 50011.
        """
        window = self._clock.now_ms() // _WINDOW_MS
        began, used = self._used.get((user_id, endpoint), (window, 0))
        used = used + 1 if began == window else 1
        self._used[user_id, endpoint] = (window, used)
        if used > self._limits.get(endpoint, _UNTOLD):
            raise OkxError("50011")
