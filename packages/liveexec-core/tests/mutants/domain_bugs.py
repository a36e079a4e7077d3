"""Bugs in folds, arithmetic and ids."""

from typing import Final

from mutants.mutant import Mutant

__all__ = ["DOMAIN_BUGS"]

_REPORTS: Final = ("unit/engine/test_engine_reports.py",)
_ORDER: Final = ("unit/domain/test_order.py",)
_POSITION: Final = ("unit/domain/test_position.py",)
_MONEY: Final = ("unit/domain/test_money.py",)
_INSTRUMENT: Final = ("unit/domain/test_instrument.py",)

DOMAIN_BUGS: Final = (
    Mutant(
        "leaves forget what was filled",
        "domain/order.py",
        """        left = self.quantity - self.filled_quantity
        return left if left > 0 else ZERO

    @property
    def worst_leaves""",
        """        left = self.quantity
        return left if left > 0 else ZERO

    @property
    def worst_leaves""",
        _REPORTS,
        incident=17,
    ),
    Mutant(
        "fees move no asset",
        "domain/position.py",
        "        self._move(fill.fee_asset, -fee)",
        "        pass",
        _REPORTS,
        incident=18,
    ),
    Mutant(
        "fees are added to the asset that they are paid in",
        "domain/position.py",
        "        self._move(fill.fee_asset, -fee)",
        "        self._move(fill.fee_asset, fee)",
        _REPORTS,
        incident=18,
    ),
    Mutant(
        "fees are taken from the settlement asset, whatever they are paid in",
        "domain/position.py",
        "        self._move(fill.fee_asset, -fee)",
        "        self._move(terms.settlement_asset, -fee)",
        _REPORTS,
        incident=18,
    ),
    Mutant(
        "ids of adopted orders differ from process to process",
        "domain/ids.py",
        'f"external/{account_id}/{venue_order_id}".encode()',
        'f"external/{hash((account_id, venue_order_id))}".encode()',
        ("unit/domain/test_ids_processes.py", "unit/engine/test_engine_recovery.py"),
        incident=11,
    ),
    Mutant(
        "two venues' orders of the same id are one",
        "domain/ids.py",
        'f"external/{account_id}/{venue_order_id}".encode()',
        'f"external/{venue_order_id}".encode()',
        ("unit/domain/test_ids.py",),
    ),
    Mutant(
        "a bust adds what it takes back",
        "domain/order_fold.py",
        "order.filled_quantity -= fill.quantity",
        "order.filled_quantity += fill.quantity",
        _ORDER,
    ),
    Mutant(
        "an order is filled only when it is overfilled",
        "domain/order_fold.py",
        "    if order.filled_quantity >= order.whole_quantity:",
        "    if order.filled_quantity > order.whole_quantity:",
        _ORDER,
    ),
    Mutant(
        "a fill key counts twice in the fold",
        "domain/order_fold.py",
        """    if fill.key in order.fills:
        raise InvariantViolation(f"{order.order_id}: fill {fill.key} counts already")
    order.fills""",
        "    order.fills",
        _ORDER,
        unseen="a second guard: the engine records no fill twice",
    ),
    Mutant(
        "an order that ended is deaf to its late fills",
        "domain/order_state.py",
        "    ev.FillApplied: Derived.COMPLETES,\n",
        "",
        ("unit/domain/test_order_state.py", *_ORDER),
    ),
    Mutant(
        "a refusal ends an order that works",
        "domain/order_fold.py",
        "return OrderStatus.REJECTED if order.attempt <= 1 else OrderStatus.CANCELED",
        "return OrderStatus.REJECTED",
        (*_ORDER, "unit/engine/test_engine_emulated_replace.py"),
    ),
    Mutant(
        "closing a position realises the opposite result",
        "domain/position.py",
        "gain = -closed_value - closed_cost",
        "gain = closed_value + closed_cost",
        _POSITION,
    ),
    Mutant(
        "inverse contracts realise the opposite result",
        "domain/position.py",
        "realized = -gain if self.terms.kind is ContractKind.INVERSE else gain",
        "realized = gain",
        _POSITION,
    ),
    Mutant(
        "a trade through zero opens nothing on the other side",
        "domain/position.py",
        "self.cost = self.cost - closed_cost + (value - closed_value)",
        "self.cost = self.cost - closed_cost",
        _POSITION,
    ),
    Mutant(
        "quantities are rounded up to the lot",
        "domain/money.py",
        "_ROUNDING.to_integral_value(_quotient(value, step, ROUND_FLOOR))",
        "_ROUNDING.to_integral_value(_quotient(value, step, ROUND_CEILING))",
        _MONEY,
    ),
    Mutant(
        "a buyer's passive price is rounded up",
        "domain/instrument.py",
        "return self.ticks.round_down(price) if side.sign > 0 else self.ticks.round_up(price)",
        "return self.ticks.round_up(price) if side.sign > 0 else self.ticks.round_down(price)",
        _INSTRUMENT,
        unseen="adapters and plugins ask for it, nothing in a run does",
    ),
    Mutant(
        "the highest allowed quantity is refused",
        "domain/instrument.py",
        "quantity > self.max_quantity:",
        "quantity >= self.max_quantity:",
        _INSTRUMENT,
    ),
    Mutant(
        "more than 18 places are stored rounded",
        "domain/money.py",
        "    return _ROUNDING.compare(_ROUNDING.quantize(value, _QUANTUM), value) == 0",
        "    return True",
        _MONEY,
    ),
)
