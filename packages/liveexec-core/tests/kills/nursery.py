"""A process that has everything imported and forks a host for each line it is given: a second saved per life.

``python -m kills.nursery`` reads lives (JSON, one a line) and answers ``{"pid": …}`` for each, and ``{"pid": …,
"status": …}`` (as ``waitpid`` has it) when one has ended. It ends with its input, and takes its children with it.
"""

import json
import os
import select
import signal
import sys
import traceback
from contextlib import suppress

from kills.life import Life, live


def main() -> None:
    children: dict[int, int] = {}
    poll = select.poll()
    poll.register(sys.stdin.fileno(), select.POLLIN | select.POLLHUP)
    try:
        while True:
            for descriptor, _ in poll.poll():
                if descriptor == sys.stdin.fileno():
                    line = sys.stdin.readline()
                    if not line:
                        return
                    pid = _fork(line)
                    pidfd = os.pidfd_open(pid)
                    children[pidfd] = pid
                    poll.register(pidfd, select.POLLIN)
                    _say({"pid": pid})
                else:
                    pid = children.pop(descriptor)
                    poll.unregister(descriptor)
                    os.close(descriptor)
                    _say({"pid": pid, "status": os.waitpid(pid, 0)[1]})
    finally:
        for pid in children.values():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _fork(line: str) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        code = live(Life.from_json(line))
    except BaseException:  # noqa: BLE001  (the forked process must not go on as its parent)
        # The output of the life is where whoever looks for the reason will look.
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _say(what: dict[str, int]) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
