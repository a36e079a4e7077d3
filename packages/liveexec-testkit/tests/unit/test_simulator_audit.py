"""The guard: simulated code reaches no thread, no process, no socket, and does not sleep."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from liveexec_testkit.simulator.audit import OutsideWorld, disarmed, guarded


@pytest.mark.parametrize(
    "reach",
    [
        lambda: threading.Thread(target=print).start(),
        socket.socket,
        lambda: socket.getaddrinfo("localhost", 80),
        lambda: subprocess.run([sys.executable, "--version"], check=True),
        lambda: os.system("true"),
        os.fork,
        lambda: time.sleep(0),
    ],
    ids=["thread", "socket", "resolver", "subprocess", "system", "fork", "sleep"],
)
def test_the_outside_is_refused_while_it_is_armed(reach: Callable[[], object]) -> None:
    with guarded(), pytest.raises(OutsideWorld):
        reach()


def test_it_is_let_through_before_and_after_and_where_the_simulator_says_so() -> None:
    time.sleep(0)
    with guarded(), disarmed():
        time.sleep(0)
    time.sleep(0)
