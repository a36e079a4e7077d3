"""kill -9 at random moments of the demo: it goes on where it stopped, and nothing is lost or doubled."""

import os
import random
import subprocess
from pathlib import Path

from liveexec.cli.exit_codes import ExitCode
from support.demo import home

_KILLS = 20
#: A run that was not killed ends within this time, whatever the machine is doing beside it.
_LONGEST_S = 180.0


def test_twenty_kills_at_random_moments_lose_and_double_nothing(tmp_path: Path) -> None:
    seed = int(os.environ.get("LIVEEXEC_CRASH_SEED", random.SystemRandom().randrange(1_000_000)))
    print(f"LIVEEXEC_CRASH_SEED={seed}")
    moments = random.Random(seed)
    kills = attempt = 0
    with home() as user:
        while kills < _KILLS:
            output = tmp_path / f"{attempt}.txt"
            attempt += 1
            demo = user.start("demo", "--keep", output=output)
            try:
                # From before the database is up to after everything is shown.
                code = demo.wait(timeout=moments.uniform(0.2, 9.0))
            except subprocess.TimeoutExpired:
                demo.kill()
                demo.wait()
                kills += 1
                continue
            _check(code, output)
        output = tmp_path / "last.txt"
        _check(user.start("demo", "--keep", output=output).wait(timeout=_LONGEST_S), output)
        verified = user.run("db", "verify")
        assert verified.returncode == ExitCode.OK, verified.stdout + verified.stderr


def _check(code: int, output: Path) -> None:
    printed = output.read_text(encoding="utf-8")
    text = " ".join(printed.split())
    assert code == ExitCode.OK, printed
    assert "against the venues' own books: no difference" in text
    assert "did not end as expected" not in text
