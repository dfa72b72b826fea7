"""Frees memory and says what that did, read from the server: now, or after the job that holds it up."""

from __future__ import annotations

from dataclasses import dataclass

from comfy_tui.comfy.types import SystemStats
from comfy_tui.monitor.control import Control, used_ram_bytes, used_vram_bytes
from comfy_tui.monitor.state import Jobs, Notice
from comfy_tui.text import format_bytes

#: Less is noise.
_NOTICED_BYTES = 1024 * 1024
#: Less than this is always held by a driver and by CUDA itself.
_OUTSIDE_BYTES = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A request that the server acts on when a job has ended."""

    prompt_id: str
    before: SystemStats


class Freeing:
    """The requests to free memory of one session."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._waiting: _Waiting | None = None

    async def free(self, jobs: Jobs, *, unload_models: bool, free_memory: bool) -> str:
        """Ask for it; returns in words what became of it.

        Raises:
            ApiError, ReadOnlyError: it could not be asked for.
        """
        freed = await self._control.free(unload_models=unload_models, free_memory=free_memory)
        if freed.waits:
            running = next(iter(jobs.running), None)
            self._waiting = _Waiting(running.prompt_id if running else "", freed.before)
            return "The server will free memory when the running job ends; you will be told."
        return freed_words(freed.before, freed.after)

    def polled(self, jobs: Jobs, stats: SystemStats | None) -> Notice | None:
        """What a request that waited did, once its job has ended."""
        waiting = self._waiting
        if waiting is None or stats is None:
            return None
        if any(job.prompt_id == waiting.prompt_id or not waiting.prompt_id for job in jobs.running):
            return None
        self._waiting = None
        return Notice("Memory, after the job", freed_words(waiting.before, stats), kind="freed")


def freed_words(before: SystemStats, after: SystemStats) -> str:
    """What was freed and what is still held, as far as the server tells."""
    was, now = used_vram_bytes(before), used_vram_bytes(after)
    if was is None or now is None:
        return _change(used_ram_bytes(before), used_ram_bytes(after), "RAM") or "The server does not say."
    outside = outside_bytes(after)
    words = _change(was, now, "VRAM")
    if outside is not None and outside >= _OUTSIDE_BYTES:
        words += (
            f" {format_bytes(outside)} still held outside ComfyUI's models: by other programs, or the driver."
        )
    return words


def outside_bytes(stats: SystemStats) -> int | None:
    """GPU memory in use, and not by ComfyUI's PyTorch; None where a card does not tell.

    What PyTorch has reserved and does not use is free, as the server counts: only what it uses is taken off.
    """
    total = 0
    cards = [device for device in stats.devices if device.has_vram]
    for device in cards:
        if device.vram_used_bytes is None or device.torch_used_bytes is None:
            return None
        total += max(0, device.vram_used_bytes - device.torch_used_bytes)
    return total if cards else None


def _change(before: int | None, after: int | None, what: str) -> str:
    if before is None or after is None:
        return ""
    if before - after >= _NOTICED_BYTES:
        return f"{format_bytes(before - after)} {what} freed: {format_bytes(after)} in use now."
    return f"No {what} was freed: {format_bytes(after)} in use, as before."
