"""The same control over HTTP, under ``/loopback/``, for a venue in another process.

Every path takes a JSON object by POST and answers one: ``rest`` and ``take`` (instrument, direction, amount, price),
``clear_book`` (instrument), ``index`` (index, price), ``mark`` (instrument, price), ``active`` (instrument, is_active),
``locked`` (index, is_locked), ``deliver`` (instrument, index), ``settle``, ``funding`` (instrument, rate), ``move``
(user_id, currency, amount, kind), ``fault`` (fields of a request's fault), ``notification_fault``, ``extra_fields``,
``clear_faults``, ``cut`` (session_id, after_messages), ``silence`` (session_id, silent), ``send`` (text, session_id),
``expire_tokens`` (refresh_too), ``drain_credits`` (user_id, matching, for_s), ``clock`` (offset_ms), ``truth``,
``sessions`` and ``requests``.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from liveexec_deribit.loopback.control import Control
from liveexec_deribit.loopback.errors import VenueError
from liveexec_deribit.loopback.faults import NotificationFault, RequestFault
from liveexec_deribit.loopback.protocol import encode

_OBJECT = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
_BAD_REQUEST, _NOT_FOUND = 400, 404

Act = Callable[[Control, Mapping[str, Any]], object]


def _price(asked: Mapping[str, Any]) -> Decimal | None:
    return None if asked.get("price") is None else Decimal(asked["price"])


def _fault(control: Control, fault: RequestFault | NotificationFault) -> None:
    control.fault(fault)


def _seconds(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {name: float(value) if name == "delay_s" else value for name, value in asked.items()}


_ACTS: Mapping[str, Act] = {
    "rest": lambda c, a: c.rest(a["instrument"], a["direction"], Decimal(a["price"]), Decimal(a["amount"])).wire(),
    "take": lambda c, a: c.take(a["instrument"], a["direction"], Decimal(a["amount"]), _price(a)).wire(),
    "clear_book": lambda c, a: c.clear_book(a["instrument"]),
    "index": lambda c, a: c.set_index(a["index"], Decimal(a["price"])),
    "mark": lambda c, a: c.set_mark(a["instrument"], _price(a)),
    "active": lambda c, a: c.set_active(a["instrument"], is_active=bool(a["is_active"])),
    "locked": lambda c, a: c.set_locked(a["index"], is_locked=bool(a["is_locked"])),
    "deliver": lambda c, a: c.deliver(a["instrument"], None if a.get("index") is None else Decimal(a["index"])),
    "settle": lambda c, _: c.settle(),
    "funding": lambda c, a: c.pay_funding(a["instrument"], Decimal(a["rate"])),
    "move": lambda c, a: c.move(int(a["user_id"]), a["currency"], Decimal(a["amount"]), a.get("kind")),
    "fault": lambda c, a: _fault(c, RequestFault(**_seconds(a))),
    "notification_fault": lambda c, a: _fault(c, NotificationFault(**_seconds(a))),
    "extra_fields": lambda c, a: c.extra_fields(a),
    "clear_faults": lambda c, _: c.clear_faults(),
    "cut": lambda c, a: c.cut(a.get("session_id"), after_messages=a.get("after_messages")),
    "silence": lambda c, a: c.silence(a.get("session_id"), silent=bool(a.get("silent", True))),
    "send": lambda c, a: c.send(str(a["text"]).encode(), a.get("session_id")),
    "expire_tokens": lambda c, a: c.expire_tokens(refresh_too=bool(a.get("refresh_too", False))),
    "drain_credits": lambda c, a: c.drain_credits(
        int(a["user_id"]), matching=bool(a.get("matching", True)), for_s=float(a.get("for_s", 60))
    ),
    "clock": lambda c, a: c.skew_clock(int(a["offset_ms"])),
    "truth": lambda c, _: c.truth(),
    "sessions": lambda c, _: [
        {
            "session_id": session.session_id,
            "user_id": session.user_id,
            "channels": c.venue.hub.of(session),
            "received": session.received,
            "sent": session.sent,
        }
        for session in c.sessions()
    ],
    "requests": lambda c, _: [method for _, method in c.venue.requests],
}


async def answer_control(control: Control, request: Request) -> Response:
    """Carry out one act; 400 with a reason for what it does not fit, 404 for one that there is not."""
    act = _ACTS.get(request.path_params["act"])
    if act is None:
        return _response({"error": f"there are {', '.join(sorted(_ACTS))}"}, _NOT_FOUND)
    body = await request.body()
    try:
        done = act(control, _OBJECT.decode(body) if body else {})
    except KeyError as missing:
        return _response({"error": f"{missing} is missing"}, _BAD_REQUEST)
    except (ArithmeticError, TypeError, ValueError, VenueError) as error:
        return _response({"error": str(error)}, _BAD_REQUEST)
    return _response({"result": done}, 200)


def _response(content: object, status: int) -> Response:
    return Response(encode(content), status_code=status, media_type="application/json")
