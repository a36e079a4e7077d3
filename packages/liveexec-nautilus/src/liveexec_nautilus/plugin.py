"""What liveexec calls when it loads this distribution. Nothing here imports NautilusTrader: the live node's process and
the host of replays do, when they are asked for."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from liveexec.plugins.adapter import ExternalAdapter
from liveexec.plugins.hookspecs import hookimpl
from liveexec.plugins.registrars import AdapterRegistration, Registry
from liveexec_nautilus.live.config import TradingNodeSection, live_faults

__all__ = ["LIVEEXEC_API", "liveexec_register_adapters", "liveexec_register_replay_hosts"]

#: The version of the plugin API that this was written for: hosts of replays came with 1.1.
LIVEEXEC_API: Final = (1, 1)


@hookimpl
def liveexec_register_adapters(registry: Registry[AdapterRegistration]) -> None:
    """The venues of NautilusTrader's live node, configured in the section ``trading_node``."""
    registry.add("NAUTILUS", AdapterRegistration(_adapters, TradingNodeSection, "trading_node", live_faults))


@hookimpl
def liveexec_register_replay_hosts(registry: Registry[Callable[[], Any]]) -> None:
    """The host of replays on NautilusTrader's backtest engine."""
    registry.add("nautilus", _backtest_host)


def _adapters(section: TradingNodeSection) -> Sequence[ExternalAdapter]:
    from liveexec_nautilus.live.factory import adapters_of  # noqa: PLC0415  (factories import what they need)

    return adapters_of(section)


def _backtest_host() -> Any:
    from liveexec_nautilus.backtest.host import NautilusHost  # noqa: PLC0415 -- factories import the vendor's library

    return NautilusHost()
