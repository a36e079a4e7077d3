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
#: Who has its token is on its way out.
_AT_ONCE_NS = 2_000_000


@define(eq=False)
class _Bucket:
    """A token bucket as it is defined: full at first, refilled continuously, never fuller than its burst."""

    shard: ShardRuntime
    tokens: float
    at_ns: int
    #: Cancels that left since anything else did.
    cancels: int = 0


@define(eq=False)
class _Tokens:
    """What a process's own limiter should have left, whatever became of those who took from it."""

    #: Kept, so that no other takes its place.
    limiter: object
    tokens: float
    at_ns: int
    #: Cancels that took one since anything else did.
    cancels: int = 0


@define(eq=False)
class PaceChecks:
    """``left`` is told of each request of a life of a shard to a venue with a limit, ``took`` of each token."""

    violations: Violations
    now_ns: Callable[[], int]
    #: For how long there was a token before the last was taken, in nanoseconds.
    spare_ns: int = 0
    #: When a token was taken last that so many cancels had left to whoever else waits.
    due_at_ns: int = -1
    _tokens: dict[int, _Tokens] = field(factory=dict)
    _buckets: dict[tuple[int, VenueName], _Bucket] = field(factory=dict)

    def took(self, limiter: object, limit: RateLimit, *, cancel: bool) -> None:
        """Somebody takes a token, and leaves at once, or stays here after all."""
        now_ns = self.now_ns()
        known = self._tokens.get(id(limiter))
        if known is None:
            known = self._tokens[id(limiter)] = _Tokens(limiter, float(limit.burst), now_ns)
        refill = (now_ns - known.at_ns) / 1e9 * limit.per_second
        known.tokens, known.at_ns = min(float(limit.burst), known.tokens + refill), now_ns
        self.spare_ns = max(0, round((known.tokens - 1.0 - _SLACK) / limit.per_second * 1e9))
        known.tokens -= 1.0
        if not cancel and known.cancels >= limit.burst:
            self.due_at_ns = now_ns
        known.cancels = known.cancels + 1 if cancel else 0

    def left(self, process: int, shard: ShardRuntime, venue: VenueName, limit: RateLimit, verb: str) -> None:
        """A request leaves, a question as well."""
        now_ns = self.now_ns()
        bucket = self._buckets.get((process, venue))
        if bucket is None or bucket.shard is not shard:
            # Each life begins with a bucket of its own.
            bucket = self._buckets[process, venue] = _Bucket(shard, float(limit.burst), now_ns)
        refill = (now_ns - bucket.at_ns) / 1e9 * limit.per_second
        bucket.tokens, bucket.at_ns = min(float(limit.burst), bucket.tokens + refill), now_ns
        is_cancel = verb == "cancel"
        # Cancels that are repeated for ever must not keep out the question that would end them.
        # Some cancels take their token and stay here, since their orders have ended.
        is_due = self.due_at_ns >= 0 and now_ns - self.due_at_ns <= _AT_ONCE_NS
        is_starved = bucket.cancels >= limit.burst or is_due
        needed = 1.0 if is_cancel or is_starved else 1.0 + limit.cancel_lane
        if bucket.tokens < needed - _SLACK:
            self.violations.add(25, f"a {verb} leaves for {venue} with {bucket.tokens:.2f} tokens of {needed:.0f}")
        bucket.tokens -= 1.0
        bucket.cancels = bucket.cancels + 1 if is_cancel else 0
