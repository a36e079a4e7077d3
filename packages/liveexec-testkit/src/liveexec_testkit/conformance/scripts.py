"""What a venue can be made to do by a script: its faults, each a typed value.

A harness declares the kinds that it can script in :attr:`~liveexec_testkit.conformance.harness.VenueHarness.scripts`
and carries them out in :meth:`~liveexec_testkit.conformance.harness.VenueHarness.inject`. A case that needs one which
the harness can't script is skipped, and the report lists it with the reason.

Three sorts, by how long they last:

- :class:`RequestFault`: strikes the **next** request of its verb, once. Whether that request took effect at the venue
  is said by ``placed``, where both are possible.
- :class:`LastingFault`: holds from now until :meth:`~liveexec_testkit.conformance.harness.VenueHarness.heal`.
- :class:`Happening`: happens now, once, before ``inject`` returns.
"""

from decimal import Decimal
from enum import StrEnum

from attrs import frozen

from liveexec.domain.outcome import AssetKind

__all__ = [
    "BustFill",
    "CutConnection",
    "CutDuring",
    "CutPages",
    "DelayAnswer",
    "DuplicateReports",
    "EndInstrument",
    "ExpireToken",
    "FailInside",
    "ForgetFinished",
    "HalfOpen",
    "Happening",
    "HideNewOrders",
    "LastingFault",
    "LimitRate",
    "LoseAnswer",
    "LoseReports",
    "MalformedAnswer",
    "MalformedReport",
    "MoveAsset",
    "MoveAssetAs",
    "Refuse",
    "RefuseLogin",
    "ReorderReports",
    "RequestFault",
    "SkewClock",
    "UnknownFields",
    "VenueScript",
    "Verb",
]


class Verb(StrEnum):
    """Which request of the adapter a fault strikes: the method of the contract, whatever the venue calls it."""

    SUBMIT = "submit"
    CANCEL = "cancel"
    REPLACE = "replace"
    #: ``order(ref)``: what became of one order.
    QUERY = "query"
    #: ``open_orders`` and ``fills``.
    SNAPSHOT = "snapshot"


@frozen
class VenueScript:
    """Something that a venue is made to do."""


@frozen
class RequestFault(VenueScript):
    """Strikes the next request of a verb, once."""

    verb: Verb


@frozen
class LastingFault(VenueScript):
    """Holds until the harness heals."""


@frozen
class Happening(VenueScript):
    """Happens now, once."""


@frozen
class LoseAnswer(RequestFault):
    """The venue's answer never comes, while the connection stays up and its reports go on.

    With ``placed`` the request took effect and its reports come; without, it never arrived.
    """

    placed: bool


@frozen
class DelayAnswer(RequestFault):
    """The request takes effect at once and its reports come at once; its answer comes ``delay_s`` later.

    This is also how a report, a fill among them, overtakes the response to the request that caused it.
    """

    delay_s: float


@frozen
class Refuse(RequestFault):
    """The venue refuses the request in its own words, with one of its documented codes that prove that nothing was
    done (not enough margin, instrument closed, …). Which one is the harness's choice."""


@frozen
class FailInside(RequestFault):
    """The venue answers with an error that proves nothing: HTTP 5xx, an internal error, a time-out behind its gate.

    With ``placed`` the request took effect all the same.
    """

    placed: bool


@frozen
class LimitRate(RequestFault):
    """The venue answers that there were too many requests, as it does then. The request took no effect."""


@frozen
class MalformedAnswer(RequestFault):
    """The answer comes and can't be read: cut off JSON, a number that is none, a missing field. The request took
    effect (a query has no effect to take)."""


@frozen
class CutDuring(RequestFault):
    """The connection is cut between the request and its answer; connecting again is possible at once."""

    placed: bool


@frozen
class DuplicateReports(LastingFault):
    """Every report on the stream, orders and fills, comes twice."""


@frozen
class ReorderReports(LastingFault):
    """Reports come in another order than they happened: of what one request of anybody makes happen on the account,
    the last comes first. None is lost."""


@frozen
class LoseReports(LastingFault):
    """The stream stays up and looks healthy, and delivers no report of orders or fills. Asking tells the truth."""


@frozen
class UnknownFields(LastingFault):
    """Everything that the venue sends has fields more than were ever documented, as venues add them unannounced."""


@frozen
class HalfOpen(LastingFault):
    """The connection looks open and nothing arrives any more on either side. New connections can be made."""


@frozen
class SkewClock(LastingFault):
    """The venue's clock, in everything that it stamps and checks, is ``ahead_s`` seconds ahead; negative is behind."""

    ahead_s: float


@frozen
class HideNewOrders(LastingFault):
    """An order is in no answer to a query or snapshot for as long as the manifest's ``visibility_lag_ns`` says. It is
    traded all the same."""


@frozen
class CutPages(LastingFault):
    """Long answers (fills, open orders) come in pages of at most ``size`` items, as the venue pages when there are
    more than it gives at once."""

    size: int


@frozen
class CutConnection(Happening):
    """Every connection of the adapter is cut now; new ones are refused for ``refuse_for_s`` seconds."""

    refuse_for_s: float = 0.0


@frozen
class ExpireToken(Happening):
    """What the adapter's session was authorised with is no longer good; logging in again gives what is."""


@frozen
class RefuseLogin(LastingFault):
    """Logging in is refused with the venue's words for wrong credentials."""


@frozen
class MalformedReport(Happening):
    """A message of a kind that reports something, but that can't be read, comes on the stream of reports now."""


@frozen
class ForgetFinished(Happening):
    """The venue forgets every order of the account that has ended, as venues do after a while: asked about one, it
    says that it knows no such order. Fills stay."""


@frozen
class BustFill(Happening):
    """The venue takes the newest fill of an order of the account back that has ended, as erroneous."""


@frozen
class EndInstrument(Happening):
    """The harness's :attr:`~liveexec_testkit.conformance.harness.VenueHarness.ending` instrument ends now, at the price
    that stands there: what the account holds of it becomes money."""


@frozen
class MoveAsset(Happening):
    """An asset of the account moves without an order, in whatever way the venue has. ``amount`` is signed."""

    asset: str
    amount: Decimal


@frozen
class MoveAssetAs(Happening):
    """An asset of the account moves as the venue's own funding, settlement, withdrawal, … ``amount`` is signed."""

    asset: str
    amount: Decimal
    kind: AssetKind
