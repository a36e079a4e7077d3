"""Client ids: a pure function of the order, in the venue's alphabet, never for two."""

import re

from liveexec.runtime.order_ids import new_order_id
from liveexec_testkit.conformance.case import CaseGroup, case
from liveexec_testkit.conformance.needs import CLIENT_ID_RULE
from liveexec_testkit.conformance.scripts import Verb
from liveexec_testkit.conformance.trial import Trial

__all__ = ["ClientIdCases"]

_MANY = 300


class ClientIdCases(CaseGroup):
    """What an order will be called is fixed before anything is sent, and is never given to another."""

    subject = "Client ids"

    @case(
        92,
        "The same order gets the same name again",
        proves="Asked twice, and of a new adapter as after a restart, the same order and attempt have the same client "
        "id: what was recorded before a crash is what the venue knows after it.",
        needs=(CLIENT_ID_RULE,),
    )
    async def test_lx092_pure(self, trial: Trial) -> None:
        line, again = await trial.line(), await trial.line()
        for attempt in (1, 2, 7):
            order = line.order()
            names = {(await each.plan(order, attempt)).client_order_id for each in (line, line, again)}
            assert len(names) == 1, f"one order and attempt has the names {names}"

    @case(
        93,
        "No two orders get the same name",
        proves=f"{_MANY} orders of three attempts each, made in one moment by two adapters, have as many client ids.",
    )
    async def test_lx093_distinct(self, trial: Trial) -> None:
        line, again = await trial.line(), await trial.line()
        order = line.order()
        names = []
        for number in range(_MANY):
            order.order_id = new_order_id(trial.venue.clock)
            names += [
                (await (again if number % 2 else line).plan(order, attempt)).client_order_id for attempt in (1, 2, 3)
            ]
        assert len(set(names)) == len(names), "client ids are reused"

    @case(
        94,
        "Names are of the length that the manifest declares",
        proves="Client ids are no longer than max_length, not even of the hundredth attempt, and hold no character "
        "but letters, digits and the separator; lower case where that is declared.",
        needs=(CLIENT_ID_RULE,),
    )
    async def test_lx094_alphabet(self, trial: Trial) -> None:
        line = await trial.line()
        rule = line.adapter.manifest.client_id
        assert rule is not None
        allowed = re.compile(rf"[A-Za-z0-9{re.escape(rule.separator)}{re.escape(rule.prefix)}]+")
        for attempt in (1, 2, 99, 100):
            name = (await line.plan(line.order(), attempt)).client_order_id
            assert len(name) <= rule.max_length, f"{name} has {len(name)} characters, {rule.max_length} are declared"
            assert allowed.fullmatch(name), f"{name} has characters that are not declared"
            assert not rule.lower_case or name == name.lower(), f"{name} is not in lower case"

    @case(
        95,
        "The venue gets the name that was fixed",
        proves="Orders are at the venue under exactly the client ids of their plans, and under no other's: what was "
        "recorded before the send is what can be asked for after it.",
    )
    async def test_lx095_as_planned(self, trial: Trial) -> None:
        line = await trial.line()
        placed = [await line.place(line.order(ticks=-20 - number)) for number in range(5)]
        for each in placed:
            true = [one for one in await trial.venue.orders() if one.venue_order_id == each.venue_order_id]
            assert [one.client_order_id for one in true] == [each.plan.client_order_id]

    @case(
        96,
        "One submit is one request",
        proves="Ten orders are ten requests at the venue and ten orders there: nothing is split, repeated or held "
        "back.",
    )
    async def test_lx096_one_request(self, trial: Trial) -> None:
        line = await trial.line()
        for number in range(10):
            await line.place(line.order(ticks=-20 - number))
        assert await trial.venue.received(Verb.SUBMIT) == 10
        assert len(await trial.venue.orders()) == 10
