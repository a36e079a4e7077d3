"""What a risk rule is asked about: one order at one stage, with what rules compare it with."""

from decimal import Decimal

from attrs import define, field

from liveexec.domain.ids import AccountId, ProductId
from liveexec.domain.instrument import ContractTerms, Listing
from liveexec.domain.money import ZERO
from liveexec.domain.operation import Side
from liveexec.domain.order import Order
from liveexec.domain.order_event import RiskStage
from liveexec.engine.exposure import price_sign
from liveexec.engine.exposure import worst_price as reserved_price
from liveexec.engine.holdings import Holdings
from liveexec.engine.state import EngineState
from liveexec.engine.valuation import MissingInput, Valuer, worth

__all__ = ["RiskCheck", "reached_price", "worst_price"]


@define(eq=False)
class RiskCheck:
    """What a rule is asked about: an order as a caller gave it (PARENT), or as it goes to one venue (LEG).

    ``quantity`` is the total, for a replace too; ``limit_price`` the worst price it takes, if it names one.
    ``reference_price`` is the touch of its listing, or the best of its product's. ``listing`` is ``None`` where a
    product order is not routed yet; ``parent`` is set for a child. ``replaces`` is the order that a replace would
    change: what that reserves already is in the exposure book, so only ``added`` comes on top of it.

    Two are made for every order, so they are made by position: by keyword that takes four times as long.
    """

    order: Order
    stage: RiskStage
    side: Side
    quantity: Decimal
    limit_price: Decimal | None
    reference_price: Decimal | None
    listing: Listing | None
    product_id: ProductId
    account_id: AccountId | None
    parent: Order | None
    replaces: Order | None
    #: Whether an operator asked for it to bring a position to zero.
    flattens: bool = False
    #: +1 where a fill raises the position, -1 where it lowers it.
    sign: int = field(init=False)
    #: The quantity that would work beyond what is reserved for the order already.
    added: Decimal = field(init=False)
    #: What the engine adds before the rules run: the highest price that the order may be worth, what values are
    #: worked out with, and what is held.
    worst_price: Decimal | None = field(init=False, default=None)
    valuer: Valuer = field(init=False)
    holdings: Holdings = field(init=False)
    _value: Decimal | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self.sign = self.side.sign
        replaced = self.replaces
        if replaced is None:
            self.added = self.quantity
        else:
            more = self.quantity - replaced.filled_quantity - replaced.worst_leaves
            self.added = more if more > 0 else ZERO

    def value(self, state: EngineState) -> Decimal:
        """The value of the whole quantity at the worst price, in the reporting asset; for a bet, what it may lose.

        Raises:
            MissingInput: no price or rate is known.
        """
        if self._value is None:
            terms = self.terms(state)
            rate = self.valuer.rates[terms.quote_asset]
            self._value = worth(terms, self.sign, self.quantity, self.worst_price) * rate
        return self._value

    def added_value(self, state: EngineState) -> Decimal:
        """The value that comes on top of what is reserved already, in the reporting asset; never below zero.

        Raises:
            MissingInput: no price or rate is known.
        """
        if self.replaces is None:
            return self.value(state)
        terms = self.terms(state)
        return self.added_worth(terms) * self.valuer.rates[terms.quote_asset]

    def added_worth(self, terms: ContractTerms) -> Decimal:
        """The same in the quote asset.

        Raises:
            MissingInput: no price is known.
        """
        replaced = self.replaces
        if replaced is None:
            return worth(terms, self.sign, self.quantity, self.worst_price)
        reserved = worth(terms, self.sign, replaced.worst_leaves, reserved_price(replaced))
        more = worth(terms, self.sign, self.quantity - replaced.filled_quantity, self.worst_price) - reserved
        return more if more > 0 else ZERO

    def where(self) -> tuple[Listing, AccountId]:
        """The listing and the account of a leg.

        Raises:
            MissingInput: they are not known, as they are not before an order is routed.
        """
        if self.listing is None or self.account_id is None:
            raise MissingInput("it is not known where the order goes")
        return self.listing, self.account_id

    def account(self, state: EngineState) -> AccountId | None:
        """The account that the order goes to, or would by its instrument; ``None`` when that can't be told yet."""
        if self.account_id is not None or self.listing is None:
            return self.account_id
        return state.account_for(self.order.strategy_id, self.listing.venue, None)

    def terms(self, state: EngineState) -> ContractTerms:
        """The terms of the order's listing, or those that its product's quantity is meant in.

        Raises:
            MissingInput: they are not known.
        """
        return self.listing.terms if self.listing is not None else self.valuer.terms(state, self.product_id)


def reached_price(check: RiskCheck, state: EngineState) -> Decimal | None:
    """The price that the order's quantity would reach in the visible book of its listing; ``None`` without a sane
    book."""
    if check.listing is None:
        return None
    sane = check.valuer.sane_book(state, check.listing.instrument_id)
    return sane[0].sweep(check.side, check.quantity).worst_price if sane is not None else None


def worst_price(check: RiskCheck, state: EngineState) -> Decimal | None:
    """The highest price that an order may be worth; ``None`` when none is known.

    A buy is worth no more than its limit (as is a lay bet); without one, the price that its quantity reaches in the
    visible book. A sale may fill above its limit, at the touch. What waits for a trigger may be worth that.
    """
    limit, worst = check.limit_price, check.reference_price
    if price_sign(check.side) > 0:
        if limit is not None:
            return limit
        reached = reached_price(check, state)
        if reached is not None and (worst is None or reached > worst):
            worst = reached
    elif limit is not None and (worst is None or limit > worst):
        worst = limit
    trigger = check.order.intent.trigger_price
    if trigger is not None and (worst is None or trigger > worst):
        return trigger
    return worst
