"""A socket held open for what a Manager tells only once (manager-and-models, section 2.3)."""

from __future__ import annotations

import asyncio
import contextlib

from comfy_tui.comfy.manager_queue import TaskEnd, read_news
from comfy_tui.comfy.socket import read_frames
from comfy_tui.config import ServerProfile
from comfy_tui.errors import ConfigError

#: So long an answer to the first connection is waited for.
_CONNECT_S = 10.0
_AGAIN_S = 1.0


class Ears:
    """Listens in the background from :meth:`open` to :meth:`close`, and connects again where it breaks.

    Args:
        profile: the server.
        client_id: of the socket.

    Attributes:
        ended: results of tasks so far, by their ``ui_id``.
        at: the task that the Manager is at.
        gap: whether something may have been missed.
    """

    def __init__(self, profile: ServerProfile, client_id: str) -> None:
        self._profile = profile
        self._client_id = client_id
        self._task: asyncio.Task[None] | None = None
        self._connected = asyncio.Event()
        self.ended: dict[str, TaskEnd] = {}
        self.at: str | None = None
        self.gap = False

    async def open(self) -> None:
        """Connect; without a connection after some seconds there is a gap, and no error."""
        self._task = asyncio.create_task(self._listen())
        try:
            await asyncio.wait_for(self._connected.wait(), _CONNECT_S)
        except TimeoutError:
            self.gap = True

    async def close(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _listen(self) -> None:
        from websockets.exceptions import WebSocketException

        while True:
            with contextlib.suppress(OSError, ConfigError, WebSocketException, TimeoutError, ValueError):
                await self._hear()
            self.gap = True
            await asyncio.sleep(_AGAIN_S)

    async def _hear(self) -> None:
        async with contextlib.aclosing(read_frames(self._profile, self._client_id)) as frames:
            async for frame in frames:
                self._connected.set()  # the server greets each socket: from here on nothing is missed
                news = read_news(frame)
                if news is not None:
                    self.ended.update(news.ended)
                    self.at = news.at
