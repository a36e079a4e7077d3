"""What liveexec calls: the hook that registers the venue.

Importing this imports neither an HTTP client nor a WebSocket client; the factory does, when it is called.
"""

from collections.abc import Sequence

from liveexec.plugins.adapter import ExternalAdapter
from liveexec.plugins.hookspecs import hookimpl
from liveexec.plugins.registrars import AdapterRegistration, Registry
from liveexec_larkspur.config import LarkspurSection

#: The version of the plugin API that this was written for.
LIVEEXEC_API = (1, 0)


@hookimpl
def liveexec_register_adapters(registry: Registry[AdapterRegistration]) -> None:
    """``"external_adapters": {"LARKSPUR": {...}}`` in a configuration asks for it."""
    registry.add("LARKSPUR", AdapterRegistration(_adapters, LarkspurSection))


def _adapters(section: LarkspurSection) -> Sequence[ExternalAdapter]:
    from liveexec_larkspur.adapter import LarkspurAdapter  # noqa: PLC0415  (factories import what they need)

    return tuple(LarkspurAdapter(section, account) for account in section.accounts)
