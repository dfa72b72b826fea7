"""Do something every few seconds, sooner when poked, slower while it fails."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

#: The longest wait between two attempts while the server does not answer, in seconds.
MAX_BACKOFF_S = 60.0


class Poller:
    """Run ``tick`` now, then after every interval or poke; never two at once.

    ``tick`` returns whether it worked.  After a failure the wait doubles up to :data:`MAX_BACKOFF_S`;
    a poke ends any wait.
    """

    def __init__(self, tick: Callable[[], Awaitable[bool]], interval_s: float) -> None:
        self._tick = tick
        self.interval_s = interval_s
        self._poked = asyncio.Event()
        self._failures = 0
        self._paused = False
        self._at_most_s: float | None = None

    @property
    def paused(self) -> bool:
        """Whether only pokes lead to a tick."""
        return self._paused

    def pause(self, paused: bool) -> None:
        """Stop or go on; going on ticks at once."""
        self._paused = paused
        if not paused:
            self.poke()

    def poke(self) -> None:
        """Tick as soon as the running one is done."""
        self._poked.set()

    def hasten(self, at_most_s: float) -> None:
        """In a tick: the next one follows after so many seconds, once."""
        self._at_most_s = at_most_s

    def next_wait_s(self) -> float:
        """Seconds until the next attempt, as things stand after the last tick."""
        if not self._failures:
            return self.interval_s
        return float(
            min(max(MAX_BACKOFF_S, self.interval_s), self.interval_s * 2 ** min(self._failures - 1, 10))
        )

    def wait_after_failure_s(self) -> float:
        """Seconds until the next attempt if the running tick fails."""
        self._failures += 1
        try:
            return self.next_wait_s()
        finally:
            self._failures -= 1

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            self._poked.clear()
            started = time.monotonic()
            worked = await self._tick()
            self._failures = 0 if worked else self._failures + 1
            wait = max(0.0, self.next_wait_s() - (time.monotonic() - started if worked else 0.0))
            if worked and self._at_most_s is not None:
                wait = min(wait, self._at_most_s)
            self._at_most_s = None
            try:
                async with asyncio.timeout(None if self._paused else wait):
                    await self._poked.wait()
            except TimeoutError:
                continue
