"""``python -m liveexec_deribit.loopback``: the venue as a process, until it is interrupted."""

import argparse
import sys

import anyio

from liveexec_deribit.loopback.config import NEW_ACCOUNT_LIMITS, AccountConfig, VenueConfig, default_accounts
from liveexec_deribit.loopback.server import serve
from liveexec_deribit.loopback.venue import Venue


def main() -> int:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m liveexec_deribit.loopback", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes one that is free")
    parser.add_argument("--accounts", type=int, default=2, help="how many, loopback1 and on")
    parser.add_argument("--tight-limits", action="store_true", help="a new account's rate limits at the venue")
    asked = parser.parse_args()
    accounts = default_accounts(asked.accounts)
    if asked.tight_limits:
        accounts = [
            AccountConfig(
                client_id=account.client_id,
                client_secret=account.client_secret,
                user_id=account.user_id,
                username=account.username,
                limits=NEW_ACCOUNT_LIMITS,
            )
            for account in accounts
        ]
    try:
        anyio.run(_run, VenueConfig(accounts=accounts), asked.host, asked.port)
    except KeyboardInterrupt:
        return 130
    return 0


async def _run(config: VenueConfig, host: str, port: int) -> None:
    async with serve(Venue(config), host=host, port=port) as server:
        out = sys.stdout
        out.write(f"http {server.http_url}/api/v2\nwebsocket {server.websocket_url}\n")
        for account in config.accounts:
            out.write(f"account {account.user_id} client_id {account.client_id}\n")
        out.flush()
        await anyio.sleep_forever()


if __name__ == "__main__":
    raise SystemExit(main())
