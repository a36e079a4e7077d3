"""What the venue consists of: markets, accounts, waiting triggers, the ids it gives, and what a request changed."""

from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal

from liveexec_deribit.loopback.accounts import Account
from liveexec_deribit.loopback.clock import VenueClock
from liveexec_deribit.loopback.config import AccountConfig, VenueConfig
from liveexec_deribit.loopback.effects import Effects
from liveexec_deribit.loopback.errors import VenueError
from liveexec_deribit.loopback.instruments import Instrument, default_listing
from liveexec_deribit.loopback.market import Market
from liveexec_deribit.loopback.orders import Order
from liveexec_deribit.loopback.triggers import trigger_letter

_ZERO = Decimal(0)
_HOUSE = AccountConfig(client_id="", client_secret="", user_id=1, username="market", balances={})


class Floor:
    """The state of the venue. ``house`` is the account of all other participants."""

    def __init__(self, config: VenueConfig, clock: VenueClock) -> None:
        self.clock = clock
        self.indexes = dict(config.indexes)
        listed = config.instruments
        if listed is None:
            listed = default_listing(datetime.fromtimestamp(clock.now_ms() / 1_000, UTC))
        self.markets = {instrument.name: Market(instrument, self.indexes, config.price_band) for instrument in listed}
        self.accounts = {account.user_id: Account(account, self._mark_of) for account in config.accounts}
        self.house = Account(_HOUSE, self._mark_of, is_house=True)
        self.locked: set[str] = set()
        self.waiting: dict[str, Order] = {}
        self.effects = Effects()
        self._numbers: defaultdict[str, int] = defaultdict(lambda: 100_000)

    def market(self, name: str) -> Market:
        """The market of an instrument that is listed; raises ``invalid_or_unsupported_instrument``."""
        found = self.markets.get(name)
        if found is None:
            raise VenueError("invalid_or_unsupported_instrument")
        return found

    def tradable(self, instrument: Instrument) -> Market:
        """The market of an instrument, if it takes orders now (10012, 10019 otherwise)."""
        market = self.market(instrument.name)
        if not market.is_active or instrument.expiration_ms <= self.clock.now_ms():
            raise VenueError("book_closed")
        if instrument.index_name in self.locked:
            raise VenueError("locked_by_admin")
        return market

    def account(self, user_id: int) -> Account:
        """The account of a user; the house's is user 1."""
        return self.house if user_id == self.house.user_id else self.accounts[user_id]

    def changed(self, order: Order) -> None:
        """An order has a new state or new figures: its account and the channels will know."""
        self.account(order.user_id).note(order)
        self.effects.order(order)

    def take_effects(self) -> Effects:
        """What has changed since the last call."""
        effects, self.effects = self.effects, Effects()
        for name, market in effects.markets.items():
            effects.levels[name] = market.book.take_changes()
        return effects

    def open_interest(self, market: Market) -> Decimal:
        """Half of what everybody holds, long and short together."""
        if market.instrument.kind == "spot":
            return _ZERO
        everybody = [self.house, *self.accounts.values()]
        held = (account.positions.get(market.instrument.name) for account in everybody)
        return sum((abs(position.size) for position in held if position is not None), _ZERO) / 2

    def number(self, instrument: Instrument) -> str:
        """The next id of a currency: a bare number for bitcoin, with the currency before it for the others."""
        self._numbers[instrument.currency] += 1
        number = self._numbers[instrument.currency]
        return str(number) if instrument.currency == "BTC" else f"{instrument.currency}-{number}"

    def trigger_number(self, order: Order) -> str:
        """The next id of a trigger order, such as ``USDC-SLMB-100001``."""
        self._numbers["triggers"] += 1
        kind = {"stop": "SL", "take": "TP", "trailing": "TS"}[order.order_type.partition("_")[0]]
        side = "B" if order.direction == "buy" else "S"
        prefix = "" if order.instrument.currency == "BTC" else f"{order.instrument.currency}-"
        return f"{prefix}{kind}{trigger_letter(order)}{side}-{self._numbers['triggers']}"

    def _mark_of(self, instrument: Instrument) -> Decimal:
        return self.markets[instrument.name].mark_price
