"""The engine alone: how long it takes to decide about a submit, an acknowledgement and a fill.

Every rule is configured, and the route is chosen by best_price over two venues with books of five levels. The inputs
are those of a live order: no I/O, no clock and no journal take part.
"""

from typing import Final

from benchmarks import worlds
from benchmarks.driver import VENUES, EngineDriver, freeze
from benchmarks.figures import Figure, Result, percentile
from benchmarks.options import Options
from liveexec.domain.ids import OrderId
from liveexec.engine.inputs import Forget
from liveexec.engine.rules import BUILT_IN_RULES

__all__ = ["run"]

SUBMIT_GOAL_US: Final = 60.0
FILL_GOAL_US: Final = 20.0
_FORGET_EVERY: Final = 512


def run(options: Options) -> Result:
    """Submit, acknowledge and fill orders one after the other, timing each decision."""
    orders = 2_000 if options.quick else 50_000
    driver = EngineDriver()
    submits: list[int] = []
    acks: list[int] = []
    fills: list[int] = []
    finished: list[tuple[OrderId, int]] = []
    options.say(f"{orders} orders")
    freeze()
    for number in range(orders):
        if number % 10 == 0:
            driver.show_books()
        sent = driver.submit(number, worlds.immediate_intent(number))
        submits.append(driver.took_ns)
        driver.acknowledge(sent, number)
        acks.append(driver.took_ns)
        driver.fill(sent, number)
        fills.append(driver.took_ns)
        finished.append((sent.order.order_id, sent.order.last_sequence))
        if len(finished) == _FORGET_EVERY:
            driver.project()
            driver.tell(Forget(0, tuple(finished)))
            for order_id, _ in finished:
                driver.view.drop(order_id)
            finished.clear()
    # The first ones fill the caches of a fresh process.
    warm = orders // 10
    return Result(
        "engine alone",
        [
            _figure("submit to decision", submits[warm:], SUBMIT_GOAL_US),
            _figure("fill report to decision", fills[warm:], FILL_GOAL_US),
            _figure("acknowledgement to decision", acks[warm:], None),
        ],
        [f"{len(BUILT_IN_RULES)} rules, best_price over {len(VENUES)} venues, {orders} orders one after the other"],
    )


def _figure(name: str, took_ns: list[int], goal_us: float | None) -> Figure:
    middle, most = percentile(took_ns, 0.5) / 1_000, percentile(took_ns, 0.99) / 1_000
    goal = f"median at most {goal_us:.0f} µs" if goal_us is not None else ""
    met = middle <= goal_us if goal_us is not None else None
    return Figure(name, f"{middle:.1f} µs, p99 {most:.0f}", goal, met)
