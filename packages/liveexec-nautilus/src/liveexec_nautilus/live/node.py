"""The live node and its clients, made from a plan. In the child only."""

from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen

from liveexec_nautilus import vendor
from liveexec_nautilus.live.clients import data_client, exec_client
from liveexec_nautilus.live.protocol import NodePlan
from liveexec_nautilus.live.questions import NoQuestions, Questions
from liveexec_nautilus.live.strategy import NodeStrategy
from liveexec_nautilus.live.venue_questions import questions_of

__all__ = ["BuiltNode", "built", "node_builder"]

#: The engine of liveexec has its own limits; the node's default of 100 orders a second would deny the rest of a burst.
_ORDER_RATE: Final = "1000000/00:00:01"


@frozen
class BuiltNode:
    """A node with its strategy, and what can be asked of each of its clients, by name."""

    node: vendor.LiveNode
    questions: Mapping[str, Questions]


def built(plan: NodePlan, strategy: NodeStrategy) -> BuiltNode:
    """The node of a plan.

    Raises:
        ValueError: a client is named that this package does not know.
    """
    builder = node_builder(plan)
    questions: dict[str, Questions] = {each.client: NoQuestions() for each in plan.data_clients}
    for each in plan.data_clients:
        factory, config = data_client(each)
        builder = builder.add_data_client(each.client, factory, config)
    for each in plan.exec_clients:
        factory, config = exec_client(each)
        builder = builder.add_exec_client(each.client, factory, config)
    node = builder.build()
    node.add_strategy(strategy)
    for each in plan.exec_clients:
        questions[each.client] = questions_of(each, node.cache)
    return BuiltNode(node, questions)


def node_builder(plan: NodePlan, environment: vendor.Environment = vendor.Environment.LIVE) -> Any:
    """A builder with everything but clients.

    The engine is told to leave unresolved what it can't resolve: by default it rejects an order whose answer was lost,
    and drops the fill that comes later. It makes no orders for positions whose fills it did not see.
    """
    level = vendor.LogLevel.from_str(plan.log_level) if plan.log_level is not None else None
    engine = vendor.LiveExecutionEngineConfig(
        reconciliation=True,
        reconciliation_startup_delay_secs=0.0,
        reconciliation_lookback_mins=plan.lookback_mins,
        generate_missing_orders=False,
        filter_position_reports=True,
        submission_recovery_policy=vendor.SubmissionRecoveryPolicy.RETAIN_UNRESOLVED,
        # A fill beyond an order's quantity is a fact like any other: the engine of liveexec records it, and halts.
        allow_overfills=True,
    )
    return (
        vendor.LiveNode.builder("liveexec", vendor.TraderId(plan.trader_id), environment)
        .with_logging(vendor.LoggerConfig(stdout_level=level, is_colored=False, bypass_logging=level is None))
        .with_timeout_connection(plan.connect_timeout_s)
        .with_timeout_reconciliation(plan.connect_timeout_s)
        .with_timeout_portfolio(plan.connect_timeout_s)
        .with_delay_post_stop_secs(0)
        .with_risk_engine_config(vendor.LiveRiskEngineConfig(bypass=True, max_order_submit_rate=_ORDER_RATE))
        .with_exec_engine_config(engine)
    )
