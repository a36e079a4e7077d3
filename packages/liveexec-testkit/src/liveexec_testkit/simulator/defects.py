"""Defects of the code itself, planted into a running process: it has to end, and to tell whoever waits."""

from collections.abc import Callable
from random import Random
from typing import Any

from attrs import define

from liveexec.runtime.shard import ShardRuntime

__all__ = ["Defect", "PlantedDefect"]


class PlantedDefect(RuntimeError):
    """Code that is sound failed, because a run wanted to see what follows."""


@define(eq=False)
class Defect:
    """A call that fails once. ``struck_at_ns`` says when it did, zero while it has not."""

    now_ns: Callable[[], int]
    struck_at_ns: int = 0

    def plant(self, shard: ShardRuntime, random: Random) -> None:
        """Have the engine fail with its next input, or what has to follow from its next decision."""
        owner: Any
        owner, name = (shard.engine, "handle") if random.random() < 0.5 else (shard.loop, "_on_durable")
        sound = getattr(owner, name)

        def fail(*_: Any) -> None:
            setattr(owner, name, sound)
            self.struck_at_ns = self.now_ns()
            raise PlantedDefect(f"{name} failed")

        setattr(owner, name, fail)
