"""What liveexec calls when it loads this distribution. Nothing here imports NautilusTrader; the node's process does."""

from collections.abc import Sequence
from typing import Final

from liveexec.plugins.adapter import ExternalAdapter
from liveexec.plugins.hookspecs import hookimpl
from liveexec.plugins.registrars import AdapterRegistration, Registry
from liveexec_nautilus.live.config import TradingNodeSection, live_faults

__all__ = ["LIVEEXEC_API", "liveexec_register_adapters"]

#: The version of the plugin API that this was written for.
LIVEEXEC_API: Final = (1, 0)


@hookimpl
def liveexec_register_adapters(registry: Registry[AdapterRegistration]) -> None:
    """The venues of NautilusTrader's live node, configured in the section ``trading_node``."""
    registry.add("NAUTILUS", AdapterRegistration(_adapters, TradingNodeSection, "trading_node", live_faults))


def _adapters(section: TradingNodeSection) -> Sequence[ExternalAdapter]:
    from liveexec_nautilus.live.factory import adapters_of  # noqa: PLC0415  (factories import what they need)

    return adapters_of(section)
