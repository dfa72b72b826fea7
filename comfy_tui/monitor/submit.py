"""Sends workflows so that each is queued once: never twice, never lost.

Every prompt carries an id of ours.  When no answer comes, the server is asked whether it has that id;
what stays unknown is kept as :class:`~comfy_tui.monitor.state.Unsent` until it turns up or a person decides.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.http import NotSent
from comfy_tui.comfy.types import Submitted
from comfy_tui.errors import ApiError, BadReply, ComfyError, Refused, ServerError, TimedOut, Unreachable
from comfy_tui.monitor.jobs import EXTRA_KEY
from comfy_tui.monitor.state import Jobs, Problem, Unsent

#: Waits before each look for a submission whose answer did not come, in seconds.
LOOK_DELAYS_S = (0.0, 1.0, 3.0)


@dataclass(frozen=True, slots=True)
class Submission:
    """A prompt to queue, with what travels beside it."""

    prompt: Mapping[str, Any]
    name: str
    #: The editor's workflow, so that results open in the browser.
    workflow: Mapping[str, Any] | None = None
    front: bool = False
    prompt_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    #: Of an earlier submission that is sent again as it was.
    extra_data: Mapping[str, Any] | None = None
    client_id: str | None = None


class Outbox:
    """Submits prompts to one server and keeps those that no answer confirmed.

    Args:
        client: the server.
        client_id: the id of our socket, for private events.
        install_id: marks the jobs of this person's consoles.
        look_delays_s: waits before each look for a submission without an answer; :data:`LOOK_DELAYS_S`.
    """

    def __init__(
        self,
        client: ComfyClient,
        *,
        client_id: Callable[[], str],
        install_id: str,
        look_delays_s: Sequence[float] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._client_id = client_id
        self._install_id = install_id
        self._look_delays_s = LOOK_DELAYS_S if look_delays_s is None else look_delays_s
        self._clock = clock
        self._unsent: dict[str, tuple[Unsent, Submission]] = {}

    @property
    def unsent(self) -> tuple[Unsent, ...]:
        """The submissions without a known fate, oldest first."""
        return tuple(entry for entry, _ in self._unsent.values())

    async def submit(self, submission: Submission) -> Submitted:
        """Queue a prompt.

        Raises:
            PromptRejected: the server said no.
            ApiError: its fate is unknown, or it was not sent; it is kept in :attr:`unsent` then.
        """
        try:
            sent = await self._client.submit(
                submission.prompt,
                prompt_id=submission.prompt_id,
                client_id=submission.client_id or self._client_id(),
                extra_data=self._extra_data(submission),
                front=submission.front,
            )
        except NotSent as error:
            self._keep(submission, error, surely_unsent=True)
            raise
        except (TimedOut, Unreachable, BadReply, ServerError) as error:
            if not await self._is_known(submission.prompt_id):
                self._keep(submission, error, surely_unsent=False)
                raise
            sent = Submitted(submission.prompt_id, None, ())
        except asyncio.CancelledError:
            reason = ComfyError("Interrupted", "the console stopped waiting for the answer", "")
            self._keep(submission, reason, surely_unsent=False)
            raise
        self._unsent.pop(submission.prompt_id, None)
        return sent

    def keep(self, submission: Submission, error: ComfyError) -> None:
        """Keep a submission that must not be lost; one that is kept already stays as it is."""
        if submission.prompt_id not in self._unsent:
            self._keep(submission, error, surely_unsent=isinstance(error, Refused))

    def _extra_data(self, submission: Submission) -> Mapping[str, Any]:
        if submission.extra_data is not None:
            return submission.extra_data
        extra: dict[str, Any] = {EXTRA_KEY: {"name": submission.name, "install": self._install_id}}
        if submission.workflow is not None:
            extra["extra_pnginfo"] = {"workflow": submission.workflow}
        return extra

    def _keep(self, submission: Submission, error: ComfyError, *, surely_unsent: bool) -> None:
        entry = Unsent(submission.prompt_id, submission.name, Problem.of(error), surely_unsent, self._clock())
        self._unsent[submission.prompt_id] = (entry, submission)

    async def _is_known(self, prompt_id: str) -> bool:
        """Look in the queue and the history."""
        for delay in self._look_delays_s:
            await asyncio.sleep(delay)
            try:
                queue = await self._client.queue()
                if any(record.prompt_id == prompt_id for record in (*queue.running, *queue.pending)):
                    return True
                # In this order: a job that ends between the two questions is in the history.
                if await self._client.history_entry(prompt_id) is not None:
                    return True
            except ApiError:
                continue
        return False

    def reconcile(self, jobs: Jobs) -> tuple[Unsent, ...]:
        """Drop the submissions that turned up after all; returns them."""
        found = tuple(entry for entry in self.unsent if jobs.find(entry.prompt_id) is not None)
        for entry in found:
            del self._unsent[entry.prompt_id]
        return found

    async def send_again(self, prompt_id: str) -> Submitted | None:
        """Look once more for an unconfirmed submission, and send it if the server does not have it.

        Returns None where it is not in :attr:`unsent` any more.

        Raises:
            ApiError: the server cannot be asked, or submitting failed again; it stays kept.
        """
        kept = self._unsent.get(prompt_id)
        if kept is None:
            return None
        queue = await self._client.queue()
        waiting = any(record.prompt_id == prompt_id for record in (*queue.running, *queue.pending))
        if waiting or await self._client.history_entry(prompt_id) is not None:
            self._unsent.pop(prompt_id, None)
            return Submitted(prompt_id, None, ())
        try:
            return await self.submit(kept[1])
        except ApiError:
            self._unsent.setdefault(prompt_id, kept)
            raise

    def discard(self, prompt_id: str) -> None:
        """Forget an unconfirmed submission."""
        self._unsent.pop(prompt_id, None)
