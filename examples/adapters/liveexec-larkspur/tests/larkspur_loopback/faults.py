"""What the venue was told to do wrong."""

from collections import Counter

from liveexec_testkit.conformance.scripts import LastingFault, RequestFault, Verb

__all__ = ["Faults"]


class Faults:
    """Faults that wait for a request, faults that last, and what was received."""

    def __init__(self) -> None:
        self.received: Counter[Verb] = Counter()
        self._waiting: list[RequestFault] = []
        self._lasting: list[LastingFault] = []

    def add(self, fault: RequestFault | LastingFault) -> None:
        """From now on."""
        if isinstance(fault, RequestFault):
            self._waiting.append(fault)
        else:
            self._lasting.append(fault)

    def clear(self) -> None:
        """Everything is well again."""
        self._waiting, self._lasting = [], []

    def strike(self, verb: Verb) -> RequestFault | None:
        """A request has arrived: what strikes it, if anything. Each strikes once."""
        self.received[verb] += 1
        found = next((each for each in self._waiting if each.verb is verb), None)
        if found is not None:
            self._waiting.remove(found)
        return found

    def lasting[F: LastingFault](self, kind: type[F]) -> F | None:
        """A fault of this kind that holds."""
        return next((each for each in self._lasting if isinstance(each, kind)), None)
