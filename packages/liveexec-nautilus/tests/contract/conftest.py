"""Which cases of the conformance kit the venues go through: a node is started for each, so that the whole kit takes
some minutes a venue. ``uv run nox -s nautilus-kit`` runs all of it; usual runs a sample."""

import os
import re

import pytest

#: From each part of the kit what says most: login, numbers, orders, cancels, changes, lost answers, fills, gaps,
#: restarts, snapshots, a clock that is behind, and the same under the orchestrator.
SAMPLE = frozenset({1, 12, 16, 36, 40, 46, 60, 71, 77, 88, 107, 110, 119, 120, 129})
WHOLE = "LIVEEXEC_NAUTILUS_KIT"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get(WHOLE):
        return
    left_out = pytest.mark.skip(reason=f"beyond the sample: {WHOLE}=1 or uv run nox -s nautilus-kit runs the whole kit")
    for item in items:
        found = re.match(r"test_lx(\d+)_", item.name)
        if found and "liveexec-nautilus" in item.nodeid and int(found[1]) not in SAMPLE:
            item.add_marker(left_out)
