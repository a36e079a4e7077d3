"""Rows as nobody wants them: texts that steer terminals, spreadsheets and browsers, and numbers at the ends of what the
tables can hold. The rest of each row is as in ``presented_rows``."""

from decimal import Decimal
from typing import Any, Final

from attrs import evolve

from liveexec.domain import account_event as acc
from liveexec.domain import order_event as ev
from liveexec.domain.ids import AccountId
from liveexec.domain.order_state import OrderStatus
from liveexec.domain.outcome import AssetKind
from liveexec.domain.result import ExecutionResult
from liveexec.domain.stored import ShardStatus
from liveexec.presentation.views.comparisons import Comparison
from liveexec.presentation.views.database import DatabaseFacts
from liveexec.presentation.views.log import LoggedEvent
from liveexec.presentation.views.plugins import PluginRow
from support import presented_rows as rows
from support.presented_rows import ALPHA, AT_NS, SECOND_NS, Row

#: Clears the screen, sets the title, and goes back over the line.
STEERING: Final = "a\x1b[2Jb\x1b]0;title\x07c\rd\x9b31me\x00"
#: What spreadsheets run, beside quotes and separators.
FORMULA: Final = '=HYPERLINK("http://x","y"),\t@SUM(1;2)'
MARKUP: Final = "<script>alert('1')</script>&amp;\"><b>"
#: Wide characters, a combining one, one that joins two, and one that turns the reading direction around.
FOREIGN: Final = "漢字 e\u0301 👩\u200d🚀 \u202egnp.exe"
LINES: Final = "first\nsecond\r\nthird\u2028fourth\\n"
LONG: Final = "a venue may answer with more words than any terminal has columns, " * 2 + "and end without a stop"
TEXTS: Final = (STEERING, FORMULA, MARKUP, FOREIGN, LINES, LONG)

TINY: Final = Decimal("0.000000000000000001")
HUGE: Final = Decimal("99999999999999999999.999999999999999999")
# Negated by hand: the default context would round what has more digits than it keeps.
AMOUNTS: Final = (TINY, TINY.copy_negate(), HUGE, HUGE.copy_negate(), Decimal("-0E-18"), Decimal("1E+15"))


def order_rows() -> list[Row]:
    """One order for each text, in all of its columns; the last one has nothing that it may lack."""
    made = [
        rows.order_row(
            operation_id=text,
            strategy_id=text,
            asset=text,
            source_token=text,
            target_token=text,
            selection=text,
            exec_algorithm=text,
            exec_algorithm_params={text: text},
            flags={text: text, "post_only": True},
            venue=text,
            account_id=text,
            client_order_id=text,
            venue_order_id=text,
            rejection_reason=text,
            error_message=text,
            principal=text,
            metadata={"note": text, "nested": [text, None]},
            quantity=amount,
            price=amount,
            trigger_price=amount,
            odds=amount,
            filled_quantity=amount,
            filled_cost=amount,
            average_price=amount,
        )
        for text, amount in zip(TEXTS, AMOUNTS, strict=True)
    ]
    optional = ("canonical_id", "product_id", "side", "price", "average_price", "venue", "account_id")
    ids = ("client_order_id", "venue_order_id", "principal", "attempt")
    return [*made, rows.order_row(**dict.fromkeys((*optional, *ids), None))]


def child_rows() -> list[Row]:
    return [
        row | {"parent_order_id": rows.PARENT, "ordinal": number}
        for number, row in enumerate(reversed(order_rows()), start=1)
    ]


def fill_rows() -> list[Row]:
    return [
        rows.fill_row(
            account_id=text,
            strategy_id=text,
            venue=text,
            fee_asset=text,
            liquidity=text,
            fill_key=text,
            quantity=amount,
            price=amount,
            fee=amount,
            busted=number % 2 == 0,
        )
        for number, (text, amount) in enumerate(zip(TEXTS, AMOUNTS, strict=True))
    ] + [rows.fill_row(canonical_id=None, liquidity=None, venue_time=None)]


def position_rows() -> list[Row]:
    return [
        rows.position_row(
            account_id=text,
            strategy_id=text,
            venue=text,
            settlement_asset=text,
            fees={text: str(amount)},
            quantity=amount,
            cost=amount,
            average_price=amount,
            realized_pnl=amount,
            unrealized_pnl=amount,
            current_price=amount,
        )
        for text, amount in zip(TEXTS, AMOUNTS, strict=True)
    ]


def product_rows() -> list[Row]:
    (usual,) = rows.product_rows()
    part = usual["venue_positions"]["PAPER-BETA"]
    return [
        usual
        | {
            "product_id": text,
            "settlement_asset": text,
            "quantity": amount,
            "cost": amount,
            "realized_pnl": amount,
            "unrealized_pnl": amount,
            "venue_positions": {text: dict.fromkeys(part, str(amount)), "PAPER-BETA": part},
        }
        for text, amount in zip(TEXTS, AMOUNTS, strict=True)
    ]


def asset_rows() -> list[Row]:
    return [
        {"account_id": text, "asset": text, "amount": amount, "updated_at": AT_NS}
        for text, amount in zip(TEXTS, AMOUNTS, strict=True)
    ]


def routed() -> ev.Routed:
    usual = rows.routed()
    candidates = tuple(
        ev.RouteCandidate(ALPHA, AccountId(text), amount, amount, amount, amount, amount, text)
        for text, amount in zip(TEXTS, AMOUNTS, strict=True)
    )
    return evolve(usual, policy=STEERING, candidates=(*candidates, *usual.candidates))


def logged() -> list[LoggedEvent]:
    """A refusal, an answer and a movement with each text; what caused them is text as well."""
    events: list[Any] = []
    for text, amount in zip(TEXTS, AMOUNTS, strict=True):
        events += [
            ev.VenueRejected(text, text, None),
            ev.RiskRefused(ev.RiskStage.PARENT, text, text, (ev.RuleRefusal(text, text),)),
            ev.FillApplied(rows.make_fill(quantity=abs(amount), price=amount, fee=amount, fee_asset=text)),
            acc.AssetMoved(AccountId(text), text, amount, AssetKind.FUNDING, text, AT_NS),
        ]
    return [
        LoggedEvent(TEXTS[number % len(TEXTS)], number, AT_NS + number * SECOND_NS, TEXTS[-1 - number % 3], event)
        for number, event in enumerate(events, start=1)
    ]


def comparisons() -> list[Comparison]:
    pairs = zip(TEXTS, AMOUNTS, reversed(AMOUNTS), strict=True)
    return [Comparison(text, text, text, ours, theirs, ALPHA) for text, ours, theirs in pairs] + [
        Comparison("asset", "PAPER-ALPHA-1", "USDT", None, None)
    ]


def database_facts() -> DatabaseFacts:
    return DatabaseFacts(STEERING + LONG, 0, MARKUP, TEXTS, FORMULA, FOREIGN)


def shard_statuses() -> list[ShardStatus]:
    most = 2**63 - 1
    return [ShardStatus(text, most, text, AT_NS, most, most, -1) for text in TEXTS]


def difference_rows() -> list[Row]:
    keys = ("shard", "table", "key", "column", "journal", "stored")
    return [dict.fromkeys(keys, text) for text in TEXTS] + [dict.fromkeys(keys)]


def audit_rows() -> list[Row]:
    common = {"shard": LONG, "recorded_at": AT_NS, "previous_hash": bytes(32), "hash": b"\xff" * 32}
    return [
        common
        | dict.fromkeys(("principal", "action", "subject", "reason"), text)
        | {"sequence": 2**62 - number, "position": None, "details": {text: text}}
        for number, text in enumerate(TEXTS)
    ]


def audit_findings() -> list[Row]:
    return [
        {"shard": text, "sequence": None, "position": 2**62, "problem": "changed", "detail": text} for text in TEXTS
    ]


def left_open_rows() -> list[Row]:
    keys = ("what", "account_id", "instrument_id", "order")
    return [dict.fromkeys(keys, text) for text in TEXTS] + [dict.fromkeys(keys)]


def plugin_rows() -> list[PluginRow]:
    return [PluginRow(text, text, text, text, text) for text in TEXTS] + [PluginRow(LONG, "", None, "", None)]


def status_row() -> Row:
    return rows.status_row() | {
        "shard": STEERING,
        "pid": 2**63,
        "mode": MARKUP,
        "trading": FORMULA,
        "journal": FOREIGN,
        "position": None,
        "behind": -1,
        "venues": LINES,
        "error": LONG,
    }


def venue_rows() -> list[Row]:
    (usual, _) = rows.venue_rows()
    texts = ("venue", "account_id", "session", "phase", "error")
    return [usual | dict.fromkeys(texts, text) for text in TEXTS] + [dict.fromkeys(usual)]


def risk_document() -> Row:
    amounts = ("net", "working_buys", "working_sells")
    return {
        "held": [dict.fromkeys(("scope", "what", "by", "reason"), text) for text in (*TEXTS, None)],
        "exposure": [
            {"product_id": text, "orders": 2**63, **dict.fromkeys(amounts, str(amount))}
            for text, amount in zip(TEXTS, AMOUNTS, strict=True)
        ],
    }


def execution_result() -> ExecutionResult:
    return rows.execution_result(
        status=OrderStatus.REJECTED,
        filled_quantity=TINY,
        average_price=HUGE.copy_negate(),
        rejection_reason=STEERING + FORMULA,
        message=MARKUP + FOREIGN + LINES + LONG,
        fills=(),
        repeated=True,
    )
