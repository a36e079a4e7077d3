"""What liveexec calls when it loads this distribution. Nothing here imports a network library; factories do."""

from collections.abc import Sequence
from typing import Final

from liveexec.plugins.adapter import ExternalAdapter
from liveexec.plugins.hookspecs import hookimpl
from liveexec.plugins.registrars import AdapterRegistration, Registry
from liveexec_deribit.config import DeribitSection

__all__ = ["LIVEEXEC_API", "liveexec_register_adapters"]

#: The version of the plugin API that this was written for.
LIVEEXEC_API: Final = (1, 0)


@hookimpl
def liveexec_register_adapters(registry: Registry[AdapterRegistration]) -> None:
    """Deribit: a session per account."""
    registry.add("DERIBIT", AdapterRegistration(_adapters, DeribitSection))


def _adapters(section: DeribitSection) -> Sequence[ExternalAdapter]:
    from liveexec_deribit.adapter import DeribitAdapter  # noqa: PLC0415  (factories import what they need)

    return tuple(DeribitAdapter(section, account) for account in section.accounts)
