"""A server that speaks S3, which this project did not write: moto's, in an environment of its own.

``uv run nox -s objects`` makes that environment, ``build/clients/moto``; without it what needs it is skipped.
"""

import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

__all__ = ["BUCKET", "KEYS", "running_s3"]

_ENVIRONMENT: Final = Path(__file__).parents[4] / "build" / "clients" / "moto"
BUCKET: Final = "ticks"
#: What a client signs with; the server knows no keys unless it is told to check them.
KEYS: Final = {"access_key_id": "AKIACANARY000000TEST", "secret_access_key": "canary-secret-of-the-s3-tests"}


@contextmanager
def running_s3(*, checks_keys: bool = False) -> Iterator[str]:
    """A server with one empty bucket, and its address. With ``checks_keys`` it refuses everybody after that."""
    server = _ENVIRONMENT / ("Scripts/moto_server.exe" if sys.platform == "win32" else "bin/moto_server")
    if not server.exists():
        pytest.skip("moto's server is not here: `uv run nox -s objects` makes build/clients/moto")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_"))}
    if checks_keys:
        environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "1"
    process = subprocess.Popen(
        [str(server), "-H", "127.0.0.1", "-p", "0"],
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        url = ""
        for line in process.stderr:
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                url = found[0]
                break
        assert url, "the server ended before it said where it is"
        urllib.request.urlopen(urllib.request.Request(f"{url}/{BUCKET}", method="PUT"), timeout=30).close()
        yield url
    finally:
        process.terminate()
        process.communicate(timeout=30)
