"""Loads what is seen and what comes next, a few at a time; what was passed is given up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from functools import partial
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Ahead(Generic[K]):
    """Runs a loader for the wanted things, the first of them first.

    Args:
        load: loads one thing; it takes care of its own errors.
        parallel: so many at a time.
    """

    def __init__(self, load: Callable[[K], Awaitable[None]], parallel: int = 3) -> None:
        self._load = load
        self._parallel = parallel
        self._waiting: list[K] = []
        self._running: dict[K, asyncio.Task[None]] = {}

    def want(self, things: Sequence[K]) -> None:
        """From now on these are wanted, and nothing else."""
        wanted = set(things)
        for thing, task in list(self._running.items()):
            if thing not in wanted:
                del self._running[thing]
                task.cancel()
        self._waiting = [thing for thing in dict.fromkeys(things) if thing not in self._running]
        self._start()

    @property
    def is_idle(self) -> bool:
        """Nothing is on its way."""
        return not self._running and not self._waiting

    def close(self) -> None:
        """Give up everything."""
        self.want(())

    def _start(self) -> None:
        while self._waiting and len(self._running) < self._parallel:
            thing = self._waiting.pop(0)
            task = asyncio.create_task(self._run(thing))
            self._running[thing] = task
            task.add_done_callback(partial(self._ended, thing))

    async def _run(self, thing: K) -> None:
        await self._load(thing)

    def _ended(self, thing: K, task: asyncio.Task[None]) -> None:
        if self._running.get(thing) is task:
            del self._running[thing]
        if not task.cancelled() and task.exception() is not None:
            # A mistake in the loader, not an error that it expected: it must not be lost.
            asyncio.get_running_loop().call_exception_handler(
                {"message": "loading ahead failed", "exception": task.exception(), "task": task}
            )
        self._start()
