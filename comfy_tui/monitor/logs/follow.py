"""Keeps a :class:`LogBook` up to date: by the socket where it hears the log, else by asking."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from comfy_tui.comfy.events import Event, LogLines
from comfy_tui.errors import ApiError, ConfigError
from comfy_tui.monitor.logs.book import LogBook
from comfy_tui.monitor.state import Problem

if TYPE_CHECKING:
    from comfy_tui.monitor.session import Session

#: Seconds between two questions where the socket does not bring the log; each is some 40 kB.
POLL_S = 3.0
#: Where it does, one question after so long finds what a gap of the socket lost.
_LIVE_POLL_S = 60.0


class LogFollower:
    """Follows the log of one server while somebody looks.

    Args:
        session: the server.
        on_change: is called when the book or the problem has changed.
        clock: the time in Unix seconds.
    """

    def __init__(
        self, session: Session, on_change: Callable[[], None], *, clock: Callable[[], float] = time.time
    ) -> None:
        self.book = LogBook()
        self.problem: Problem | None = None
        #: When the log was last read or heard, in Unix seconds.
        self.read_at_s: float | None = None
        self._session = session
        self._on_change = on_change
        self._clock = clock
        self._poke = asyncio.Event()

    @property
    def is_live(self) -> bool:
        """Whether lines come as they are written."""
        return bool(self._session.live.hears_logs)

    def poke(self) -> None:
        """Ask now."""
        self._poke.set()

    async def run(self) -> None:
        """Follow until cancelled; what was read stays for the next time."""
        remove = self._session.live.hear(self._hear)
        try:
            while True:
                before = self._hearing
                await self._ask()
                await self._wait(before)
        finally:
            remove()

    @property
    def _hearing(self) -> tuple[bool, int]:
        return self.is_live, self._session.gaps

    async def _wait(self, before: tuple[bool, int]) -> None:
        """Until it is time to ask again, or the socket may have missed something."""
        self._poke.clear()
        left = _LIVE_POLL_S if self.is_live and self.problem is None else POLL_S
        while left > 0 and self._hearing == before:
            try:
                await asyncio.wait_for(self._poke.wait(), min(left, 1.0))
                return
            except TimeoutError:
                left -= 1.0

    async def _ask(self) -> None:
        try:
            entries = await self._session.client.log_entries()
        except (ApiError, ConfigError) as error:
            self.problem = Problem.of(error)
        else:
            self.problem = None
            self.read_at_s = self._clock()
            self.book.take_whole(entries)
        self._on_change()

    def _hear(self, event: Event) -> None:
        if isinstance(event, LogLines):
            self.book.take_live(event.entries)
            self.read_at_s = self._clock()
            self._on_change()
