"""Queues several copies or workflows one after the other, and stops where one is not taken."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from comfy_tui.comfy.http import NotSent
from comfy_tui.comfy.rejection import describe_node_error
from comfy_tui.comfy.types import Submitted
from comfy_tui.errors import BadReply, ComfyError, ServerError, TimedOut, Unreachable
from comfy_tui.monitor.submit import Submission
from comfy_tui.text import count_of

_SHOWN_ERRORS = 6


@dataclass(frozen=True, slots=True)
class Outcome:
    """How queueing ended."""

    name: str
    asked: int
    accepted: int = 0
    #: What the server will leave out of those that it took.
    partly: tuple[str, ...] = ()
    error: ComfyError | None = None
    #: How many more wait to be sent, beside the one that could not be.
    kept: int = 0

    @property
    def title(self) -> str:
        """In a few words."""
        if self.error is None:
            return "Queued"
        return self.error.title if not self.accepted else "Queued in part"

    @property
    def severity(self) -> str:
        """As toasts have it."""
        if self.error is not None:
            return "error"
        return "warning" if self.partly else "information"

    @property
    def words(self) -> str:
        """What was queued, why it stopped, and which key helps."""
        lines = []
        if self.error is None:
            copies = f" ({count_of(self.accepted, 'copy', 'copies')})" if self.asked > 1 else ""
            lines.append(f"{self.name}{copies}. 3 shows the queue.")
        else:
            if self.asked > 1:
                lines.append(f"{self.name}: {self.accepted} of {self.asked} queued, then it stopped.")
            lines += _reason(self.error)
            if self.kept:
                lines.append(f"{count_of(self.kept, 'more', 'more')} wait there with it.")
        if self.partly:
            lines.append("Accepted in part; the server leaves out what needs:")
            lines += self.partly[:_SHOWN_ERRORS]
        return "\n".join(lines)


def _reason(error: ComfyError) -> list[str]:
    """The error, and what has become of the workflow."""
    lines = [error.message] if error.message else []
    if isinstance(error, NotSent):
        kept = "It was not sent. It waits in the queue (3): you are asked when the server is back."
        return [*lines, kept, "E exports it to a file."]
    if not isinstance(error, TimedOut | Unreachable | BadReply | ServerError):
        return [*lines, error.hint] if error.hint else lines
    kept = "Whether the server has it is not known. The queue (3) keeps it; it is not sent again by itself."
    return [*lines, kept]


async def queue_all(
    submissions: Iterable[Submission],
    asked: int,
    name: str,
    submit: Callable[[Submission], Awaitable[Submitted]],
    accepted: Callable[[Submission], None] = lambda submission: None,
    keep: Callable[[Submission, ComfyError], Awaitable[None]] | None = None,
) -> Outcome:
    """Submit one after the other; after the first that is not taken nothing is sent.

    Args:
        submissions: made one by one, so that a copy can follow from the one before; in a thread, for
            what is changed in a large workflow is written into it.
        asked: how many there are.
        name: what they are called together.
        submit: sends one.
        accepted: told of each that was taken.
        keep: where the server is not there, keeps the others, to be sent when it is back.
    """
    count = 0
    partly: dict[str, None] = {}
    made = iter(submissions)
    while (submission := await asyncio.to_thread(next, made, None)) is not None:
        try:
            sent = await submit(submission)
        except ComfyError as error:
            kept = 0
            if keep is not None and isinstance(error, NotSent):
                while (submission := await asyncio.to_thread(next, made, None)) is not None:
                    await keep(submission, error)
                    kept += 1
            return Outcome(name, asked, count, tuple(partly), error, kept)
        count += 1
        partly |= dict.fromkeys(describe_node_error(error) for error in sent.node_errors)
        accepted(submission)
    return Outcome(name, asked, count, tuple(partly))
