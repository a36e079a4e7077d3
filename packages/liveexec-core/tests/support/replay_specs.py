"""Specifications of replays to begin with: the example's, with its signals in place."""

import json
import os
from pathlib import Path
from typing import Any, Final

__all__ = ["EXAMPLE", "RECORDED", "document"]

EXAMPLE: Final = Path(__file__).parents[4] / "examples" / "replay" / "replay.json"
#: Recorded ticks beside the project, which tests that need them are skipped without.
RECORDED: Final = Path(os.environ.get("LIVEEXEC_TEST_DATA", Path(__file__).parents[5] / "shared" / "data")) / "market"


def document(**changes: Any) -> dict[str, Any]:
    """The example as JSON values, ten minutes of it, its signals in it; ``changes`` replace whole sections."""
    whole: dict[str, Any] = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    signals = json.loads((EXAMPLE.parent / "signals.json").read_text(encoding="utf-8"))
    whole["signals"] = signals["signals"][:2]
    whole["data"]["seconds"] = 600
    return {**whole, **changes}
