"""``python -m liveexec_nautilus.loopback VENUE``: a venue as a process, until it is interrupted."""

import argparse
import sys

import anyio

from liveexec_nautilus.loopback.shared.server import serve
from liveexec_nautilus.loopback.shared.venue import LoopbackVenue
from liveexec_nautilus.loopback.venues import VENUES


def main() -> int:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m liveexec_nautilus.loopback", description=__doc__)
    parser.add_argument("venue", choices=sorted(VENUES))
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 takes one that is free")
    parser.add_argument("--accounts", type=int, default=2, help="how many, loopback1 and on")
    asked = parser.parse_args()
    try:
        anyio.run(_run, VENUES[asked.venue](asked.accounts), asked.port)
    except KeyboardInterrupt:
        return 130
    return 0


async def _run(venue: LoopbackVenue, port: int) -> None:
    async with serve(venue, port=port) as server:
        out = sys.stdout
        out.write(f"http {server.http_url}\nwebsocket {server.websocket_url}\n")
        for account in venue.floor.accounts.values():
            out.write(f"account {account.user_id} keys {' '.join(key.key for key in account.keys)}\n")
        out.flush()
        await anyio.sleep_forever()


if __name__ == "__main__":
    raise SystemExit(main())
