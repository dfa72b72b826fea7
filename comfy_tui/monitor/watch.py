"""Who is told what is about to be done to jobs, so that their absence is known as ours."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass

from comfy_tui.comfy.types import JobRecord


@dataclass(slots=True)
class Seen:
    """What was seen of jobs that were to be taken out; filled in by whoever does it."""

    #: Taken out of the queue; they never ran.
    taken_out: tuple[str, ...] = ()
    #: Nothing was done to them: they were not there, or run on.
    gone: tuple[str, ...] = ()


class Watch:
    """Nobody is told; see :class:`comfy_tui.monitor.register.Register`."""

    def taking_out(self, prompt_ids: Sequence[str]) -> AbstractAsyncContextManager[Seen]:
        """While these are cancelled."""
        return nullcontext(Seen())

    def moving(self, record: JobRecord) -> AbstractAsyncContextManager[None]:
        """While this one is taken out and put in again."""
        return nullcontext()
