"""TWAP: the same quantity in every interval of a horizon (time-weighted average price)."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from attrs import frozen

from liveexec.domain.intent import OrderIntent
from liveexec.domain.operation import OrderType, TimeInForce
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

__all__ = ["Twap", "TwapParameters"]


@frozen
class TwapParameters:
    """What TWAP was asked for."""

    horizon_ns: int
    interval_ns: int
    pacing: Pacing


class Twap(ScheduledSlices):
    """Slices in proportion to time; how they are worked: :mod:`liveexec.engine.algorithms.scheduled`.

    Parameters: ``horizon_secs`` (up to seven days), ``interval_secs`` (from 0.1, at most 10,000 intervals; a last
    interval that the horizon cuts short gets less), ``catch_up`` (``spread`` or ``skip``), ``catch_up_cap`` (most of a
    slice that catches up, as a multiple of the interval's own, 3), ``max_rejects`` (refused slices in a row before it
    gives up, 3). Takes MARKET and LIMIT orders, GTC: the horizon ends it.
    """

    name = "TWAP"

    def parse(self, params: Mapping[str, Any] | None, intent: OrderIntent) -> TwapParameters:
        """See :class:`liveexec.engine.algorithm.ExecutionAlgorithm`."""
        reader = ParameterReader(self.name, params, intent)
        horizon_ns = reader.seconds_ns("horizon_secs", MIN_INTERVAL_S, MAX_HORIZON_S)
        interval_ns = reader.seconds_ns("interval_secs", MIN_INTERVAL_S, MAX_HORIZON_S)
        if not reader.faults:
            if interval_ns > horizon_ns:
                reader.fault("interval_secs", "must not exceed horizon_secs")
            elif horizon_ns > interval_ns * MAX_SLOTS:
                reader.fault("interval_secs", f"makes more than {MAX_SLOTS} intervals of the horizon")
        pacing = read_pacing(reader)
        reader.check_intent((OrderType.MARKET, OrderType.LIMIT), (TimeInForce.GTC,), post_only=False)
        reader.finish()
        return TwapParameters(horizon_ns, interval_ns, pacing)

    def pacing(self, view: ParentView) -> Pacing:
        """See :class:`ScheduledSlices`."""
        return cast(TwapParameters, view.params).pacing

    def slots(self, view: ParentView) -> tuple[int, int, Sequence[int]] | Finish:
        """Each slot weighs the time it covers."""
        params = cast(TwapParameters, view.params)
        begins = range(0, params.horizon_ns, params.interval_ns)
        weights = [min(params.interval_ns, params.horizon_ns - begin_ns) for begin_ns in begins]
        return params.horizon_ns, params.interval_ns, weights
