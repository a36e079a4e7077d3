"""The section of a configuration that makes paper venues: a ready-made world, or one that is written out."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from attrs import evolve, field, frozen

from liveexec.errors import ConfigurationError, Fault
from liveexec.venues.paper.presets import btc_world
from liveexec.venues.paper.world_config import PaperWorldConfig, SyntheticMarketConfig

__all__ = ["PaperSection"]

_SECOND_NS: Final = 1_000_000_000


@frozen
class PaperSection:
    """Paper venues in this process, in real time: the ``preset`` (PAPER-A and PAPER-B, which list BTC spot and two
    perpetuals on a seeded market), or the ``world`` that is written out as :class:`PaperWorldConfig` is.

    Raises:
        ConfigurationError: the world has faults, or does not run in real time.
    """

    preset: Literal["btc"] = field(default="btc", metadata={"help": "the ready-made world, unless one is written out"})
    seed: int = field(default=0, metadata={"help": "of the preset's market"})
    world: Mapping[str, Any] | None = field(default=None, metadata={"help": "a paper world in place of the preset"})

    def __attrs_post_init__(self) -> None:
        if self.world is None:
            return
        try:
            world = PaperWorldConfig.from_document(self.world)
        except ConfigurationError as error:
            raise ConfigurationError(
                "paper world", [Fault(f"world.{each.path}".rstrip("."), each.message) for each in error.faults]
            ) from None
        if world.speed != 1:
            raise ConfigurationError(
                "paper world", [Fault("world.speed", "must be 1: who trades here lives in the wall's time")]
            )

    def world_from(self, now_ns: int) -> PaperWorldConfig:
        """The world whose trading begins now (UTC nanoseconds). Ids of its orders begin with the time, so that they
        are not those of an earlier run."""
        prefix = f"{now_ns // _SECOND_NS:x}-"
        if self.world is not None:
            return evolve(PaperWorldConfig.from_document(self.world), id_prefix=prefix)
        world = btc_world(market=None, start_ns=now_ns, seed=self.seed, id_prefix=prefix)
        assert isinstance(world.market, SyntheticMarketConfig)
        # The market begins so much earlier that trading begins now.
        return evolve(world, market=evolve(world.market, start_ns=now_ns - world.warmup_s * _SECOND_NS))
