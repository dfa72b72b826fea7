"""Changes a server's queue and memory, and reports what became of it rather than what was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.types import JobRecord, Submitted, SystemStats
from comfy_tui.errors import ComfyError
from comfy_tui.monitor.submit import Outbox, Submission
from comfy_tui.monitor.watch import Seen, Watch
from comfy_tui.workflow.reseed import reseeded

#: How often and how long memory is read again after it was asked for, in seconds.
_FREE_STEP_S = 0.5
_FREE_WAIT_S = 6.0


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What became of a request to cancel: ids by outcome."""

    removed: tuple[str, ...] = ()
    interrupted: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Freed:
    """What the server said before and after ``POST /free``.

    ``waits`` is True where the server will act only after the running job.
    """

    before: SystemStats
    after: SystemStats
    waits: bool


def used_vram_bytes(stats: SystemStats) -> int | None:
    """The memory in use on all graphics cards together; None without one."""
    used = [device.vram_used_bytes for device in stats.devices if device.has_vram]
    known = [value for value in used if value is not None]
    return sum(known) if known else None


def used_ram_bytes(stats: SystemStats) -> int | None:
    """The main memory in use."""
    if stats.ram_total_bytes is None or stats.ram_free_bytes is None:
        return None
    return stats.ram_total_bytes - stats.ram_free_bytes


class Control:
    """The actions on one server's jobs and memory.  All raise ApiError (and ReadOnlyError).

    Args:
        client: the server.
        outbox: keeps what could not be queued again.
        submit: queues a prompt; the outbox's own way where nothing more is to be done with it.
        watch: is told what is about to be done.
    """

    def __init__(
        self,
        client: ComfyClient,
        outbox: Outbox,
        submit: Callable[[Submission], Awaitable[Submitted]] | None = None,
        watch: Watch | None = None,
    ) -> None:
        self._client = client
        self._outbox = outbox
        self._submit = submit or outbox.submit
        self._watch = watch or Watch()

    async def cancel(self, prompt_ids: Iterable[str]) -> Cancelled:
        """Cancel exactly these jobs, by the safest way that the server has.

        A waiting job is deleted from the queue; a running one is interrupted by its id, which the
        server ignores when another one runs by then.  Waiting ones go first, the last of them before
        the others, so that none of them starts because of this.
        """
        wanted = tuple(dict.fromkeys(prompt_ids))
        async with self._watch.taking_out(wanted) as seen:
            cancelled = await self._cancel(wanted, seen)
            seen.taken_out, seen.gone = cancelled.removed, cancelled.gone
            seen.interrupted = cancelled.interrupted
        return cancelled

    async def _cancel(self, wanted: Sequence[str], seen: Seen) -> Cancelled:
        queue = await self._client.queue()
        running = {record.prompt_id for record in queue.running}
        waiting = {record.prompt_id for record in queue.pending}
        missed: set[str] = set()
        for prompt_id in sorted(reversed(wanted), key=lambda item: item in running):
            if prompt_id not in running | waiting:
                continue
            with seen.asking(prompt_id):
                found = await self._client.cancel_job(prompt_id)
            if found is None:
                seen.asked.discard(prompt_id)
                await self._cancel_by_queue(prompt_id, seen, waiting=prompt_id in waiting)
            elif not found:
                missed.add(prompt_id)
        if waiting.intersection(wanted):
            # One of them may have begun to run before it was its turn here.
            running |= {record.prompt_id for record in (await self._client.queue()).running}
        here = (running | waiting) - missed
        return Cancelled(
            removed=tuple(item for item in wanted if item in here and item not in running),
            interrupted=tuple(item for item in wanted if item in here and item in running),
            gone=tuple(item for item in wanted if item not in here),
        )

    async def _cancel_by_queue(self, prompt_id: str, seen: Seen, *, waiting: bool) -> None:
        """Cancel where the server has no jobs API."""
        if waiting:
            with seen.asking(prompt_id):
                await self._client.delete_pending([prompt_id])
            queue = await self._client.queue()
            if all(record.prompt_id != prompt_id for record in queue.running):
                return
        with seen.asking(prompt_id):
            await self._client.interrupt(prompt_id)

    async def clear_pending(self, prompt_ids: Iterable[str] | None = None) -> int:
        """Take jobs that wait out of the queue; returns how many.

        Args:
            prompt_ids: exactly these; one that runs by now goes on.  None empties the queue.
        """
        before = {record.prompt_id for record in (await self._client.queue()).pending}
        wanted = before if prompt_ids is None else before.intersection(prompt_ids)
        async with self._watch.taking_out(sorted(wanted)) as seen:
            if prompt_ids is None:
                with seen.asking(*wanted):
                    await self._client.clear_pending()
            elif wanted:
                with seen.asking(*wanted):
                    await self._client.delete_pending(sorted(wanted))
                running = {record.prompt_id for record in (await self._client.queue()).running}
                seen.gone = tuple(wanted & running)
                wanted -= running
            seen.taken_out = tuple(wanted)
        return len(wanted)

    async def record(self, prompt_id: str) -> JobRecord:
        """A job with its prompt and workflow, wherever the server keeps it.

        Raises:
            ComfyError: the server does not have it any more.
        """
        ended = await self._client.history_entry(prompt_id)
        if ended is not None:
            return ended
        queue = await self._client.queue()
        for record in (*queue.running, *queue.pending):
            if record.prompt_id == prompt_id:
                return record
        raise ComfyError(
            "The server does not have this job any more",
            f"{prompt_id} is neither in its queue nor in its history",
            "The history is lost when ComfyUI restarts.",
        )

    async def requeue(self, prompt_id: str, name: str, *, new_seed: bool) -> str:
        """Queue the same workflow again; returns the new job's id."""
        record = await self.record(prompt_id)
        prompt, workflow = dict(record.prompt or {}), record.workflow
        if new_seed:
            prompt, workflow = reseeded(prompt, workflow)
        submission = Submission(prompt, name, workflow=workflow)
        return (await self._submit(submission)).prompt_id

    async def move_to_front(self, prompt_id: str, name: str) -> bool:
        """Run a waiting job next: take it out and put it in again under its own id.

        The server has no route for it.  Returns False where the job did not wait any more.  If
        the second half fails, or the server refuses it, the job is kept as unsent.
        """
        queue = await self._client.queue()
        record = next((item for item in queue.pending if item.prompt_id == prompt_id), None)
        if record is None:
            return False
        extra = {key: value for key, value in record.extra_data.items() if key != "create_time"}
        submission = Submission(
            record.prompt or {},
            name,
            front=True,
            prompt_id=prompt_id,
            extra_data=extra,
            client_id=record.client_id,
        )
        async with self._watch.moving(record):
            return await self._put_in_again(submission)

    async def _put_in_again(self, submission: Submission) -> bool:
        prompt_id = submission.prompt_id
        try:
            await self._client.delete_pending([prompt_id])
            after = await self._client.queue()
            here = any(item.prompt_id == prompt_id for item in (*after.running, *after.pending))
            if here or await self._client.history_entry(prompt_id) is not None:
                return False
            await self._submit(submission)
        except ComfyError as error:
            # Whatever failed, the job may be out of the queue: it is not lost.
            await self._outbox.keep(submission, error)
            raise
        except asyncio.CancelledError:
            reason = ComfyError("Interrupted", "while it was taken out and put in again")
            await self._outbox.keep(submission, reason)
            raise
        return True

    async def free(self, *, unload_models: bool, free_memory: bool) -> Freed:
        """Ask for memory and read it again until it has changed, for at most some seconds."""
        before = await self._client.system_stats()
        busy = bool((await self._client.queue()).running)
        await self._client.free(unload_models=unload_models, free_memory=free_memory)
        after = before
        waited = 0.0
        while not busy and waited < _FREE_WAIT_S:
            await asyncio.sleep(_FREE_STEP_S)
            waited += _FREE_STEP_S
            latest = await self._client.system_stats()
            settled = used_vram_bytes(latest) == used_vram_bytes(after)
            after = latest
            if settled and used_vram_bytes(after) != used_vram_bytes(before):
                break
            if settled and waited >= 4 * _FREE_STEP_S:
                break
        return Freed(before, after, waits=busy)
