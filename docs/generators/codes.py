"""Errors and codes, from :mod:`liveexec.errors` and the places that refuse."""

import inspect
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from generators.markdown import code, summary, table
from generators.risk_rules import codes_by_rule
from liveexec import errors
from liveexec.cli.exit_codes import ExitCode
from liveexec.engine.adoption import ADOPTED_TWICE
from liveexec.engine.algorithm_calls import ALGORITHM_FAILED
from liveexec.engine.algorithms.family import CHILD_REJECTS
from liveexec.engine.fills import OVERFILL
from liveexec.engine.risk import RULE_FAILED
from liveexec.engine.rules.repeated_execution import REPEATED_EXECUTION
from liveexec.engine.settlement import BAD_SETTLEMENT

__all__ = ["LATCH_CODES", "ORDER_CODES", "error_classes", "exit_codes", "latch_codes", "order_codes", "rule_codes"]

#: What an order or a request can be refused or ended with that is no risk rule's. A test holds that the engine and the
#: runtime use these and no others.
ORDER_CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "UNKNOWN_INSTRUMENT": "No venue here lists the instrument or the product.",
        "CAPABILITY": "No venue here takes the operation at all.",
        "NO_ROUTE": "No venue can take the order; the message and the recorded route give each venue's reason.",
        RULE_FAILED: "A risk rule raised, or what rules compare with could not be found: the order does not go.",
        "NOT_SENT": "The send gate stopped the request, or the venue provably never had it. Nothing left.",
        "REJECTED": "The venue refused the order without giving a code; its message is kept.",
        "NO_REPLACE": "The adapter's manifest offers replaces, the adapter can't do them.",
        "NOT_APPLIED": "A change was asked for, and the venue provably works the order unchanged.",
        "REPLACE_FILLED": "The order was filled, up to the new quantity or whole, before it could be changed.",
        "PARENT_BOUND": "A child can't grow beyond what its parent gave it.",
        ALGORITHM_FAILED: "The parent's algorithm raised, or asked for what it may not.",
        CHILD_REJECTS: "So many slices in a row came back without a fill that the algorithm gave up.",
        "QUANTITY_OFF_LOT": "A parent's quantity is no multiple of the lot.",
        "QUANTITY_BELOW_MINIMUM": "A parent's quantity is below the smallest that can be traded.",
        "NO_VOLUME_PROFILE": "VWAP was given no profile, and no recent trades are known to take one from.",
        "HORIZON_ENDED": "The horizon of a TWAP or VWAP ended before everything was filled.",
        "REST_BELOW_MINIMUM": "What is left of an ICEBERG is too small to be traded.",
    }
)

#: What latches are set with.
LATCH_CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        REPEATED_EXECUTION: "A strategy executed the same too often within the configured window; it is stopped.",
        OVERFILL: "A venue filled more than an order's quantity. The fill counts; the instrument is stopped.",
        BAD_SETTLEMENT: (
            "A venue settled an instrument at what it can't be worth. Nothing was closed; the instrument is stopped."
        ),
        ADOPTED_TWICE: (
            "What a venue has was adopted as somebody else's before the order that it is could claim it; the account "
            "is stopped. Resolve the order, attribute the adopted one, then clear the latch."
        ),
    }
)


def error_classes() -> str:
    """Every exception, what it derives from and what it means."""
    rows = [
        (code(name), code(kind.__bases__[0].__name__), summary(kind.__doc__))
        for name, kind in vars(errors).items()
        if name in errors.__all__ and inspect.isclass(kind) and issubclass(kind, Exception)
    ]
    return table(("error", "is a", "meaning"), rows)


def rule_codes() -> str:
    """The codes of risk rules' refusals."""
    return table(("code", "rule"), [(code(each), code(name)) for name, each in codes_by_rule().items()])


def order_codes() -> str:
    """The other codes."""
    return table(("code", "meaning"), [(code(each), meaning) for each, meaning in ORDER_CODES.items()])


def latch_codes() -> str:
    """What a latch can be set for."""
    return table(("code", "meaning"), [(code(each), meaning) for each, meaning in LATCH_CODES.items()])


def exit_codes() -> str:
    """The command line's exit codes, with what their source says of them."""
    said = _comments()
    return table(("exit code", "meaning"), [(code(each.value), said[each.name]) for each in ExitCode])


def _comments() -> dict[str, str]:
    found, waiting = {"OK": "It is done."}, ""
    for line in inspect.getsource(ExitCode).splitlines():
        text = line.strip()
        if text.startswith("#:"):
            waiting = text.removeprefix("#:").strip()
        elif " = " in text and waiting:
            found[text.partition(" = ")[0]], waiting = waiting, ""
    return found
