"""Checked with every request to a venue that limits them: that the limit is kept, and the cancels' lane is theirs."""

from collections.abc import Callable

from attrs import define, field

from liveexec.domain.ids import VenueName
from liveexec.domain.venue import RateLimit
from liveexec.runtime.shard import ShardRuntime
from liveexec_testkit.simulator.invariants.violation import Violations

__all__ = ["PaceChecks"]

#: Less than a request: what a bucket that is refilled in other steps may differ by.
_SLACK = 0.3


@define(eq=False)
class _Bucket:
    """A token bucket as it is defined: full at first, refilled continuously, never fuller than its burst."""

    shard: ShardRuntime
    tokens: float
    at_ns: int
    #: Cancels that left since anything else did.
    cancels: int = 0
    #: Whether it is known to have been full: what left before the life could be seen from here is not counted.
    was_full: bool = False


@define(eq=False)
class PaceChecks:
    """``left`` is told of each request of a life of a shard to a venue with a limit."""

    violations: Violations
    now_ns: Callable[[], int]
    _buckets: dict[tuple[int, VenueName], _Bucket] = field(factory=dict)

    def left(self, process: int, shard: ShardRuntime, venue: VenueName, limit: RateLimit, verb: str) -> int:
        """A request leaves, a question as well; for how long there was a token for a cancel, in nanoseconds."""
        now_ns = self.now_ns()
        bucket = self._buckets.get((process, venue))
        if bucket is None or bucket.shard is not shard:
            # Each life begins with a bucket of its own.
            bucket = self._buckets[process, venue] = _Bucket(shard, float(limit.burst), now_ns)
        refill = (now_ns - bucket.at_ns) / 1e9 * limit.per_second
        bucket.tokens, bucket.at_ns = min(float(limit.burst), bucket.tokens + refill), now_ns
        bucket.was_full = bucket.was_full or refill >= limit.burst
        is_cancel = verb == "cancel"
        # Cancels that are repeated for ever must not keep out the question that would end them.
        is_starved = bucket.cancels >= limit.burst
        needed = 1.0 if is_cancel or is_starved else 1.0 + limit.cancel_lane
        if bucket.tokens < needed - _SLACK:
            self.violations.add(25, f"a {verb} leaves for {venue} with {bucket.tokens:.2f} tokens of {needed:.0f}")
        spare_ns = round((bucket.tokens - 1.0 - _SLACK) / limit.per_second * 1e9)
        bucket.tokens -= 1.0
        bucket.cancels = bucket.cancels + 1 if is_cancel else 0
        return max(0, spare_ns) if bucket.was_full else 0
