"""The whole venue without a transport: sessions in, answers and notifications out."""

import asyncio
from collections import deque

import attrs

from liveexec_deribit.loopback.auth import Authority, Grant
from liveexec_deribit.loopback.clock import VenueClock
from liveexec_deribit.loopback.config import VenueConfig
from liveexec_deribit.loopback.credits import AccountCredits
from liveexec_deribit.loopback.errors import VenueError
from liveexec_deribit.loopback.exchange import Exchange
from liveexec_deribit.loopback.faults import MALFORMED, Faults, RequestFault, broken
from liveexec_deribit.loopback.feeds import Data
from liveexec_deribit.loopback.hub import Hub
from liveexec_deribit.loopback.methods import load
from liveexec_deribit.loopback.methods.registry import Context, Method, method_of
from liveexec_deribit.loopback.protocol import Envelope, Request, notification, parse
from liveexec_deribit.loopback.session import Session

#: How many requests the control can still see.
_REMEMBERED_REQUESTS = 100_000


@attrs.frozen
class Answer:
    """What a request is answered with. ``body`` is None where nothing is; ``code`` is the error's, 0 without one."""

    body: bytes | None
    code: int = 0
    delay_s: float = 0.0
    cut: bool = False
    notify_first: bool = False
    ends_session: bool = False


class Venue:
    """Markets, accounts, sessions and faults of one loopback venue.

    Everything runs in one event loop and nothing here awaits: a request is carried out whole before the next.
    """

    def __init__(self, config: VenueConfig | None = None, clock: VenueClock | None = None) -> None:
        load()
        self.config = VenueConfig() if config is None else config
        self.clock = VenueClock() if clock is None else clock
        self.faults = Faults()
        self.sessions: dict[int, Session] = {}
        self.hub = Hub(self._notify)
        self.exchange = Exchange(self.config, self.clock, self.hub.publish)
        self.authority = Authority(self.config, self.clock)
        self.credits = {account.user_id: AccountCredits(account.limits, self.clock) for account in self.config.accounts}
        self.requests: deque[tuple[int, str]] = deque(maxlen=_REMEMBERED_REQUESTS)
        self._envelope = Envelope(self.clock, self.config.testnet)
        self._held: dict[int, bytes] = {}

    def open(self, session: Session) -> None:
        """A client has connected."""
        self.sessions[session.session_id] = session

    def leave(self, session: Session) -> None:
        """A connection is over: its subscriptions end, and its orders if it asked for that."""
        session.is_closed = True
        self.sessions.pop(session.session_id, None)
        self._held.pop(session.session_id, None)
        self.hub.unsubscribe_all(session)
        if session.cancels_on_disconnect and not session.logged_out and session.user_id is not None:
            orders = self.exchange.account(session.user_id).open_orders()
            self.exchange.cancel(
                [order for order in orders if order.session_id == session.session_id], "cancel_on_disconnect"
            )

    def receive(self, session: Session, body: bytes | str) -> None:
        """Carry out a message of a WebSocket client, and answer it."""
        if session.is_silent or session.is_closed:
            return
        session.received += 1
        session.answering = []
        try:
            answer = self._parsed(session, body)
        finally:
            notifications, session.answering = session.answering, None
        if answer.notify_first:
            self._send_all(session, notifications)
        if answer.cut:
            session.close(abruptly=True)
        elif answer.body is not None and answer.delay_s:
            sent = answer.body
            asyncio.get_running_loop().call_later(answer.delay_s, lambda: session.send(sent))
        elif answer.body is not None:
            session.send(answer.body)
        if not answer.notify_first:
            self._send_all(session, notifications)
        if answer.ends_session:
            session.close(abruptly=False)

    def answer(self, session: Session, request: Request) -> Answer:
        """Carry out a request, with whatever fault is due, and make its answer."""
        received_us = self.clock.now_us()
        self.requests.append((session.session_id, request.method))
        fault = self.faults.of_request(request.method)
        if fault is not None and not fault.takes_effect:
            return self._faulty(fault, request, None, received_us)
        try:
            result = self.faults.widen(self._call(session, request))
            answer = Answer(self._envelope.result(request.request_id, result, received_us))
        except VenueError as error:
            answer = Answer(
                self._envelope.error(request.request_id, error, received_us),
                code=error.code,
                ends_session=error.message == "too_many_requests" and self._ends(session),
            )
        return answer if fault is None else self._faulty(fault, request, answer, received_us)

    def tick(self, interval: str) -> None:
        """An interval has ended: what is over at this time ends, and channels tell what they gathered."""
        self.exchange.expire()
        self.hub.flush(interval)

    def refuse(self, error: VenueError) -> bytes:
        """The answer to what was no request at all."""
        return self._envelope.error(None, error, self.clock.now_us())

    def _parsed(self, session: Session, body: bytes | str) -> Answer:
        try:
            request = parse(body)
        except VenueError as error:
            return Answer(self.refuse(error), code=error.code)
        return self.answer(session, request)

    def _call(self, session: Session, request: Request) -> object:
        method = method_of(request.method)
        if method.websocket_only and session.carrier != "websocket":
            raise VenueError("must_be_websocket_request")
        grant = self._grant(session, request, method)
        user_id = session.user_id if grant is None else grant.account.user_id
        if user_id is not None and not self.credits[user_id].take(request.method):
            raise VenueError("too_many_requests")
        if method.scope is not None:
            assert grant is not None
            if not grant.allows(method.scope):
                raise VenueError("forbidden", reason="scope", scope=method.scope)
        return method.handle(Context(self, session, request.params, grant))

    def _grant(self, session: Session, request: Request, method: Method) -> Grant | None:
        """Who asks; raises 13009 where a private method is asked for without a token that is good."""
        if request.access_token is not None:
            return self.authority.by_token(request.access_token, session.session_id)
        if not method.is_private:
            return session.grant
        if session.grant is None:
            raise VenueError("unauthorized", reason="unauthorized")
        if session.carrier == "websocket":  # an HTTP request's has just been looked at
            self.authority.require_fresh(session.grant)
        return session.grant

    def _ends(self, session: Session) -> bool:
        return session.user_id is not None and self.credits[session.user_id].ends_session

    def _faulty(self, fault: RequestFault, request: Request, answer: Answer | None, received_us: int) -> Answer:
        match fault.kind:
            case "drop":
                return Answer(None)
            case "cut":
                return Answer(None, cut=True)
            case "error":
                error = VenueError(fault.error)
                return Answer(self._envelope.error(request.request_id, error, received_us), code=error.code)
            case "malformed":
                return Answer(MALFORMED)
        assert answer is not None
        if fault.kind == "delay":
            return attrs.evolve(answer, delay_s=fault.delay_s)
        return attrs.evolve(answer, notify_first=True)

    def _notify(self, session: Session, channel: str, data: Data) -> None:
        data = self.faults.widen(data)
        fault = self.faults.of_notification(channel)
        message = notification(channel, data)
        overtaken = self._held.pop(session.session_id, None)
        if fault is None:
            session.notify(message)
        elif fault.kind == "duplicate":
            session.notify(message)
            session.notify(message)
        elif fault.kind == "swap":
            self._held[session.session_id] = message
        elif fault.kind == "delay":
            asyncio.get_running_loop().call_later(fault.delay_s, lambda: session.notify(message))
        elif fault.kind == "malformed":
            session.notify(broken({"method": "subscription", "params": {"channel": channel, "data": data}}))
        if overtaken is not None:
            session.notify(overtaken)

    @staticmethod
    def _send_all(session: Session, messages: list[bytes]) -> None:
        for message in messages:
            session.send(message)
