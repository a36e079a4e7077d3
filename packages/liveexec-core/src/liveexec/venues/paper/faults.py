"""Scripted faults: what a venue's connection does wrong, and to which requests.

A script is data, so that it can stand in a configuration file and a seed reproduces it. A venue without one pays
nothing for the possibility.
"""

import random
import re
from enum import StrEnum
from typing import Final

from attrs import define, frozen

from liveexec.domain.ids import ClientOrderId
from liveexec.domain.outcome import VenueReport
from liveexec.errors import ConfigurationError, Fault

__all__ = ["FaultInjector", "FaultKind", "FaultRule", "FaultScript", "FaultVerb", "StreamFault"]


class FaultKind(StrEnum):
    """What goes wrong.

    LOST_ACK: the answer never comes. LATE_ACK: it comes after ``delay_ns``. DUPLICATE_FILL: every fill of the order
    is reported twice. DISCONNECT: the session is lost during the request, and connecting fails for ``delay_ns``.
    REFUSED, RATE_LIMITED: the venue refuses the request, which has no effect. FAILED: it answers with an error of its
    own that proves nothing.
    """

    LOST_ACK = "lost_ack"
    LATE_ACK = "late_ack"
    DUPLICATE_FILL = "duplicate_fill"
    DISCONNECT = "disconnect"
    REFUSED = "refused"
    RATE_LIMITED = "rate_limited"
    FAILED = "failed"

    @property
    def is_refusal(self) -> bool:
        """Whether the venue says that it did nothing."""
        return self in (FaultKind.REFUSED, FaultKind.RATE_LIMITED)


class FaultVerb(StrEnum):
    """Which kind of request a rule looks at: QUERY asks about one order, SNAPSHOT for orders, fills and holdings."""

    SUBMIT = "submit"
    CANCEL = "cancel"
    REPLACE = "replace"
    QUERY = "query"
    SNAPSHOT = "snapshot"

    @property
    def is_question(self) -> bool:
        """Whether it only asks."""
        return self in (FaultVerb.QUERY, FaultVerb.SNAPSHOT)


class StreamFault(StrEnum):
    """What the streams of reports do wrong, as long as it holds.

    DUPLICATED: every report comes twice. REORDERED: of what happens at one moment the last is reported first. LOST:
    nothing is reported, while the stream looks healthy.
    """

    DUPLICATED = "duplicated"
    REORDERED = "reordered"
    LOST = "lost"


@frozen
class FaultRule:
    """A fault and the requests that it strikes; every condition that is given must hold.

    ``ordinals`` counts the venue's requests of this verb from 1, ``client_ids`` is a regular expression that the
    client order id must match in full, ``probability`` is drawn from the script's seed. ``placed`` tells whether a
    request whose answer is lost, that a disconnect strikes or that fails took effect at the venue. ``limit`` ends the
    rule after that many strikes.
    """

    kind: FaultKind
    verb: FaultVerb = FaultVerb.SUBMIT
    ordinals: tuple[int, ...] | None = None
    client_ids: str | None = None
    probability: float | None = None
    placed: bool = True
    delay_ns: int = 0
    limit: int | None = None

    def faults(self, path: str) -> list[Fault]:
        """Everything that is wrong with it."""
        faults = []
        if self.ordinals is None and self.client_ids is None and self.probability is None:
            faults.append(Fault(path, "needs ordinals, client_ids or a probability"))
        if self.probability is not None and not 0 <= self.probability <= 1:
            faults.append(Fault(f"{path}.probability", "must lie between 0 and 1"))
        if self.delay_ns < 0:
            faults.append(Fault(f"{path}.delay_ns", "must not be negative"))
        if self.limit is not None and self.limit < 1:
            faults.append(Fault(f"{path}.limit", "must be at least 1"))
        if self.ordinals is not None and any(ordinal < 1 for ordinal in self.ordinals):
            faults.append(Fault(f"{path}.ordinals", "count from 1"))
        if self.client_ids is not None:
            try:
                re.compile(self.client_ids)
            except re.error as error:
                faults.append(Fault(f"{path}.client_ids", f"is not a regular expression: {error}"))
        if self.kind is FaultKind.DUPLICATE_FILL and self.verb is not FaultVerb.SUBMIT:
            faults.append(Fault(f"{path}.verb", "fills are duplicated by order, so the verb must be submit"))
        if self.verb.is_question and self.client_ids is not None:
            faults.append(Fault(f"{path}.client_ids", "questions are told apart by their number alone"))
        return faults


@frozen
class FaultScript:
    """The rules of a venue, tried in order, the seed of their draws, and what its streams of reports do wrong.

    Raises:
        ConfigurationError: with every fault.
    """

    rules: tuple[FaultRule, ...]
    seed: int = 0
    stream: tuple[StreamFault, ...] = ()

    def __attrs_post_init__(self) -> None:
        found = [fault for index, rule in enumerate(self.rules) for fault in rule.faults(f"rules[{index}]")]
        if found:
            raise ConfigurationError("fault script", found)


@define(eq=False)
class _Armed:
    """A rule with its compiled pattern and the strikes that it has left."""

    rule: FaultRule
    ordinals: frozenset[int] | None
    pattern: re.Pattern[str] | None
    strikes_left: int | None

    def use_up(self) -> bool:
        """Take a strike; whether there was one left."""
        if self.strikes_left is None:
            return True
        self.strikes_left -= 1
        return self.strikes_left >= 0


#: The seed's stream apart from that of latencies and markets, which may be given the same number.
_STREAM: Final = "faults"


class FaultInjector:
    """A script at work: counts requests and says what strikes each of them. Others may follow it while it runs."""

    def __init__(self, script: FaultScript) -> None:
        self._random = random.Random(f"{_STREAM}:{script.seed}")  # noqa: S311 -- a reproducible draw, not a secret
        self._counts = dict.fromkeys(FaultVerb, 0)
        self._duplicated: set[ClientOrderId] = set()
        self._armed: tuple[_Armed, ...] = ()
        self.stream: frozenset[StreamFault] = frozenset()
        self.follow(script)

    def follow(self, script: FaultScript) -> None:
        """Have this script's rules hold from now on, and no others; requests are counted on, draws go on."""
        self.stream = frozenset(script.stream)
        self._armed = tuple(
            _Armed(
                rule,
                frozenset(rule.ordinals) if rule.ordinals is not None else None,
                re.compile(rule.client_ids) if rule.client_ids is not None else None,
                rule.limit,
            )
            for rule in script.rules
        )

    def count(self, verb: FaultVerb) -> int:
        """How many requests of a verb there have been."""
        return self._counts[verb]

    def reported(self, reports: list[VenueReport]) -> list[VenueReport]:
        """What a stream tells of what happened at one moment; the list is the injector's from then on."""
        if StreamFault.LOST in self.stream:
            return []
        if StreamFault.REORDERED in self.stream:
            reports.reverse()
        if StreamFault.DUPLICATED in self.stream:
            reports = [each for report in reports for each in (report, report)]
        return reports

    def strike(self, verb: FaultVerb, client_order_id: ClientOrderId | None) -> FaultRule | None:
        """Count a request, and say which rule strikes its answer. Duplicated fills are noted beside that."""
        self._counts[verb] += 1
        struck: FaultRule | None = None
        for armed in self._armed:
            if armed.rule.verb is not verb or not self._applies(armed, self._counts[verb], client_order_id):
                continue
            if armed.rule.kind is FaultKind.DUPLICATE_FILL:
                if client_order_id is not None and armed.use_up():
                    self._duplicated.add(client_order_id)
            elif struck is None and armed.use_up():
                struck = armed.rule
        return struck

    def duplicates(self, client_order_id: ClientOrderId | None) -> bool:
        """Whether the fills of this order are reported twice."""
        return client_order_id in self._duplicated

    def _applies(self, armed: _Armed, ordinal: int, client_order_id: ClientOrderId | None) -> bool:
        if armed.ordinals is not None and ordinal not in armed.ordinals:
            return False
        if armed.pattern is not None and (client_order_id is None or armed.pattern.fullmatch(client_order_id) is None):
            return False
        # Drawn last and only when all else holds, so that adding a narrower rule does not shift the others' draws.
        return armed.rule.probability is None or self._random.random() < armed.rule.probability
