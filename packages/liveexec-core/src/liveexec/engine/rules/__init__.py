"""The built-in risk rules, one module each, in the order of their precedence."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from liveexec.engine.risk import RuleFactory

__all__ = ["BUILT_IN_RULES"]

#: Factories by name: of several refusals, the first one's code is the order's.
BUILT_IN_RULES: Final[Mapping[str, RuleFactory]] = MappingProxyType({})
