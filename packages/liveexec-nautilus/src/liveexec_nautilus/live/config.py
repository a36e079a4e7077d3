"""The section ``trading_node`` of a configuration: NautilusTrader's live node with its clients.

A venue is traded at through its entry among ``exec_clients``; its market data comes through the entry of the same name
among ``data_clients``, or, where there is none, with the settings of the first.
"""

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Literal

from attrs import evolve, field, frozen

from liveexec.errors import ConfigurationError, Fault
from liveexec_nautilus.instruments import NodeVenue
from liveexec_nautilus.live.client_section import BINANCE, ClientSection, says
from liveexec_nautilus.live.protocol import NodePlan

__all__ = ["PortfolioAccount", "PortfolioSection", "TradingNodeSection", "live_faults"]


@frozen
class PortfolioAccount:
    """An account by name. Values are reckoned in ``engine.reporting_asset``; the node keeps no reckoning of its own."""

    account_id: str = field(metadata=says("one of the accounts of exec_clients"))
    base_currency: str | None = field(default=None, metadata=says("what the account is funded in, for the reader"))


@frozen
class PortfolioSection:
    """The accounts that the node trades with, for whoever reads the file."""

    accounts: tuple[PortfolioAccount, ...] = field(default=(), metadata=says("checked against exec_clients"))


@frozen
class TradingNodeSection:
    """NautilusTrader's live node and its clients, in a process of its own.

    Raises:
        ConfigurationError: with every fault.
    """

    exec_clients: tuple[ClientSection, ...] = field(metadata=says("the venues that are traded at"))
    data_clients: tuple[ClientSection, ...] = field(
        default=(), metadata=says("market data, where it needs settings of its own")
    )
    portfolio: PortfolioSection = field(factory=PortfolioSection, metadata=says("the accounts, by name"))
    allow_release_candidate: bool = field(
        default=False, metadata=says("live mode: NautilusTrader 2.0 has release candidates only, and that is known")
    )
    trader_id: str = field(default="LIVEEXEC-001", metadata=says("the node's own name, NAME-TAG"))
    lookback_mins: int = field(default=1_440, metadata=says("how far back the node looks for orders when it starts"))
    start_timeout_s: Decimal = field(
        default=Decimal(25), metadata=says("how long the node may take until its clients are connected")
    )
    log_level: Literal["DEBUG", "INFO", "WARN", "ERROR"] | None = field(
        default=None, metadata=says("the node's own log, kept for the report of its death; off")
    )

    def __attrs_post_init__(self) -> None:
        found: list[Fault] = []
        for name, clients, trades in (
            ("data_clients", self.data_clients, False),
            ("exec_clients", self.exec_clients, True),
        ):
            for index, each in enumerate(clients):
                found += each.faults(f"{name}[{index}]", trades=trades)
                if each.name in [other.name for other in clients[:index]]:
                    found.append(Fault(f"{name}[{index}].name", f"{each.name.value} is named twice"))
        if not self.exec_clients:
            found.append(Fault("exec_clients", "must name at least one"))
        traded = {each.name for each in self.exec_clients}
        found += [
            Fault(
                f"data_clients[{index}].name", f"{each.name.value} is not among exec_clients, so nobody would read it"
            )
            for index, each in enumerate(self.data_clients)
            if each.name not in traded
        ]
        accounts = [each.account for each in self.exec_clients]
        found += [
            Fault(f"exec_clients[{index}].account_id", f"{each} is named twice")
            for index, each in enumerate(accounts)
            if each in accounts[:index]
        ]
        known = ", ".join(dict.fromkeys(accounts))
        found += [
            Fault(f"portfolio.accounts[{index}].account_id", f"{each.account_id} is no account; there are {known}")
            for index, each in enumerate(self.portfolio.accounts)
            if each.account_id not in accounts
        ]
        name, hyphen, tag = self.trader_id.partition("-")
        if not (name and hyphen and tag and self.trader_id.isascii() and self.trader_id.isprintable()):
            found.append(Fault("trader_id", "must read NAME-TAG"))
        if self.lookback_mins < 1:
            found.append(Fault("lookback_mins", f"must be at least 1, not {self.lookback_mins}"))
        if not 1 <= self.start_timeout_s <= 28:
            found.append(Fault("start_timeout_s", "must lie between 1 and 28: a connection is given up after 30"))
        if found:
            raise ConfigurationError("trading_node", found)

    @property
    def processes(self) -> tuple[tuple[NodeVenue, ...], ...]:
        """Which venues share a node and its process: all, but for Spot beside Binance's futures, since within
        NautilusTrader both are one venue, and a node serves a venue through one client."""
        names = [each.name for each in self.exec_clients]
        if not all(each in names for each in BINANCE):
            return (tuple(names),)
        others = tuple(each for each in names if each is not NodeVenue.BINANCE_SPOT)
        return (others, (NodeVenue.BINANCE_SPOT,))

    def plan(self, venues: Collection[NodeVenue]) -> NodePlan:
        """What the process of some venues is told: with keys, in plain, so it is made when it is sent and kept
        nowhere."""
        named = {each.name: each for each in self.data_clients}
        trading = [each for each in self.exec_clients if each.name in venues]
        data = [named.get(each.name) or evolve(each, instruments=None) for each in trading]
        return NodePlan(
            trader_id=self.trader_id,
            data_clients=tuple(each.plan() for each in data),
            exec_clients=tuple(each.plan() for each in trading),
            lookback_mins=self.lookback_mins,
            connect_timeout_s=max(1, int(self.start_timeout_s) - 5),
            log_level=self.log_level,
        )


def live_faults(section: TradingNodeSection) -> Sequence[Fault]:
    """What keeps the section from being used in live mode."""
    if section.allow_release_candidate:
        return []
    return [
        Fault(
            "allow_release_candidate",
            "must be true in live mode: this trades real money through NautilusTrader 2.0.0rc7, a release candidate "
            "(2.0 is not released), which ends its process on messages that it can't read",
        )
    ]
