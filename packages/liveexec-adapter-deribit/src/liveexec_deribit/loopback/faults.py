"""What goes wrong on purpose: scripted faults of answers, notifications and connections."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Final, Literal, get_args

import attrs
from attrs.validators import in_

from liveexec_deribit.loopback.errors import CODES
from liveexec_deribit.loopback.protocol import encode

RequestFaultKind = Literal["drop", "delay", "error", "cut", "malformed", "notify_first"]
NotificationFaultKind = Literal["drop", "duplicate", "swap", "delay", "malformed"]

#: What a malformed message looks like: JSON that breaks off.
MALFORMED: Final = b'{"jsonrpc":"2.0","id":1,"result":{"order":{"order_id":'


@attrs.define(kw_only=True)
class RequestFault:
    """Something that befalls the next ``times`` requests whose method fits ``method`` (a glob); None: all of them.

    - ``drop``: no answer comes; ``carried_out`` says whether the request took effect.
    - ``delay``: the request takes effect at once, its answer comes ``delay_s`` later.
    - ``error``: ``error`` is answered, and the request is not carried out unless ``carried_out``.
    - ``cut``: the connection is dropped instead of an answer, before or (``carried_out``) after taking effect.
    - ``malformed``: the request is carried out, and the answer breaks off in the middle.
    - ``notify_first``: what the request brings to subscriptions comes before its answer.
    """

    kind: RequestFaultKind = attrs.field(validator=in_(get_args(RequestFaultKind)))
    method: str = "*"
    times: int | None = 1
    carried_out: bool = False
    delay_s: float = 0.0
    error: str = "internal_server_error"

    def __attrs_post_init__(self) -> None:
        if self.error not in CODES:
            raise ValueError(f"the venue has no error {self.error!r}")

    @property
    def takes_effect(self) -> bool:
        """Whether the request is carried out."""
        return self.carried_out or self.kind in {"delay", "malformed", "notify_first"}


@attrs.define(kw_only=True)
class NotificationFault:
    """Something that befalls the next ``times`` notifications whose channel fits ``channel`` (a glob).

    ``swap`` lets the next notification of that session overtake this one.
    """

    kind: NotificationFaultKind = attrs.field(validator=in_(get_args(NotificationFaultKind)))
    channel: str = "*"
    times: int | None = 1
    delay_s: float = 0.0


class Faults:
    """The faults that are due, oldest first, and fields that every object carries besides its own."""

    def __init__(self) -> None:
        self.requests: list[RequestFault] = []
        self.notifications: list[NotificationFault] = []
        self.extra_fields: Mapping[str, object] = {}

    def add(self, fault: RequestFault | NotificationFault) -> None:
        """Script a fault."""
        if isinstance(fault, RequestFault):
            self.requests.append(fault)
        else:
            self.notifications.append(fault)

    def clear(self) -> None:
        """Forget all of them."""
        self.requests.clear()
        self.notifications.clear()
        self.extra_fields = {}

    def of_request(self, method: str) -> RequestFault | None:
        """What befalls this request, if anything; a fault with all its times used is gone."""
        for fault in self.requests:
            if fnmatchcase(method, fault.method):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self.requests.remove(fault)
                return fault
        return None

    def of_notification(self, channel: str) -> NotificationFault | None:
        """What befalls this notification, if anything."""
        for fault in self.notifications:
            if fnmatchcase(channel, fault.channel):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self.notifications.remove(fault)
                return fault
        return None

    def widen(self, content: object) -> object:
        """The content with the extra fields in every object, or as it is when there are none."""
        if not self.extra_fields:
            return content
        return _widened(content, self.extra_fields)


def _widened(content: object, extra: Mapping[str, object]) -> object:
    if isinstance(content, dict):
        return {name: _widened(value, extra) for name, value in content.items()} | dict(extra)
    if isinstance(content, list):
        return [_widened(value, extra) for value in content]
    return content


def broken(message: object) -> bytes:
    """A message that breaks off two thirds through."""
    whole = encode(message)
    return whole[: len(whole) * 2 // 3]
