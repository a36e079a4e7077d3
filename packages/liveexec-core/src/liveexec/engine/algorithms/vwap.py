"""VWAP: slices in proportion to the volume that usually trades (volume-weighted average price)."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, cast

from attrs import frozen

from liveexec.domain.intent import OrderIntent
from liveexec.domain.money import ZERO
from liveexec.domain.operation import OrderType, TimeInForce
from liveexec.domain.order_event import Resolution
from liveexec.engine.algorithm import Finish, ParentView
from liveexec.engine.algorithms.parameters import ParameterReader
from liveexec.engine.algorithms.scheduled import (
    MAX_HORIZON_S,
    MAX_SLOTS,
    MIN_INTERVAL_S,
    Pacing,
    ScheduledSlices,
    read_pacing,
)
from liveexec.engine.algorithms.volume_profile import recent_profile, whole_weights

__all__ = ["Vwap", "VwapParameters"]

_MAX_WEIGHT: Final = Decimal(10) ** 15
_MIN_INTERVAL_NS: Final = int(MIN_INTERVAL_S * 1_000_000_000)


@frozen
class VwapParameters:
    """What VWAP was asked for. ``weights``: the given volume profile, ``None`` to take it from recent trades."""

    horizon_ns: int
    intervals: int
    weights: tuple[int, ...] | None
    pacing: Pacing


class Vwap(ScheduledSlices):
    """Slices in proportion to a volume profile; how they are worked: :mod:`liveexec.engine.algorithms.scheduled`.

    Parameters: ``horizon_secs`` (up to seven days), ``intervals`` (up to 10,000, of 0.1 s or more; not needed beside a
    profile), ``volume_profile`` (a weight for each interval), and those of TWAP: ``catch_up``, ``catch_up_cap``,
    ``max_rejects``. Without a profile its shape is taken once, at the start, from the trades of as long a time before;
    where there were none the parent is refused (NO_VOLUME_PROFILE).
    """

    name = "VWAP"

    def parse(self, params: Mapping[str, Any] | None, intent: OrderIntent) -> VwapParameters:
        """See :class:`liveexec.engine.algorithm.ExecutionAlgorithm`."""
        reader = ParameterReader(self.name, params, intent)
        horizon_ns = reader.seconds_ns("horizon_secs", MIN_INTERVAL_S, MAX_HORIZON_S)
        profile: tuple[Decimal, ...] | None = None
        if reader.has("volume_profile"):
            profile = reader.numbers("volume_profile", ZERO, _MAX_WEIGHT, MAX_SLOTS)
            if profile and not any(profile):
                reader.fault("volume_profile", "must have a weight above zero")
        intervals = reader.whole("intervals", 1, MAX_SLOTS, len(profile) if profile else None)
        if not reader.faults:
            if profile is not None and len(profile) != intervals:
                reader.fault("volume_profile", f"has {len(profile)} weights for {intervals} intervals")
            if horizon_ns < intervals * _MIN_INTERVAL_NS:
                reader.fault("intervals", f"makes intervals shorter than {MIN_INTERVAL_S} s")
        pacing = read_pacing(reader)
        reader.check_intent((OrderType.MARKET, OrderType.LIMIT), (TimeInForce.GTC,), post_only=False)
        reader.finish()
        weights = whole_weights(profile) if profile is not None else None
        return VwapParameters(horizon_ns, intervals, weights, pacing)

    def pacing(self, view: ParentView) -> Pacing:
        """See :class:`ScheduledSlices`."""
        return cast(VwapParameters, view.params).pacing

    def slots(self, view: ParentView) -> tuple[int, int, Sequence[int]] | Finish:
        """Each slot weighs what the profile says."""
        params = cast(VwapParameters, view.params)
        weights = params.weights or recent_profile(view.bars, view.now_ns, params.horizon_ns, params.intervals)
        if weights is None:
            reason = "no volume profile was given and no recent trades are known to take one from"
            return Finish(Resolution.REJECTED, "NO_VOLUME_PROFILE", reason)
        return params.horizon_ns, params.horizon_ns // params.intervals, weights
