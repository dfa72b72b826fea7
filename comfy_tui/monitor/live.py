"""Keeps the one socket to a server open, notices when it has gone deaf, and says how things stand.

Nothing depends on it: what it adds to polling is how far a job is, and that ends are known at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable, Hashable

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.events import Event, Greeted
from comfy_tui.comfy.socket import listen, socket_errors, trouble
from comfy_tui.errors import ComfyError
from comfy_tui.monitor.state import Source

#: The longest wait between two attempts.
MAX_WAIT_S = 60.0
#: A connection that lasted so long was a good one: the next attempt comes soon.
_GOOD_S = 30.0
#: How the library ends a connection whose other end does not answer its ping (internal error).
_PING_TIMEOUT = 1011


class Live:
    """One server's socket, from :meth:`run` until that is cancelled.

    Args:
        client: the server.
        on_event: takes each event, on the event loop; must be quick.
        on_change: takes how the progress of jobs is known now, and why not live where it is not.
        on_gap: events may have been missed: ask the server.
        reconnect_s: the wait before the next attempt, doubled while that fails.
        deaf_s: so long an event may be on its way.
    """

    def __init__(
        self,
        client: ComfyClient,
        *,
        on_event: Callable[[Event], None],
        on_change: Callable[[Source, str], None],
        on_gap: Callable[[], None],
        reconnect_s: float = 1.0,
        deaf_s: float = 2.0,
    ) -> None:
        self._client = client
        self._on_event, self._on_change, self._on_gap = on_event, on_change, on_gap
        self._reconnect_s, self._deaf_s = reconnect_s, deaf_s
        self.client_id = new_client_id()
        self.source = Source.CONNECTING
        #: Whether the server's log comes this way; None while that is not known.
        self.hears_logs: bool | None = None
        self._hearers: list[Callable[[Event], None]] = []
        self._deaf = asyncio.Event()
        self._hurry = asyncio.Event()
        self._count = 0
        #: The queue at the last poll, how many events there were by then, and since when it moved unheard.
        self._seen: Hashable = None
        self._counted = 0
        self._suspect_since_s: float | None = None

    async def run(self) -> None:
        """Listen until cancelled, and connect again whenever the connection ends."""
        failures = 0
        while True:
            began = time.monotonic()
            why = await self._listen_once()
            failures = 0 if time.monotonic() - began > _GOOD_S else failures + 1
            self.hears_logs, was_live = None, self.source is Source.LIVE
            self._set(Source.POLLING, why)
            if was_live:
                self._on_gap()
            self._hurry.clear()
            wait_s = min(MAX_WAIT_S, self._reconnect_s * 2.0 ** min(failures, 6))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), wait_s)

    def hurry(self) -> None:
        """The server answers again: connect now."""
        self._hurry.set()

    def hear(self, hearer: Callable[[Event], None]) -> Callable[[], None]:
        """Give each event to ``hearer``, too, as it comes; returns what ends that.

        :class:`Greeted` says that some may have been missed before it.
        """
        self._hearers.append(hearer)
        return lambda: self._hearers.remove(hearer)

    def polled(self, queue: Hashable) -> None:
        """Compare what HTTP says with what was heard; a queue that moves unheard shows a deaf socket.

        Every change of the queue is told to every socket (section 7.3). An event may be on its way while
        the answer is there already, and polls may follow each other at once: a later one decides.

        Args:
            queue: the ids that run and wait.
        """
        heard = self._count != self._counted
        moved = self._seen is not None and queue != self._seen
        self._seen, self._counted = queue, self._count
        if self.source is not Source.LIVE or heard:
            self._suspect_since_s = None
        elif self._suspect_since_s is None:
            self._suspect_since_s = time.monotonic() if moved else None
        elif time.monotonic() - self._suspect_since_s >= self._deaf_s:
            self._suspect_since_s = None
            self._deaf.set()

    async def _listen_once(self) -> str:
        """One connection; returns why it ended."""
        self._deaf.clear()
        self._suspect_since_s = None
        hearing = asyncio.create_task(self._hear())
        deaf = asyncio.create_task(self._deaf.wait())
        try:
            await asyncio.wait({hearing, deaf}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (hearing, deaf):
                task.cancel()
            [outcome, _] = await asyncio.gather(hearing, deaf, return_exceptions=True)
        if self._deaf.is_set():
            # The server dropped our id with an older connection's end (section 7.6).
            self.client_id = new_client_id()
            return "the socket had gone silent; it is made anew"
        if isinstance(outcome, BaseException) and not isinstance(outcome, Exception):
            return "the connection ended"
        if isinstance(outcome, Exception):
            if not isinstance(outcome, socket_errors()):
                raise outcome
            return self._why(outcome)
        return "the server ended the connection"

    async def _hear(self) -> None:
        subscribing: asyncio.Task[None] | None = None
        try:
            async with contextlib.aclosing(listen(self._client.profile, self.client_id)) as events:
                async for event in events:
                    self._count += 1
                    if isinstance(event, Greeted):
                        self._set(Source.LIVE, "")
                        self._on_gap()
                        subscribing = asyncio.create_task(self._subscribe())
                    self._on_event(event)
                    for hearer in tuple(self._hearers):
                        hearer(event)
        finally:
            if subscribing is not None:
                subscribing.cancel()
                await asyncio.gather(subscribing, return_exceptions=True)

    async def _subscribe(self) -> None:
        """Ask for the log, which goes only to those who did; without it nothing else is missing."""
        try:
            await self._client.subscribe_logs(self.client_id)
        except ComfyError:
            self.hears_logs = False
        else:
            self.hears_logs = True

    def _why(self, error: Exception) -> str:
        """Why there is no connection; an id that the other end may still hold is given up."""
        from websockets.exceptions import ConnectionClosed

        closed = error.sent if isinstance(error, ConnectionClosed) and error.rcvd is None else None
        if closed is not None and closed.code == _PING_TIMEOUT:
            # The server may drop us, too, with its end of that connection later.
            self.client_id = new_client_id()
            return "the socket did not answer any more"
        return trouble(error)

    def _set(self, source: Source, why: str) -> None:
        self.source = source
        self._on_change(source, why)


def new_client_id() -> str:
    """An id for our socket that nobody else has: another client's would blind that one (section 7.6)."""
    return f"comfy-tui-{uuid.uuid4().hex}"
