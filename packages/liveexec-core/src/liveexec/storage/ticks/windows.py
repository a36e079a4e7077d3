"""Windows: the stretches of time around signals that a replay reads. What lies between them is skipped."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final

from attrs import field, frozen, validators

from liveexec.domain.ids import InstrumentId, is_instrument_id, product_of
from liveexec.domain.signal import Signal

__all__ = ["FIVE_MINUTES", "Window", "WindowSpan", "merged", "plan_windows", "recorded_sources"]

_SECOND_NS: Final = 1_000_000_000


@frozen(order=True)
class Window:
    """``[start_ns, end_ns)`` in UTC nanoseconds."""

    start_ns: int
    end_ns: int

    @property
    def length_ns(self) -> int:
        return self.end_ns - self.start_ns


@frozen
class WindowSpan:
    """How much market a signal needs: so long before it, and so long after it or until the
    horizon of its algorithm, whichever is later."""

    lead_ns: int = field(default=60 * _SECOND_NS, validator=validators.ge(0))
    tail_ns: int = field(default=240 * _SECOND_NS, validator=validators.gt(0))

    def around(self, signal: Signal) -> Window:
        """A signal's window."""
        return Window(max(0, signal.time_ns - self.lead_ns), signal.time_ns + max(self.tail_ns, signal.horizon_ns))


#: One minute before a signal, so that its books are there, and four after it.
FIVE_MINUTES: Final = WindowSpan()


def merged(windows: Iterable[Window]) -> tuple[Window, ...]:
    """The same times without an overlap, in order; windows that touch become one."""
    found: list[Window] = []
    for window in sorted(windows):
        if found and window.start_ns <= found[-1].end_ns:
            found[-1] = Window(found[-1].start_ns, max(found[-1].end_ns, window.end_ns))
        else:
            found.append(window)
    assert all(one.end_ns < other.start_ns for one, other in pairwise(found))
    return tuple(found)


def plan_windows(
    signals: Iterable[Signal], sources: Mapping[str, Collection[InstrumentId]], span: WindowSpan = FIVE_MINUTES
) -> dict[InstrumentId, tuple[Window, ...]]:
    """What each recorded instrument is read for: the merged windows of the signals that need it.

    ``sources`` tells which recorded instruments a signal's key needs (:func:`recorded_sources` for the usual case).

    Raises:
        KeyError: a signal's key is not in ``sources``.
    """
    windows: dict[InstrumentId, list[Window]] = {}
    for signal in signals:
        for instrument_id in sources[signal.instrument_key]:
            windows.setdefault(instrument_id, []).append(span.around(signal))
    return {instrument_id: merged(each) for instrument_id, each in sorted(windows.items())}


def recorded_sources(keys: Iterable[str], recorded: Sequence[InstrumentId]) -> dict[str, tuple[InstrumentId, ...]]:
    """An instrument needs its own recording, a product that of every venue that has one; without one, none."""
    return {
        key: tuple(each for each in recorded if (each if is_instrument_id(key) else product_of(each)) == key)
        for key in keys
    }
