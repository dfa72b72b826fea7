"""Who is told what is about to be done to jobs, so that their absence is known as ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

from comfy_tui.comfy.http import NotSent
from comfy_tui.comfy.types import JobRecord
from comfy_tui.errors import Refused


@dataclass(slots=True)
class Seen:
    """What was seen of jobs that were to be taken out; filled in by whoever does it."""

    #: The server may have been asked to stop these: where no answer came, nobody knows whether it does.
    asked: set[str] = field(default_factory=set)
    #: Taken out of the queue; they never ran.
    taken_out: tuple[str, ...] = ()
    #: They ran, and the server took the request to stop them.
    interrupted: tuple[str, ...] = ()
    #: Nothing was done to them: they were not there, or run on.
    gone: tuple[str, ...] = ()

    @contextmanager
    def asking(self, *prompt_ids: str) -> Iterator[None]:
        """While the server is asked; where that did surely not arrive, it was not asked."""
        new = set(prompt_ids) - self.asked
        self.asked |= new
        try:
            yield
        except (NotSent, Refused):
            self.asked -= new
            raise


class Watch:
    """Nobody is told; see :class:`comfy_tui.monitor.register.Register`."""

    def taking_out(self, prompt_ids: Sequence[str]) -> AbstractAsyncContextManager[Seen]:
        """While these are cancelled."""
        return nullcontext(Seen())

    def moving(self, record: JobRecord) -> AbstractAsyncContextManager[None]:
        """While this one is taken out and put in again."""
        return nullcontext()
