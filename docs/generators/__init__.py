"""What the pages say that the code says too, written from the code when they are built, so that it can't go stale.

A page asks for it with a line ``<!-- generated: NAME -->``.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from generators.codes import error_classes, exit_codes, latch_codes, order_codes, rule_codes
from generators.commands import command_line
from generators.configuration import configuration_sections, paper_section
from generators.conformance import case_counts, case_sections, harness_table, script_table
from generators.decisions import decision_list
from generators.deribit import deribit_errors, deribit_section
from generators.hooks import hook_sections
from generators.metrics import metric_table
from generators.names import name_sections
from generators.order_states import order_events, status_grid, transition_table
from generators.results import result_tables
from generators.risk_rules import risk_rule_sections, risk_rule_table
from generators.tables import table_sections

__all__ = ["GENERATORS", "filled_in"]

GENERATORS: Final[Mapping[str, Callable[[], str]]] = MappingProxyType(
    {
        "command-line": command_line,
        "configuration-sections": configuration_sections,
        "conformance-cases": case_sections,
        "conformance-counts": case_counts,
        "conformance-harness": harness_table,
        "conformance-scripts": script_table,
        "decision-list": decision_list,
        "deribit-errors": deribit_errors,
        "deribit-section": deribit_section,
        "error-classes": error_classes,
        "exit-codes": exit_codes,
        "hook-sections": hook_sections,
        "latch-codes": latch_codes,
        "metric-table": metric_table,
        "name-sections": name_sections,
        "order-codes": order_codes,
        "order-events": order_events,
        "paper-section": paper_section,
        "result-tables": result_tables,
        "risk-rule-sections": risk_rule_sections,
        "risk-rule-table": risk_rule_table,
        "rule-codes": rule_codes,
        "status-grid": status_grid,
        "table-sections": table_sections,
        "transition-table": transition_table,
    }
)

_MARK: Final = re.compile(r"^<!-- generated: (\S+) -->$", re.MULTILINE)


def filled_in(page: str, source: str) -> str:
    """A page's source with everything in it that it asks for.

    Raises:
        LookupError: it asks for something that nobody writes.
    """

    def written(found: re.Match[str]) -> str:
        generator = GENERATORS.get(found.group(1))
        if generator is None:
            raise LookupError(f"{page}: nothing generates {found.group(1)!r}; there are {', '.join(GENERATORS)}")
        return generator()

    return _MARK.sub(written, source)
