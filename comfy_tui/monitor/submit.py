"""Sends workflows so that each is queued once: never twice, never lost.

Every prompt carries an id of ours.  When no answer comes, the server is asked whether it has that id;
what stays unknown is kept in the journal until it turns up or a person decides.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.http import NotSent
from comfy_tui.comfy.types import Submitted
from comfy_tui.errors import ApiError, BadReply, ComfyError, Refused, ServerError, TimedOut, Unreachable
from comfy_tui.monitor.jobs import EXTRA_KEY
from comfy_tui.monitor.journal import Fate, Journal, JournalJob
from comfy_tui.monitor.journal.document import to_send
from comfy_tui.monitor.journal.row import Asked
from comfy_tui.monitor.journal.shelf import Shelf, evidence_of

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
    """Submits prompts to one server; each is in the journal before it is sent, until its fate is known.

    Args:
        client: the server.
        client_id: the id of our socket, for private events.
        install_id: marks the jobs of this person's consoles.
        shelf: the server's part of the journal; without one, it lasts as long as this run.
        on_sending: is told of each before it is sent.
        on_accepted: is told of each that the server took.
        look_delays_s: waits before each look for a submission without an answer; :data:`LOOK_DELAYS_S`.
        keeps: whether what was surely not sent is offered again; else whoever submits deals with it.
    """

    def __init__(
        self,
        client: ComfyClient,
        *,
        client_id: Callable[[], str],
        install_id: str,
        shelf: Shelf | None = None,
        on_sending: Callable[[Submission], None] = lambda submission: None,
        on_accepted: Callable[[str], None] = lambda prompt_id: None,
        look_delays_s: Sequence[float] | None = None,
        keeps: bool = True,
    ) -> None:
        self._client = client
        self._client_id = client_id
        self._install_id = install_id
        self._shelf = shelf or Shelf(Journal(None), client.profile.url)
        self._on_sending = on_sending
        self._on_accepted = on_accepted
        self._look_delays_s = LOOK_DELAYS_S if look_delays_s is None else look_delays_s
        self._keeps = keeps
        #: What the journal does not keep of submissions of this run: keys for paid nodes, the place.
        self._submissions: dict[str, Submission] = {}

    async def submit(self, submission: Submission) -> Submitted:
        """Queue a prompt.

        Raises:
            PromptRejected: the server said no.
            ApiError: its fate is unknown, or it was not sent; the journal keeps it then.
        """
        if not self._client.readonly:  # else nothing is sent
            self._submissions[submission.prompt_id] = submission
            await self._shelf.put(self.asked(submission))
        return await self._send(submission)

    async def _send(self, submission: Submission) -> Submitted:
        """Send what is in the journal as being sent, and write there what became of it."""
        prompt_id = submission.prompt_id
        self._on_sending(submission)
        try:
            sent = await self._client.submit(
                submission.prompt,
                prompt_id=prompt_id,
                client_id=submission.client_id or self._client_id(),
                extra_data=self._extra_data(submission),
                front=submission.front,
            )
        except NotSent as error:
            self._shelf.post_settle(
                prompt_id, Fate.UNSENT if self._keeps else Fate.REFUSED, evidence=evidence_of(error)
            )
            raise
        except (TimedOut, Unreachable, BadReply, ServerError) as error:
            if not await self._is_known(prompt_id):
                self._shelf.post_settle(prompt_id, Fate.UNKNOWN, evidence=evidence_of(error))
                raise
            sent = Submitted(prompt_id, None, ())
        except ComfyError as error:
            self._submissions.pop(prompt_id, None)
            self._shelf.post_settle(prompt_id, Fate.REFUSED, evidence=evidence_of(error))
            raise
        except asyncio.CancelledError:
            words = "Interrupted\nthe console stopped waiting for the answer"
            self._shelf.post_settle(prompt_id, Fate.UNKNOWN, evidence=words)
            raise
        self._submissions.pop(prompt_id, None)
        self._shelf.post_settle(prompt_id, Fate.PENDING, number=sent.number)
        self._on_accepted(prompt_id)
        return sent

    async def keep(self, submission: Submission, error: ComfyError) -> None:
        """Keep a submission that must not be lost, to be sent when a person says so."""
        self._submissions[submission.prompt_id] = submission
        sure = isinstance(error, Refused | NotSent)
        await self._shelf.put(
            self.asked(submission), Fate.UNSENT if sure else Fate.UNKNOWN, evidence=evidence_of(error)
        )

    def asked(self, submission: Submission) -> Asked:
        """A submission as the journal keeps it."""
        extra = self._extra_data(submission)
        return Asked(submission.prompt_id, submission.name, submission.prompt, extra, submission.client_id)

    def _extra_data(self, submission: Submission) -> Mapping[str, Any]:
        if submission.extra_data is not None:
            return submission.extra_data
        extra: dict[str, Any] = {EXTRA_KEY: {"name": submission.name, "install": self._install_id}}
        if submission.workflow is not None:
            extra["extra_pnginfo"] = {"workflow": submission.workflow}
        return extra

    async def _is_known(self, prompt_id: str) -> bool:
        """Look in the queue and the history, several times."""
        for delay in self._look_delays_s:
            await asyncio.sleep(delay)
            try:
                if await self._is_there(prompt_id):
                    return True
            except ApiError:
                continue
        return False

    async def _is_there(self, prompt_id: str) -> bool:
        queue = await self._client.queue()
        if any(record.prompt_id == prompt_id for record in (*queue.running, *queue.pending)):
            return True
        # In this order: a job that ends between the two questions is in the history.
        return await self._client.history_entry(prompt_id) is not None

    # -- what is kept --------------------------------------------------------------------------

    async def send_again(self, prompt_id: str) -> Submitted | None:
        """Look once more for an unconfirmed submission, and send it if the server does not have it.

        Returns None where it does not wait any more, or another console has it under way.

        Raises:
            ApiError: the server cannot be asked, or submitting failed again; it stays kept.
        """
        before = await self._shelf.claim(prompt_id, (Fate.UNKNOWN, Fate.UNSENT))
        if before is None:
            return None
        try:
            there = await self._is_there(prompt_id)
        except BaseException:
            await self._shelf.release(before)
            raise
        if there:
            self._shelf.post_settle(prompt_id, Fate.PENDING)
            self._on_accepted(prompt_id)
            return Submitted(prompt_id, None, ())
        return await self.send_claimed(before)

    async def send_claimed(self, job: JournalJob) -> Submitted:
        """Send a job that was claimed in the journal.

        Raises:
            ApiError: as :meth:`submit`.
            ComfyError: the journal does not have its prompt.
        """
        kept = self._submissions.get(job.prompt_id)
        if kept is None and job.prompt is None:
            await self._shelf.release(job)
            raise ComfyError("It cannot be sent", f"the journal does not have the prompt of {job.title}")
        submission = kept or Submission(
            job.prompt or {}, job.title, prompt_id=job.prompt_id, extra_data=to_send(job.extra_data)
        )
        return await self._send(submission)

    async def discard(self, prompt_id: str) -> None:
        """Forget an unconfirmed submission."""
        self._submissions.pop(prompt_id, None)
        await self._shelf.dismiss([prompt_id])
