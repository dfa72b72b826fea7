"""The memory at the last polls, with their times: what it was when something failed."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from comfy_tui.comfy.types import SystemStats

#: Two hours at one poll every five seconds.
_POINTS = 1_500
_SAME_LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class MemoryPoint:
    """One look at the memory of the server's cards together; of the RAM where it has none."""

    at_s: float
    used_bytes: int
    total_bytes: int
    is_vram: bool


@dataclass(frozen=True, slots=True)
class MemoryThen:
    """The memory around a moment.

    ``last`` is the last look before it, ``peak`` the largest one while the job ran; None where there was no
    look.
    """

    last: MemoryPoint | None
    peak: MemoryPoint | None
    at_s: float


class MemoryLog:
    """Keeps the looks, bounded."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._points: deque[MemoryPoint] = deque(maxlen=_POINTS)
        self._clock = clock

    def add(self, stats: SystemStats, at_s: float) -> None:
        """Keep a look."""
        point = _point(stats, at_s)
        if point is not None and (not self._points or self._points[-1].at_s < at_s):
            self._points.append(point)

    def at(self, ended_at_s: float, started_at_s: float | None) -> MemoryThen | None:
        """The memory when a job was seen to have ended; None where nothing was seen while it ran."""
        since = started_at_s if started_at_s is not None else ended_at_s - 60
        # The look that came with the news of the end is one of after the end.
        seen = [point for point in self._points if point.at_s < ended_at_s - _SAME_LOOK_S]
        last = seen[-1] if seen and seen[-1].at_s >= since - 30 else None
        running = [point for point in seen if point.at_s >= since]
        peak = max(running, key=lambda point: point.used_bytes) if running else None
        return MemoryThen(last, peak, ended_at_s) if last is not None or peak is not None else None


def _point(stats: SystemStats, at_s: float) -> MemoryPoint | None:
    cards = [device for device in stats.devices if device.has_vram and device.vram_used_bytes is not None]
    if cards:
        used = sum(device.vram_used_bytes or 0 for device in cards)
        return MemoryPoint(at_s, used, sum(device.vram_total_bytes or 0 for device in cards), True)
    if stats.ram_total_bytes and stats.ram_free_bytes is not None:
        return MemoryPoint(at_s, stats.ram_total_bytes - stats.ram_free_bytes, stats.ram_total_bytes, False)
    return None
