"""Deribit's configuration and its errors, from the package of its adapter."""

from typing import Final

from generators.configuration import adapter_section
from generators.markdown import code, table
from liveexec_deribit.config import DeribitAccount, DeribitSection
from liveexec_deribit.error_table import ERROR_TABLE, Proof

__all__ = ["deribit_errors", "deribit_section"]

_MEANINGS: Final = {
    Proof.REFUSED: "`Rejected`",
    Proof.UNKNOWN: "`Unknown`",
    Proof.REFUSED_IF_TIMED: "`Rejected` for orders and changes, `Unknown` for cancels",
}


def deribit_section() -> str:
    """The section of Deribit's accounts, and what an account is."""
    return adapter_section("DERIBIT", DeribitSection, {"accounts[]": DeribitAccount})


def deribit_errors() -> str:
    """Every code of the error table and what it proves."""
    rows = [
        (
            code(str(each.code)),
            code(each.name),
            _MEANINGS[each.proof] + (", and the session ends" if each.ends_session else ""),
            each.why,
        )
        for each in ERROR_TABLE.values()
    ]
    return table(("code", "message", "outcome", ""), rows)
