"""A pytest plugin for runs against a planted bug: makes sure that it is the bug's copy that is tested.

Examples of property tests are not made smaller here: that one fails is all that counts.
"""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

import liveexec

#: The folder that the planted source is in.
SOURCE_VARIABLE = "LIVEEXEC_PLANTED_SOURCE"

settings.register_profile(
    "mutants",
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)


def pytest_configure() -> None:
    """Refuse to test anything else."""
    tested = Path(liveexec.__file__).resolve()
    if not tested.is_relative_to(Path(os.environ[SOURCE_VARIABLE]).resolve()):
        raise pytest.UsageError(f"what would be tested is {tested}, which is not the copy with the bug")
