"""HTTP as the venue takes it: GET and POST of ``/api/v2/METHOD``, and JSON-RPC posted to ``/api/v2``.

Authentication: ``Authorization: bearer TOKEN``, ``basic`` with client id and secret, or ``deri-hmac-sha256``, which
signs timestamp, nonce, HTTP method, path with query, and body.
"""

import base64
import binascii
import re
from collections.abc import Callable
from typing import Final

from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from liveexec_deribit.loopback.auth import Grant
from liveexec_deribit.loopback.errors import CODES, VenueError
from liveexec_deribit.loopback.protocol import Request, parse, request_of
from liveexec_deribit.loopback.session import Session
from liveexec_deribit.loopback.venue import Answer, Venue

#: Drops the TCP connection of a client's address.
Drop = Callable[[tuple[str, int] | None], None]

_BAD_REQUEST, _UNAUTHORIZED, _TOO_MANY = 400, 401, 429
_STATUS: Final = {
    CODES["unauthorized"]: _UNAUTHORIZED,
    CODES["invalid_credentials"]: _UNAUTHORIZED,
    CODES["authorization_required"]: _UNAUTHORIZED,
    CODES["too_many_requests"]: _TOO_MANY,
}
_FIELD: Final = re.compile(r"(\w+)=([^,]*)")


async def answer_http(venue: Venue, http: HttpRequest, drop: Drop) -> tuple[Response | None, float]:
    """Answer one HTTP request; the response is None where the connection was dropped, and due so many seconds later."""
    body = await http.body()
    session = Session(carrier="http", deliver=_nowhere, end=lambda _: None)
    try:
        request = _request(http, body)
        session.grant = _grant(venue, http, body, session)
    except VenueError as error:
        return _response(Answer(venue.refuse(error), code=error.code)), 0.0
    answer = venue.answer(session, request)
    if answer.body is None:
        drop(None if http.client is None else (http.client.host, http.client.port))
        return None, 0.0
    return _response(answer), answer.delay_s


def _nowhere(_: bytes) -> None:
    """Notifications have nowhere to go over HTTP."""


def _request(http: HttpRequest, body: bytes) -> Request:
    name = http.path_params.get("method", "")
    if http.method == "GET":
        return request_of(name, dict(http.query_params), None)
    if not body:
        return request_of(name, dict(http.query_params), None)
    if not name:
        return parse(body)
    # A path and a JSON-RPC body: the body's own method wins, as it is what is signed.
    return parse(body if b'"method"' in body else b'{"method":"%s","params":%s}' % (name.encode(), body))


def _grant(venue: Venue, http: HttpRequest, body: bytes, session: Session) -> Grant | None:
    header = http.headers.get("authorization", "")
    scheme, _, rest = header.partition(" ")
    authority = venue.authority
    match scheme.lower():
        case "":
            return None
        case "bearer":
            return authority.by_token(rest.strip(), session.session_id)
        case "basic":
            client_id, secret = _basic(rest)
            return authority.passing(authority.by_secret(client_id, secret))
        case "deri-hmac-sha256":
            fields = dict(_FIELD.findall(rest))
            if not fields.get("ts", "").isdigit() or "id" not in fields or "sig" not in fields:
                raise VenueError("bad_request")
            path = http.url.path + (f"?{http.url.query}" if http.url.query else "")
            stamp, nonce = fields["ts"], fields.get("nonce", "")
            signed = f"{stamp}\n{nonce}\n{http.method}\n{path}\n{body.decode()}\n"
            return authority.passing(authority.by_signature(fields["id"], int(stamp), fields["sig"], signed))
    raise VenueError("bad_request")


def _basic(encoded: str) -> tuple[str, str]:
    try:
        client_id, _, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise VenueError("bad_request") from None
    return client_id, secret


def _response(answer: Answer) -> Response:
    status = 200 if not answer.code else _STATUS.get(answer.code, _BAD_REQUEST)
    return Response(answer.body, status_code=status, media_type="application/json")
