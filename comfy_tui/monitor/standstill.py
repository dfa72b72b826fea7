"""Collects what speaks for a running job that does not get on: evidence, never a verdict.

A job may stand still because its worker has died (comfyui-api, section 5.8), or because it thinks: nobody
can tell from outside.  So only what was seen is said, and nothing is done about it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from comfy_tui.comfy.events import Event, LogLines, PromptEvent
from comfy_tui.monitor.state import Job, Jobs, Standstill

#: Memory that differs by less is unchanged: other programs breathe.
_SAME_BYTES = 4 * 1024 * 1024


class Signs:
    """The signs of life of the job that runs, with the time of the last of each kind.

    Args:
        patience_s: after so long without any sign there is something to say.
        cancel_patience_s: after so long without effect a request to cancel is told about.
        clock: the time in Unix seconds.
    """

    def __init__(
        self, *, patience_s: float, cancel_patience_s: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._patience_s, self._cancel_patience_s = patience_s, cancel_patience_s
        self._clock = clock
        self._prompt_id = ""
        self._step_s = 0.0
        self._log_s = 0.0
        self._vram: tuple[int, float] | None = None
        self._waiting: tuple[str, ...] = ()
        self._moved_s = 0.0
        self._asked: dict[str, float] = {}

    def take(self, event: Event) -> None:
        """Something came over the socket."""
        if isinstance(event, LogLines):
            self._log_s = self._clock()
        elif isinstance(event, PromptEvent) and event.prompt_id in ("", self._prompt_id):
            self._step_s = self._clock()

    def vram(self, used_bytes: int | None) -> None:
        """So much GPU memory is in use; None without a card."""
        if used_bytes is None:
            self._vram = None
        elif self._vram is None or abs(used_bytes - self._vram[0]) >= _SAME_BYTES:
            self._vram = (used_bytes, self._clock())

    def cancel_asked(self, prompt_ids: Iterable[str]) -> None:
        """The server was asked to interrupt these."""
        for prompt_id in prompt_ids:
            self._asked.setdefault(prompt_id, self._clock())

    def polled(self, jobs: Jobs, *, told: bool, hears_logs: bool) -> Standstill:
        """What there is to say after a look at the queue.

        Args:
            jobs: what the server said.
            told: whether the events of the running job come to us.
            hears_logs: whether the log comes to us.
        """
        now = self._clock()
        running: Job | None = next(iter(jobs.running), None)
        ids = {job.prompt_id for job in jobs.running}
        self._asked = {key: at_s for key, at_s in self._asked.items() if key in ids}
        if running is None:
            self._prompt_id = ""
            return Standstill()
        waiting = tuple(job.prompt_id for job in jobs.pending)
        if running.prompt_id != self._prompt_id:
            # What came before it began is no sign of it.
            self._prompt_id = running.prompt_id
            self._step_s = self._log_s = self._moved_s = now
            self._vram = None if self._vram is None else (self._vram[0], now)
        elif any(prompt_id not in waiting for prompt_id in self._waiting):
            self._moved_s = now
        self._waiting = waiting
        return self._said(running, now, told=told, hears_logs=hears_logs)

    def _said(self, job: Job, now: float, *, told: bool, hears_logs: bool) -> Standstill:
        known = [at_s for at_s, counts in ((self._step_s, told), (self._log_s, hears_logs)) if counts]
        if self._vram is not None:
            known.append(self._vram[1])
        # Memory alone is no evidence: it stays the same through every good run as well.
        quiet = (told or hears_logs) and all(now - at_s >= self._patience_s for at_s in known)
        asked_s = self._asked.get(job.prompt_id)
        late = asked_s is not None and now - asked_s >= self._cancel_patience_s
        if not quiet and asked_s is None:
            return Standstill()
        return Standstill(
            prompt_id=job.prompt_id,
            cancel_asked_s=asked_s,
            cancel_late=late,
            no_step_since_s=self._step_s if quiet and told else None,
            log_silent_since_s=self._log_s if quiet and hears_logs else None,
            vram_same_since_s=self._vram[1] if quiet and self._vram is not None else None,
            waiting=len(self._waiting) if quiet and now - self._moved_s >= self._patience_s else 0,
        )
