"""The same control over HTTP, under ``/loopback/``, for a venue in another process.

Every path takes a JSON object by POST and answers ``{"result": …}``, or ``{"error": …}`` with 400 or 404: ``rest`` and
``take`` (symbol, side, quantity, price), ``clear_book`` (symbol), ``print_trade`` (symbol, side, price, quantity),
``mark`` (symbol, price), ``move_asset`` (user_id, asset, amount, kind), ``fault`` (fields of a request's fault),
``stream_fault``, ``clear_faults``, ``refuse_sessions`` (times), ``cut`` and ``silence`` (session_id, path, silent),
``send`` (text, session_id, path), ``expire_credentials``, ``clock`` (offset_ms), ``truth``, ``sessions``, ``requests``.
Prices and quantities are strings or numbers, sides ``BUY`` and ``SELL``.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from liveexec.domain.operation import Side
from liveexec.domain.outcome import AssetKind
from liveexec.errors import LiveExecError
from liveexec_nautilus.loopback.shared.control import Control
from liveexec_nautilus.loopback.shared.faults import RequestFault, StreamFault
from liveexec_nautilus.loopback.shared.orders import Order

__all__ = ["answer_control"]

_OBJECT: Final = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
_BAD_REQUEST, _NOT_FOUND = 400, 404

Act = Callable[[Control, Mapping[str, Any]], object]


def _price(asked: Mapping[str, Any]) -> Decimal | None:
    return None if asked.get("price") is None else Decimal(asked["price"])


def _seconds(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {name: float(value) if name == "delay_s" else value for name, value in asked.items()}


def _shown(order: Order) -> dict[str, object]:
    return {"number": order.number, "status": order.status, "filled": str(order.filled)}


_ACTS: Final[Mapping[str, Act]] = {
    "rest": lambda c, a: _shown(
        c.rest(a["symbol"], Side(a["side"]), Decimal(a["price"]), Decimal(a["quantity"])),
    ),
    "take": lambda c, a: _shown(c.take(a["symbol"], Side(a["side"]), Decimal(a["quantity"]), _price(a))),
    "clear_book": lambda c, a: c.clear_book(a["symbol"]),
    "print_trade": lambda c, a: c.print_trade(
        a["symbol"], Side(a["side"]), Decimal(a["price"]), Decimal(a["quantity"])
    ),
    "mark": lambda c, a: c.set_mark(a["symbol"], _price(a)),
    "move_asset": lambda c, a: c.move_asset(
        int(a["user_id"]), a["asset"], Decimal(a["amount"]), AssetKind(a.get("kind", "DEPOSIT"))
    ),
    "fault": lambda c, a: c.fault(RequestFault(**_seconds(a))),
    "stream_fault": lambda c, a: c.fault(StreamFault(**_seconds(a))),
    "clear_faults": lambda c, _: c.clear_faults(),
    "refuse_sessions": lambda c, a: c.refuse_sessions(a["times"]),
    "cut": lambda c, a: c.cut(a.get("session_id"), path=a.get("path", "")),
    "silence": lambda c, a: c.silence(a.get("session_id"), path=a.get("path", ""), silent=bool(a.get("silent", True))),
    "send": lambda c, a: c.send(str(a["text"]), a.get("session_id"), path=a.get("path", "")),
    "expire_credentials": lambda c, _: c.expire_credentials(),
    "clock": lambda c, a: c.skew_clock(int(a["offset_ms"])),
    "truth": lambda c, _: c.truth(),
    "sessions": lambda c, _: [
        {
            "session_id": session.session_id,
            "path": session.path,
            "user_id": session.user_id,
            "topics": list(session.topics),
            "received": session.received,
            "sent": session.sent,
        }
        for session in c.sessions()
    ],
    "requests": lambda c, _: [
        {"session_id": each.session_id, "operation": each.operation, "parameters": each.parameters}
        for each in c.venue.requests
    ],
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
        return _response({"error": f"{missing} is missing or not known here"}, _BAD_REQUEST)
    except (ArithmeticError, TypeError, ValueError, LiveExecError) as error:
        return _response({"error": str(error)}, _BAD_REQUEST)
    return _response({"result": done}, 200)


def _response(content: object, status: int) -> Response:
    return Response(msgspec.json.encode(content), status_code=status, media_type="application/json")
