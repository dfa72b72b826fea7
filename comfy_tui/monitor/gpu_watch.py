"""Asks the driver now and then who holds graphics memory, where the server's machine is this one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from comfy_tui.comfy.reach import is_loopback
from comfy_tui.comfy.types import SystemStats
from comfy_tui.monitor.gpu import look
from comfy_tui.monitor.state import GpuUse
from comfy_tui.text import format_bytes

#: A tool of the driver takes half a second of CPU: it is run at most so often by itself.
PAUSE_S = 60.0
_NAMED = 3


class GpuWatch:
    """Who holds graphics memory beside one server.

    Args:
        url: the server's address; only a loopback one can be this machine.
        on_look: takes what was found, None where nobody tells.
    """

    def __init__(self, url: str, on_look: Callable[[GpuUse | None], None]) -> None:
        self._here = is_loopback(url)
        self._on_look = on_look
        self._next_s = 0.0
        self._task: asyncio.Task[GpuUse | None] | None = None

    async def close(self) -> None:
        """Ask no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def polled(self, stats: SystemStats) -> None:
        """Ask in the background, if it is time and the server has a card."""
        if not self._here or time.monotonic() < self._next_s or not _has_card(stats):
            return
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._look(stats))

    async def look_now(self, stats: SystemStats | None) -> GpuUse | None:
        """Ask at once, because something has been freed."""
        if not self._here or stats is None or not _has_card(stats):
            return None
        return await self._look(stats)

    async def _look(self, stats: SystemStats) -> GpuUse | None:
        self._next_s = time.monotonic() + PAUSE_S
        found = await look(stats.argv)
        self._on_look(found)
        return found


def _has_card(stats: SystemStats) -> bool:
    return any(device.has_vram for device in stats.devices)


def others_words(use: GpuUse | None) -> str:
    """The largest of the other programs, for the end of a sentence; empty where none is known."""
    if use is None or not use.others:
        return ""
    names = [
        f"{item.name or f'process {item.pid}'}"
        + (f" {format_bytes(item.used_bytes)}" if item.used_bytes is not None else "")
        for item in use.others[:_NAMED]
    ]
    more = f" and {len(use.others) - _NAMED} more" if len(use.others) > _NAMED else ""
    return f" Other programs on the card, by {use.source}: {', '.join(names)}{more}."
