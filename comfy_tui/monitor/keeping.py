"""What a person does with jobs that the journal keeps: hold and resume, queue lost ones again, put away."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.http import NotSent
from comfy_tui.errors import ApiError, ComfyError, Refused
from comfy_tui.monitor.journal.row import Fate, JournalJob
from comfy_tui.monitor.journal.shelf import Shelf
from comfy_tui.monitor.register import Register, asked_of
from comfy_tui.monitor.submit import Outbox, Submission


@dataclass(frozen=True, slots=True)
class Held:
    """What became of a wish to hold: ids."""

    held: tuple[str, ...] = ()
    #: They ran or had ended by then, and go on.
    went_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Queued:
    """What became of kept jobs that were to be queued: ids of the kept ones."""

    queued: tuple[str, ...] = ()
    #: Another console was first, or they wait no more.
    taken: tuple[str, ...] = ()
    error: ComfyError | None = None
    left: int = 0


class Keeping:
    """The kept jobs of one server.

    Args:
        client: the server.
        shelf: its part of the journal.
        outbox: sends.
        register: knows what is kept.
    """

    def __init__(self, client: ComfyClient, shelf: Shelf, outbox: Outbox, register: Register) -> None:
        self._client = client
        self._shelf = shelf
        self._outbox = outbox
        self._ledger = register

    # -- hold and resume -----------------------------------------------------------------------

    async def hold(self, prompt_ids: Iterable[str]) -> Held:
        """Take waiting jobs off the server into the journal, where they are written first.

        Raises:
            ComfyError: the journal cannot be written: nothing is taken off then.
            ApiError: the server could not be asked; what is off and what is not is found out later.
        """
        wanted = set(prompt_ids)
        waiting = [record for record in (await self._client.queue()).pending if record.prompt_id in wanted]
        if not self._shelf.durable:
            raise ComfyError(
                "Nothing is held",
                "the journal cannot be written, so held jobs would be lost when the console ends",
                "The first message of this run said why.",
            )
        ids = [record.prompt_id for record in waiting]
        went_on = [prompt_id for prompt_id in wanted if prompt_id not in ids]
        if not waiting:
            return Held((), tuple(went_on))
        self._ledger.leaving |= set(ids)
        try:
            await self._shelf.put_held([asked_of(record) for record in waiting])
            await self._take_off(ids)
            held, back = await self._settle(ids)
        finally:
            self._ledger.leaving -= set(ids)
        return Held(held, (*went_on, *back))

    async def _take_off(self, ids: Sequence[str]) -> None:
        try:
            await self._client.delete_pending(ids)
        except (NotSent, Refused) as error:
            # Nothing was asked: they are on the server as before.
            await self._shelf.settle(ids, Fate.PENDING, only_from=(Fate.HOLDING,))
            raise error
        except (ApiError, asyncio.CancelledError):
            self._ledger.look_for_held(ids)
            raise

    async def _settle(self, ids: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Find out which are off the server; one may have begun to run before it was deleted."""
        try:
            queue = await self._client.queue()
            here = {record.prompt_id for record in (*queue.running, *queue.pending)}
            back = [prompt_id for prompt_id in ids if prompt_id in here]
            for prompt_id in ids:
                if prompt_id not in here and await self._client.history_entry(prompt_id) is not None:
                    back.append(prompt_id)
        except (ApiError, asyncio.CancelledError):
            self._ledger.look_for_held(ids)
            raise
        held = tuple(prompt_id for prompt_id in ids if prompt_id not in back)
        await self._shelf.settle(back, Fate.PENDING, only_from=(Fate.HOLDING,))
        words = "Taken off the server by you, to be put back."
        await self._shelf.settle(held, Fate.HELD, evidence=words, only_from=(Fate.HOLDING,))
        return held, tuple(back)

    async def resume(self, prompt_ids: Sequence[str]) -> Queued:
        """Put held jobs back into the queue, in the order in which they waited, under their own ids."""
        queued: list[str] = []
        taken: list[str] = []
        for number, prompt_id in enumerate(prompt_ids):
            before = await self._shelf.claim(prompt_id, (Fate.HELD,))
            if before is None:
                taken.append(prompt_id)
                continue
            try:
                await self._outbox.send_claimed(before)
            except ComfyError as error:
                if isinstance(error, NotSent | Refused):  # it is surely not there: it stays held
                    await self._shelf.settle(
                        [prompt_id],
                        Fate.HELD,
                        evidence=f"It was not put back: {error}",
                        only_from=(Fate.UNSENT, Fate.REFUSED, Fate.SENDING),
                    )
                return Queued(tuple(queued), tuple(taken), error, len(prompt_ids) - number)
            queued.append(prompt_id)
        return Queued(tuple(queued), tuple(taken))

    # -- lost and gone ones --------------------------------------------------------------------

    async def queue_again(self, prompt_ids: Sequence[str]) -> Queued:
        """Queue lost or gone jobs again, each once: it is marked so before its successor is sent."""
        queued: list[str] = []
        taken: list[str] = []
        for number, prompt_id in enumerate(prompt_ids):
            new_id = str(uuid.uuid4())
            old = await self._shelf.claim_again(prompt_id, new_id)
            if old is None:
                taken.append(prompt_id)
                continue
            try:
                await self._send_successor(old, new_id)
            except ComfyError as error:
                return Queued(tuple(queued), tuple(taken), error, len(prompt_ids) - number)
            queued.append(prompt_id)
        return Queued(tuple(queued), tuple(taken))

    async def _send_successor(self, old: JournalJob, new_id: str) -> None:
        if old.prompt is None:
            raise ComfyError(
                "It cannot be queued again",
                f"the journal does not have the prompt of {old.title}: it was never read from the server",
                "Queue the workflow itself (2).",
            )
        job = await self._shelf.one(new_id)
        assert job is not None
        try:
            await self._outbox.send_claimed(job)
        except Refused:
            await self._shelf.unclaim_again(old.prompt_id, new_id)
            raise

    async def send_unsent(self, prompt_ids: Sequence[str]) -> Queued:
        """Send what waits since the server did not answer, in order, after one more look for each."""
        queued: list[str] = []
        taken: list[str] = []
        for number, prompt_id in enumerate(prompt_ids):
            try:
                sent = await self._outbox.send_again(prompt_id)
            except ComfyError as error:
                return Queued(tuple(queued), tuple(taken), error, len(prompt_ids) - number)
            (taken if sent is None else queued).append(prompt_id)
        return Queued(tuple(queued), tuple(taken))

    async def keep(self, submission: Submission, error: ComfyError) -> None:
        """Keep a submission to be sent when the server is back and a person says so."""
        await self._outbox.keep(submission, error)

    async def put_away(self, prompt_ids: Iterable[str]) -> None:
        """Do not offer these any more; the history still has them."""
        await self._shelf.dismiss(prompt_ids)
