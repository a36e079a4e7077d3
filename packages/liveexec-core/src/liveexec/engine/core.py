"""The parts of one engine, wired together: its memory and those who decide."""

from collections import deque
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from attrs import define, field

from liveexec.domain.fill import FillKey
from liveexec.domain.ids import AccountId, InstrumentId, OrderId
from liveexec.domain.money import ZERO
from liveexec.domain.outcome import FillReport, OrderReport
from liveexec.engine.algorithm import ExecutionAlgorithm
from liveexec.engine.effects import PrepareOrder
from liveexec.engine.inputs import Report
from liveexec.engine.oms import UnifiedOrderManager
from liveexec.engine.risk import PreTradeRiskEngine
from liveexec.engine.router import SmartOrderRouter
from liveexec.engine.state import EngineState

__all__ = ["AlgorithmFailure", "EngineCore", "Unclaimed"]


@define(eq=False)
class Unclaimed:
    """What reports that wait for their order count for, on one account in one instrument."""

    leaf: tuple[AccountId, InstrumentId]
    is_bought: bool
    quantity: Decimal = ZERO


@define(eq=False)
class AlgorithmFailure:
    """An algorithm raised or asked for too much, so its parent is wound down: what, to be logged with its traceback."""

    name: str
    order_id: OrderId
    error: Exception


#: Failures that wait to be drained; the oldest are lost beyond it.
_MOST_KEPT: Final = 256


@define(eq=False)
class EngineCore:
    """What every part of the engine works with.

    The rest is evidence that is not yet a fact: ``endings`` are venue reports of an order's end that wait for fills
    still missing; ``parked`` are reports that no order could be found for, by the key of their timer, and ``unclaimed``
    what each key counts for meanwhile; ``preparing`` are submits whose plan an adapter is making; ``early_undos`` are
    busts and corrections that came before their fills; ``fallen`` says when (venue time) a cumulative quantity fell;
    ``drifts`` are differences that may not last, and since when; ``balances_told`` says when (engine time) a stream
    told the balance that is known; ``asset_references`` are the movements of an account that are recorded; ``failed``
    says of parents that are wound down what their algorithm did; ``failures`` are those
    that nobody has logged yet.
    """

    state: EngineState
    oms: UnifiedOrderManager
    risk: PreTradeRiskEngine
    router: SmartOrderRouter
    algorithms: Mapping[str, ExecutionAlgorithm]
    parameters: dict[OrderId, object] = field(factory=dict)
    endings: dict[OrderId, OrderReport] = field(factory=dict)
    parked: dict[str, list[Report]] = field(factory=dict)
    unclaimed: dict[str, Unclaimed] = field(factory=dict)
    preparing: dict[OrderId, PrepareOrder] = field(factory=dict)
    early_undos: dict[FillKey, FillReport] = field(factory=dict)
    fallen: dict[OrderId, int] = field(factory=dict)
    drifts: dict[tuple[AccountId, str], tuple[Decimal, int]] = field(factory=dict)
    balances_told: dict[tuple[AccountId, str], int] = field(factory=dict)
    asset_references: dict[AccountId, dict[str, None]] = field(factory=dict)
    failed: dict[OrderId, str] = field(factory=dict)
    failures: deque[AlgorithmFailure] = field(factory=lambda: deque(maxlen=_MOST_KEPT))

    def is_new(self, account_id: AccountId) -> bool:
        """Whether nothing ever happened on the account: neither snapshot nor fill nor order sent."""
        ledger = self.state.ledger
        if account_id in ledger.sequences or account_id in ledger.books:
            return False
        return not any(order.account_id == account_id and order.attempt for order in ledger.orders.values())
