"""The demo's steps: one JSON file each, an order message or something to do to an earlier one, in the order of names.

An order message carries what the demo expects of it in its metadata, under ``demo``: ``title``, ``expect``, and how
it is sent (``background``, ``beside``, ``burst``, ``identical``, ``sequential``, ``wait``). Every other file says
``action``.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from attrs import evolve, field, frozen

from liveexec.domain.intent import OrderIntent
from liveexec.errors import Fault, InvalidInput
from liveexec.messages import order_intent
from liveexec.runtime.orchestrator import Wait

__all__ = ["Action", "Expectation", "OrderStep", "Step", "default_orders_dir", "load_steps"]

_ACTIONS: Final = ("cancel", "cancel_open", "conflict", "repeat", "replace", "state")


@frozen
class Expectation:
    """How a step should end; ``None`` where it does not matter."""

    status: str | None = None
    code: str | None = None
    repeated: bool | None = None
    error: str | None = None
    quantity: str | None = None
    price: str | None = None
    venues: int | None = None


@frozen
class OrderStep:
    """An order to submit. A burst submits it several times, each a lot larger than the one before unless
    ``identical``. ``background`` steps begin at once and go on while the others run; one that is ``beside`` is sent
    together with the step before it."""

    name: str
    title: str
    intent: OrderIntent
    expect: Expectation
    background: bool = False
    beside: bool = False
    burst: int = 1
    identical: bool = False
    sequential: bool = False
    wait: Wait = "terminal"


@frozen
class Action:
    """Something to do: cancel, replace or repeat an earlier order (``of``), cancel what is open, set a state."""

    name: str
    title: str
    action: str
    expect: Expectation
    of: str | None = None
    details: Mapping[str, Any] = field(factory=dict)


Step = OrderStep | Action


def default_orders_dir() -> Path:
    """The orders that come with the package."""
    return Path(__file__).parent / "orders"


def load_steps(folder: Path) -> list[Step]:
    """Read every ``*.json`` of the folder.

    Raises:
        InvalidInput: with every fault of every file.
    """
    faults: list[Fault] = []
    steps: list[Step] = []
    paths = sorted(folder.glob("*.json"))
    if not paths:
        raise InvalidInput(f"orders in {folder}", [Fault("", "there is no *.json file")])
    for path in paths:
        try:
            steps.append(_step(path.stem, json.loads(path.read_text(encoding="utf-8"))))
        except InvalidInput as error:
            faults += [
                Fault(f"{path.name}{'.' if fault.path else ''}{fault.path}", fault.message) for fault in error.faults
            ]
        except (ValueError, TypeError) as error:
            faults.append(Fault(path.name, str(error)))
    names = {step.name for step in steps if isinstance(step, OrderStep)}
    faults += [
        Fault(f"{step.name}.json.of", f"names {step.of}, which is no order here")
        for step in steps
        if isinstance(step, Action) and step.of is not None and step.of not in names
    ]
    if faults:
        raise InvalidInput(f"orders in {folder}", faults)
    return steps


def _step(name: str, document: Any) -> Step:
    if isinstance(document, dict) and "action" in document:
        return _action(name, dict(document))
    intent = order_intent(document)
    told = dict((intent.metadata or {}).get("demo") or {})
    expect = Expectation(**told.pop("expect", {}))
    title = told.pop("title", name)
    if intent.operation_id is None:
        raise InvalidInput(name, [Fault("operation_id", "is required, so that a demo that was stopped can go on")])
    step = OrderStep(name=name, title=title, intent=intent, expect=expect)
    return evolve(step, **told)


def _action(name: str, document: dict[str, Any]) -> Action:
    action = document.pop("action")
    if action not in _ACTIONS:
        raise InvalidInput(name, [Fault("action", f"must be one of {', '.join(_ACTIONS)}")])
    expect = Expectation(**document.pop("expect", {}))
    return Action(name, document.pop("title", name), action, expect, document.pop("of", None), details=document)
