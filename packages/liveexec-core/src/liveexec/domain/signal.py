"""A signal: what a strategy wanted at a moment, as it was recorded, so that a replay can send it again.

Signals are sparse. What lies between them needs no market data, which is what makes a replay of months affordable.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from attrs import field, frozen

from liveexec.domain import checks
from liveexec.domain.ids import OperationId, StrategyId
from liveexec.domain.intent import OrderIntent
from liveexec.domain.money import parse_decimal
from liveexec.domain.operation import Operation, OrderType, Side
from liveexec.errors import Fault, InvalidInput

__all__ = ["HORIZON", "Signal"]

#: The parameter by which an algorithm says how many seconds it works for.
HORIZON: Final = "horizon_secs"
#: The longest horizon that is read ahead for, in seconds: a week.
_LONGEST_HORIZON_S: Final = 7 * 86_400
_NS: Final = 1_000_000_000


def _strategy_id(name: str) -> StrategyId:
    return StrategyId(name)


@frozen
class Signal:
    """A trade that a strategy asked for at ``time_ns`` (UTC nanoseconds).

    ``instrument_key`` names an instrument or a product, ``quantity`` is in the listing's units, ``price`` the limit of
    an order that has one, ``params`` belong to ``exec_algorithm``. What makes no order makes no signal.

    Raises:
        InvalidInput: with every fault.
    """

    time_ns: int
    instrument_key: str
    side: Side
    quantity: Decimal
    strategy_id: StrategyId = field(converter=_strategy_id)
    order_type: OrderType = OrderType.MARKET
    price: Decimal | None = None
    exec_algorithm: str = "NORMAL"
    params: Mapping[str, Any] | None = field(default=None, hash=False)

    def __attrs_post_init__(self) -> None:
        faults = [] if self.time_ns is not None else [Fault("timestamp", "is required")]
        faults += checks.integer_faults("timestamp", self.time_ns, 1, 2**63 - 1, "must be a time since 1970")
        faults += _horizon_faults(self.params)
        try:
            self.intent()
        except InvalidInput as error:
            faults += [Fault(_NAMES.get(each.path, each.path), each.message) for each in error.faults]
        if faults:
            raise InvalidInput("signal", faults)
        if self.params is not None:
            object.__setattr__(self, "params", checks.plain_document(self.params))

    def intent(self, operation_id: OperationId | None = None) -> OrderIntent:
        """The order that the signal asks for."""
        return OrderIntent(
            operation=Operation.TRADE,
            instrument_key=self.instrument_key,
            side=self.side,
            quantity=self.quantity,
            strategy_id=self.strategy_id,
            order_type=self.order_type,
            price=self.price,
            exec_algorithm=self.exec_algorithm,
            exec_algorithm_params=self.params,
            operation_id=operation_id,
        )

    @property
    def horizon_ns(self) -> int:
        """How long its algorithm works by its own parameters; 0 where they don't say."""
        horizon_s = _horizon_s(self.params)
        return int(horizon_s * _NS) if horizon_s is not None else 0


#: Fields of the intent that a signal calls by another name.
_NAMES: Final = {"exec_algorithm_params": "params"}


def _horizon_s(params: object) -> Decimal | None:
    """The horizon, which may be a number or text as everywhere in an algorithm's parameters.

    Raises:
        ValueError: it is neither, or out of bounds.
    """
    horizon = params.get(HORIZON) if isinstance(params, Mapping) else None
    if horizon is None:
        return None
    if isinstance(horizon, bool) or not isinstance(horizon, int | float | Decimal | str):
        raise ValueError("is no number")  # noqa: TRY004  (one kind of error for everything that is no horizon)
    horizon_s = parse_decimal(str(horizon))
    if not 0 < horizon_s <= _LONGEST_HORIZON_S:
        raise ValueError("is out of bounds")
    return horizon_s


def _horizon_faults(params: object) -> list[Fault]:
    try:
        _horizon_s(params)
    except ValueError:
        return [Fault(f"params.{HORIZON}", f"must be a number of seconds above 0 and at most {_LONGEST_HORIZON_S}")]
    return []
