"""Questions to the venue by way of the node's process: one message there, one answer back, in time or not at all."""

import asyncio

from liveexec.errors import AdapterError
from liveexec_nautilus.live.process import LiveTradingNode
from liveexec_nautilus.live.protocol import Answer, Ask, FromChild

__all__ = ["Asking"]


class Asking:
    """What one venue is asked. ``venue`` is its name in errors, ``timeout_s`` how long an answer with all its pages may
    take."""

    def __init__(self, node: LiveTradingNode, client: str, venue: str, timeout_s: float) -> None:
        self._node, self._client, self._venue, self._timeout_s = node, client, venue, timeout_s

    async def ask(
        self,
        what: str,
        instrument: str | None = None,
        client_order_id: str | None = None,
        venue_order_id: str | None = None,
        since_ns: int = 0,
    ) -> Answer:
        """The venue's answer; ``what`` as in :class:`~liveexec_nautilus.live.protocol.Ask`.

        Raises:
            AdapterError: there is none.
        """
        ref = self._node.next_ref()
        future: asyncio.Future[FromChild] = asyncio.get_running_loop().create_future()
        message = Ask(ref, self._client, what, instrument, client_order_id, venue_order_id, since_ns)
        if not self._node.send(message, ref, future):
            raise AdapterError("the node's process is gone")
        try:
            async with asyncio.timeout(self._timeout_s):
                said = await future
        except TimeoutError:
            raise AdapterError(f"{self._venue} was asked for its {what}, and did not answer in time") from None
        finally:
            self._node.forget(ref)
        if not isinstance(said, Answer) or said.error is not None:
            reason = said.error if isinstance(said, Answer) else "the node did not take the question"
            raise AdapterError(f"{self._venue} was asked for its {what}: {reason}")
        return said
