"""A refusal is a rejection only where the protocol says that nothing was done."""

import re
from pathlib import Path

import pytest

from larkspur_loopback.exchange import Refusal
from larkspur_loopback.harness import LarkspurHarness
from liveexec.domain.ids import ClientOrderId
from liveexec.domain.outcome import Absent, NotKnown, OrderRef, Rejected, Unknown
from liveexec_larkspur.outcomes import PROOFS, Refused, outcome_of

PROTOCOL = Path(__file__).parents[1] / "PROTOCOL.md"


def test_the_table_of_proofs_is_that_of_the_protocol() -> None:
    rows = re.findall(r"^\| (`[A-Z_`, ]+) \| (\d\w\w) \| (.*) \|$", PROTOCOL.read_text(encoding="utf-8"), re.MULTILINE)
    documented = {
        code
        for codes, _, meaning in rows
        for code in re.findall(r"`([A-Z_]+)`", codes)
        if meaning.endswith("nothing was done") or code == "UNKNOWN_ORDER"
    }
    assert documented == PROOFS


@pytest.mark.parametrize("code", sorted(PROOFS))
def test_a_proof_is_a_rejection_in_the_venues_words(code: str) -> None:
    assert outcome_of(Refused(409, code, "no")) == Rejected(code, "no")


@pytest.mark.parametrize(
    ("status", "code"), [(409, "DUPLICATE_CLIENT_ID"), (500, "INTERNAL"), (400, "NEW_CODE"), (503, "BAD_PRICE")]
)
def test_anything_else_proves_nothing(status: int, code: str) -> None:
    assert isinstance(outcome_of(Refused(status, code, "no")), Unknown)


@pytest.mark.anyio
@pytest.mark.parametrize(("status", "told"), [(404, Absent), (503, NotKnown)])
async def test_an_absence_is_the_matching_engines_word(
    status: int, told: type[Absent | NotKnown], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with LarkspurHarness() as venue:

        def find(*_: object, **__: object) -> None:
            raise Refusal(status, "UNKNOWN_ORDER", "there is no such order")

        monkeypatch.setattr(venue._exchange, "find", find)
        adapter = venue.adapter()
        await adapter.connect()
        try:
            ref = OrderRef(venue.account_id, venue.instruments[0].instrument_id, ClientOrderId("lx1"), None)
            assert isinstance(await adapter.order(ref), told)
        finally:
            await adapter.disconnect()
