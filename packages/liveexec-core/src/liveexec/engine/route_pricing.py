"""What an order would cost at a venue, all in: from the visible book where it takes, from its limit where it rests."""

from decimal import Decimal
from typing import Final

from liveexec.domain import money
from liveexec.domain.instrument import ContractKind, Listing
from liveexec.domain.market import Book, Level
from liveexec.domain.money import ONE, ZERO
from liveexec.domain.operation import Operation, OrderType
from liveexec.engine.routing import Candidate, RouteRequest

__all__ = ["all_in_price", "average_price", "needs_book", "price_candidate", "would_take"]

#: Operations that meet a counterparty at a price which a book shows.
_PRICED_BY_BOOK: Final = (Operation.TRADE, Operation.SWAP)


def needs_book(request: RouteRequest) -> bool:
    """Whether nothing can be said about the order's price without a book: it only ever takes."""
    return request.never_rests and request.operation in _PRICED_BY_BOOK


def would_take(request: RouteRequest, book: Book) -> bool:
    """Whether the order, as far as its limit allows, takes from this sane book on arrival."""
    if request.never_rests:
        return request.operation in _PRICED_BY_BOOK
    return request.order_type is OrderType.LIMIT and not request.post_only and crosses(request, book)


def crosses(request: RouteRequest, book: Book) -> bool:
    """Whether the limit reaches the best price that an order of this side takes from a sane book."""
    if request.limit_price is None:
        return True
    if request.sign > 0:
        return book.asks[0][0] <= request.limit_price
    return book.bids[0][0] >= request.limit_price


def price_candidate(request: RouteRequest, candidate: Candidate) -> None:
    """Fill in what the candidate's whole quantity would cost there, all in.

    An order that takes from the book pays the taker fee on everything, also on what would rest afterwards: the dearer
    assumption. One that rests is priced at its limit with the maker fee; a stop at its limit, else its trigger, with
    the taker fee. Operations on a single asset are priced in that asset itself: one.
    """
    listing, sign = candidate.listing, request.sign
    book = candidate.book
    if book is not None:
        candidate.fee_rate = listing.taker_fee
        average, candidate.shortfall = average_price(request, listing, book, candidate.quantity)
        touch = (book.asks if sign > 0 else book.bids)[0][0]
        # A limit that does not reach the touch is the price itself: nothing slips beyond it.
        price = touch if (average - touch) * sign >= 0 else average
    else:
        candidate.fee_rate = listing.taker_fee if _pays_taker_fee(request) else listing.maker_fee
        reference = _reference_price(request)
        if reference is None:
            return
        price = average = reference
    fee, penalty = average * candidate.fee_rate, average * candidate.latency_rate
    candidate.price, candidate.slippage = price, (average - price) * sign
    candidate.fee, candidate.latency_penalty = fee, penalty
    candidate.score = average + (fee + penalty) * sign


def all_in_price(request: RouteRequest, candidate: Candidate, quantity: Decimal) -> tuple[Decimal, Decimal]:
    """The average price of a part of the order at a candidate that it takes from, all in, and what is not visible."""
    assert candidate.book is not None
    average, shortfall = average_price(request, candidate.listing, candidate.book, quantity)
    return average + average * (candidate.fee_rate + candidate.latency_rate) * request.sign, shortfall


def average_price(request: RouteRequest, listing: Listing, book: Book, quantity: Decimal) -> tuple[Decimal, Decimal]:
    """The average price of taking ``quantity`` from the visible book, before costs, and what the book does not show.

    What is not visible within the limit counts at the limit. Without a limit its price is extrapolated: each further
    quantity as large as all that is visible moves the price on by what the visible side spans, plus the spread. All
    of the rest counts at the last of these prices, which is the dearer assumption; a seller gets at least one tick.

    Contracts that count quote currency (inverse) average by the underlying they stand for: the harmonic mean.
    Averages are rounded half-even to 18 places.
    """
    levels = book.asks if request.sign > 0 else book.bids
    first_price, first_quantity = levels[0]
    sign, limit = request.sign, request.limit_price
    if first_quantity >= quantity and (limit is None or (first_price - limit) * sign <= 0):
        return first_price, ZERO
    parts, left = [], quantity
    for price, available in levels:
        if left <= 0 or (limit is not None and (price - limit) * sign > 0):
            break
        part = min(left, available)
        parts.append((price, part))
        left -= part
    if left > 0:
        parts.append((limit if limit is not None else _extrapolated(book, sign, listing, left), left))
    return _average(parts, quantity, listing.terms.kind), left


def _extrapolated(book: Book, sign: int, listing: Listing, rest: Decimal) -> Decimal:
    levels = book.asks if sign > 0 else book.bids
    worst = levels[-1][0]
    visible = sum((quantity for _, quantity in levels), ZERO)
    spread = book.asks[0][0] - book.bids[0][0]
    step = (worst - levels[0][0]) * sign + spread
    return max(worst + money.divide(step * rest, visible) * sign, listing.ticks.bands[0].tick)


def _average(parts: list[Level], quantity: Decimal, kind: ContractKind) -> Decimal:
    if len(parts) == 1:
        return parts[0][0]
    total = ZERO
    if kind is ContractKind.INVERSE:
        for price, part in parts:
            total += money.divide(part, price)
        average = money.divide(quantity, total)
    else:
        for price, part in parts:
            total += price * part
        average = money.divide(total, quantity)
    # It is recorded with the route, and so are its products: without the zeros that a quotient ends in.
    whole = average.to_integral_value()
    return whole if whole == average else money.MONEY.normalize(average)


def _pays_taker_fee(request: RouteRequest) -> bool:
    return request.order_type is not OrderType.LIMIT and request.operation is not Operation.BET


def _reference_price(request: RouteRequest) -> Decimal | None:
    if request.limit_price is not None:
        return request.limit_price
    if request.order_type.has_trigger:
        return request.order.intent.trigger_price
    return None if request.operation in _PRICED_BY_BOOK else ONE
