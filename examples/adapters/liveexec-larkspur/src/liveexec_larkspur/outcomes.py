"""Which of Larkspur's refusals prove that nothing was done (PROTOCOL.md, "Errors").

The table is short on purpose: a code that is not in it proves nothing, however final it sounds.
"""

from typing import Final

from liveexec.domain.outcome import Rejected, SendOutcome, Unknown
from liveexec.errors import AdapterError

__all__ = ["PROOFS", "UNKNOWN_ORDER", "NoAnswer", "Refused", "outcome_of"]

UNKNOWN_ORDER: Final = "UNKNOWN_ORDER"

#: Codes that the protocol documents as "refused before anything was done". DUPLICATE_CLIENT_ID is none of them: it
#: says that an order of this id is there, which is the opposite of a refusal. Nor is INTERNAL.
PROOFS: Final = frozenset(
    {
        "BAD_PRICE",
        "BAD_QUANTITY",
        "BAD_REQUEST",
        "BAD_SIGNATURE",
        "EXPIRED_REQUEST",
        "INSUFFICIENT_FUNDS",
        "MARKET_CLOSED",
        "ORDER_ENDED",
        "POST_ONLY_WOULD_TAKE",
        "STALE_REQUEST",
        "TOO_MANY_REQUESTS",
        "UNKNOWN_KEY",
        "UNKNOWN_SYMBOL",
        UNKNOWN_ORDER,
    }
)


class Refused(AdapterError):
    """The venue refused, with a code of its own."""

    def __init__(self, status: int, code: str, message: str, forgotten_until_us: int | None = None) -> None:
        super().__init__(f"Larkspur refused with {code} (HTTP {status}): {message}")
        self.status, self.code, self.message = status, code, message
        self.forgotten_until_us = forgotten_until_us

    @property
    def is_proof(self) -> bool:
        """Whether nothing was done. A code beside a status of 5xx is a gate's word, not the matching engine's."""
        return self.code in PROOFS and 400 <= self.status < 500


class NoAnswer(AdapterError):
    """No answer came, or none that can be read: the request may have been carried out or not."""


def outcome_of(refused: Refused) -> SendOutcome:
    """What a refusal proves."""
    if refused.is_proof:
        return Rejected(refused.code, refused.message)
    return Unknown(str(refused))
