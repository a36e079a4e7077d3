"""What each of the venue's errors proves."""

import pytest

from liveexec.domain.outcome import Rejected, Unknown
from liveexec_deribit.error_table import ERROR_TABLE, Proof, ends_session, judged, meaning_of
from liveexec_deribit.wire import RpcError

#: code -> (refused with valid_until, refused without, ends the session)
JUDGED = {
    10000: (True, True, True),
    10001: (False, False, False),
    10004: (True, True, False),
    10009: (True, True, False),
    10010: (True, True, False),
    10028: (True, True, True),
    10040: (True, True, False),
    10041: (True, True, False),
    10043: (True, True, False),
    10047: (True, True, False),
    11029: (True, True, False),
    11030: (True, True, False),
    11031: (False, False, False),
    11044: (True, True, False),
    11051: (False, False, False),
    11054: (True, True, False),
    11094: (False, False, False),
    13004: (True, True, True),
    13008: (False, False, False),
    13009: (True, True, True),
    13021: (True, True, False),
    13028: (False, False, False),
    13888: (True, False, False),
    -32602: (True, True, False),
    # Codes that no document names.
    99_999: (False, False, False),
    0: (False, False, False),
}


@pytest.mark.parametrize(("code", "expected"), JUDGED.items())
def test_what_a_code_proves(code: int, expected: tuple[bool, bool, bool]) -> None:
    error = RpcError(code, "some_words")
    timed, untimed = judged(error, timed=True), judged(error, timed=False)
    assert (isinstance(timed, Rejected), isinstance(untimed, Rejected), ends_session(error)) == expected
    assert isinstance(timed, Rejected | Unknown)


def test_a_rejection_carries_the_venues_words() -> None:
    error = RpcError(-32602, "Invalid params", {"reason": "must be multiple of contract size", "param": "amount"})
    outcome = judged(error, timed=True)
    assert outcome == Rejected("-32602", "Invalid params: must be multiple of contract size")
    assert judged(RpcError(10009, ""), timed=True) == Rejected("10009", "not_enough_funds")
    assert judged(RpcError(11094, "internal_server_error"), timed=True) == Unknown("11094 internal_server_error")


def test_every_code_that_leaves_something_open_says_why() -> None:
    for meaning in ERROR_TABLE.values():
        assert meaning.name
        if meaning.proof is not Proof.REFUSED or meaning.ends_session:
            assert meaning.why
    assert meaning_of(12345).proof is Proof.UNKNOWN
