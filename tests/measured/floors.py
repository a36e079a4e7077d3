"""What tests cover, by package, against the floors in pyproject.toml: ``python tests/measured/floors.py REPORT``.

A floor is what was measured when it was last raised, rounded down; it only rises. The report is what ``coverage json``
writes. Covered are lines and branches together, as coverage counts them in its own total.
"""

import json
import sys
import tomllib
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import define

__all__ = ["Covered", "by_package", "faults", "floors"]

ROOT = Path(__file__).parents[2]


@define
class Covered:
    """How many of a package's lines and branches the tests went through."""

    covered: int = 0
    all: int = 0

    @property
    def percent(self) -> float:
        """Of a hundred; a package without code is covered."""
        return 100.0 * self.covered / self.all if self.all else 100.0


def floors() -> dict[str, int]:
    """The least percentage by package."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: dict[str, int] = project["tool"]["liveexec"]["coverage-floors"]
    return found


def by_package(report: Mapping[str, Any]) -> dict[str, Covered]:
    """What is covered of each package, those right below the two that are installed counting by themselves."""
    found: dict[str, Covered] = defaultdict(Covered)
    for name, file in report["files"].items():
        package = found[_package_of(Path(name))]
        summary = file["summary"]
        package.covered += summary["covered_lines"] + summary["covered_branches"]
        package.all += summary["num_statements"] + summary["num_branches"]
    return dict(sorted(found.items()))


def faults(measured: Mapping[str, Covered], least: Mapping[str, int]) -> list[str]:
    """Packages below their floor, without one, and floors of packages that are not there."""
    return [
        *(
            f"{name}: {found.percent:.2f} % is below its floor of {least[name]} %"
            for name, found in measured.items()
            if name in least and found.percent < least[name]
        ),
        *(f"{name}: has no floor in pyproject.toml" for name in measured if name not in least),
        *(f"{name}: has a floor, and nothing of it was measured" for name in least if name not in measured),
    ]


def main(report: Path) -> int:
    """Print a line for each package; 1 when one is below its floor."""
    measured, least = by_package(json.loads(report.read_text(encoding="utf-8"))), floors()
    for name, found in measured.items():
        raised = "  the floor can rise" if int(found.percent) > least.get(name, 0) else ""
        print(f"{name:28} {found.percent:6.2f} %  floor {least.get(name, 0):3} %{raised}")
    whole = Covered(sum(each.covered for each in measured.values()), sum(each.all for each in measured.values()))
    print(f"{'all':28} {whole.percent:6.2f} %  of {whole.all} lines and branches")
    wrong = faults(measured, least)
    for fault in wrong:
        print(fault, file=sys.stderr)
    return 1 if wrong else 0


def _package_of(path: Path) -> str:
    inside = path.parts[path.parts.index("src") + 1 :]
    return ".".join(inside[:2]) if len(inside) > 2 else inside[0]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
