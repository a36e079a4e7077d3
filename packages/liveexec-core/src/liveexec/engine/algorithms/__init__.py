"""Execution algorithms that come with the library: one file each, registered through the same hook as anybody's."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from liveexec.engine.algorithm import ExecutionAlgorithm
from liveexec.engine.algorithms.iceberg import Iceberg
from liveexec.engine.algorithms.normal import Normal
from liveexec.engine.algorithms.twap import Twap
from liveexec.engine.algorithms.vwap import Vwap

__all__ = ["BUILTIN_ALGORITHMS", "Iceberg", "Normal", "Twap", "Vwap"]

BUILTIN_ALGORITHMS: Final[Mapping[str, ExecutionAlgorithm]] = MappingProxyType(
    {algorithm.name: algorithm for algorithm in (Normal(), Twap(), Vwap(), Iceberg())}
)
