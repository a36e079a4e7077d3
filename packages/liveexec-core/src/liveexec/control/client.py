"""The operator's end of the socket: finds the running host and asks it."""

import contextlib
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from liveexec.control.paths import host_sockets
from liveexec.control.protocol import LONGEST, decode, encode, raised_from
from liveexec.errors import Fault, InvalidInput, LiveExecError, NotFound

__all__ = ["ask", "asked_of", "running_hosts"]

_TIMEOUT_S: Final = 30.0


def asked_of(shard: str | None, request: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> Any:
    """The answer of the running host; of the one that owns ``shard``, where there are several.

    Raises:
        NotFound: no host runs, or none that owns the shard.
        InvalidInput: several run, and none was named.
        LiveExecError: what the host refused.
    """
    hosts = running_hosts(environ)
    if shard is not None:
        hosts = {path: found for path, found in hosts.items() if found["shard"] == shard}
    if not hosts:
        which = f"that owns the shard {shard}" if shard is not None else "of this user"
        raise NotFound(f"no host {which} runs here")
    if len(hosts) > 1:
        named = ", ".join(f"{found['shard']} (pid {found['pid']})" for found in hosts.values())
        raise InvalidInput("--shard", [Fault("", f"several hosts run, name one: {named}")])
    return ask(next(iter(hosts)), request)


def running_hosts(environ: Mapping[str, str] = os.environ) -> dict[Path, dict[str, Any]]:
    """The hosts of this user, each with its shard and process; sockets of those that died are removed."""
    found = {}
    for path in host_sockets(environ):
        try:
            found[path] = ask(path, {"do": "who"})
        except ConnectionRefusedError:
            # Nobody listens there any more, and nobody else is given a name with this process id.
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
        except FileNotFoundError:
            continue
    return found


def ask(path: Path, request: Mapping[str, Any]) -> Any:
    """The answer of the host that listens there.

    Raises:
        OSError: nobody listens, or the answer did not come in time.
        LiveExecError: what the host refused.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_TIMEOUT_S)
        connection.connect(str(path))
        connection.sendall(encode(request))
        with connection.makefile("rb") as lines:
            line = lines.readline(LONGEST)
    if not line:
        raise LiveExecError("the host hung up: it is ending, or too many operators ask at once")
    answer = decode(line)
    if "error" in answer:
        raise raised_from(answer)
    return answer["answer"]
