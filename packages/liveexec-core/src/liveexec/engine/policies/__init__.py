"""Routing policies that come with the library: one file each, registered through the same hook as anybody's."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from liveexec.engine.policies.best_price import BestPrice
from liveexec.engine.policies.lowest_fee import LowestFee
from liveexec.engine.policies.pinned import Pinned
from liveexec.engine.policies.split import Split
from liveexec.engine.routing import RoutingPolicy

__all__ = ["BUILTIN_POLICIES", "BestPrice", "LowestFee", "Pinned", "Split"]

BUILTIN_POLICIES: Final[Mapping[str, RoutingPolicy]] = MappingProxyType(
    {policy.name: policy for policy in (Pinned(), BestPrice(), LowestFee(), Split())}
)
