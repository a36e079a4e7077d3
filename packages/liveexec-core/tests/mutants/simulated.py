"""``python -m mutants.simulated``: simulate whatever source is on the path, up to the first seed that fails.

Exits with 0 when every invariant held, with 1 when one did not; the last line says which seed, and what.
"""

import gc
import sys

import cyclopts

from liveexec_testkit.simulator.swarm import run_seed


def main(*, seeds: int = 100, first: int = 0, orders: int = 30) -> int:
    """Run seed after seed."""
    for seed in range(first, first + seeds):
        try:
            violation = run_seed(seed, orders=orders).violation
        except Exception as error:  # noqa: BLE001  (whatever a bug makes a run raise: it was noticed)
            violation = f"the run raised {type(error).__name__}: {error}"
        if violation:
            print(f"seed {seed}, after {seed - first + 1} of {seeds}: {' '.join(violation.split())}")
            return 1
        gc.collect()
    return 0


if __name__ == "__main__":
    sys.exit(cyclopts.App(default_command=main)())
