"""Every method of the API, by what it is about."""


def load() -> None:
    """Declare all of them; harmless when they have been."""
    # Imported here: the methods know the venue, and the venue knows the registry beside them.
    from liveexec_deribit.loopback.methods import (  # noqa: F401, PLC0415
        account,
        connection,
        lookups,
        market_data,
        trading,
    )
