"""Coverage below a package's floor is a fault, and a package can't get around having one."""

from pathlib import Path
from typing import Any

from floors import Covered, by_package, faults, floors

ROOT = Path(__file__).parents[2]


def report(**files: tuple[int, int, int, int]) -> dict[str, Any]:
    """What coverage writes: covered lines, lines, covered branches and branches by file."""
    names = ("covered_lines", "num_statements", "covered_branches", "num_branches")
    return {
        "files": {
            f"packages/p/src/{name.replace('__', '/')}.py": {"summary": dict(zip(names, numbers, strict=True))}
            for name, numbers in files.items()
        }
    }


def test_files_count_for_the_package_right_below_the_one_that_is_installed() -> None:
    measured = by_package(
        report(
            p__top=(1, 2, 0, 0), p__engine__a=(8, 10, 3, 4), p__engine__rules__b=(2, 2, 0, 2), p__cli__c=(0, 0, 0, 0)
        )
    )
    assert measured == {"p": Covered(1, 2), "p.engine": Covered(13, 18), "p.cli": Covered(0, 0)}
    assert [round(each.percent, 1) for each in measured.values()] == [50.0, 100.0, 72.2]


def test_below_a_floor_is_a_fault() -> None:
    assert faults({"a": Covered(899, 1000)}, {"a": 90}) == ["a: 89.90 % is below its floor of 90 %"]
    assert faults({"a": Covered(900, 1000)}, {"a": 90}) == []


def test_a_package_without_a_floor_and_a_floor_without_a_package_are_faults() -> None:
    assert faults({"new": Covered(1, 1)}, {"gone": 90}) == [
        "new: has no floor in pyproject.toml",
        "gone: has a floor, and nothing of it was measured",
    ]


def test_every_package_has_a_floor() -> None:
    installed = [
        ROOT / "packages/liveexec-core/src/liveexec",
        ROOT / "packages/liveexec-testkit/src/liveexec_testkit",
        ROOT / "packages/liveexec-adapter-deribit/src/liveexec_deribit",
        ROOT / "packages/liveexec-nautilus/src/liveexec_nautilus",
    ]
    packages = {
        ".".join((root.name, folder.parent.name)) for root in installed for folder in root.glob("*/__init__.py")
    }
    assert {*packages, *(root.name for root in installed)} == set(floors())
