"""Follows every job of one server into the journal, and says of those that are listed nowhere what is known.

A job that ran or waited and is in neither the queue nor the history is *lost* where the server was away or
started again meanwhile, and *gone* where it answered all the time: then somebody took it out.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.types import JobRecord, SystemStats
from comfy_tui.errors import ApiError, ComfyError
from comfy_tui.monitor.control import used_vram_bytes
from comfy_tui.monitor.jobs import title_of
from comfy_tui.monitor.journal.document import to_send
from comfy_tui.monitor.journal.row import Asked, Fate, JournalJob, Wish
from comfy_tui.monitor.journal.shelf import Shelf
from comfy_tui.monitor.lifetime import Lifetime, Verdict
from comfy_tui.monitor.state import Job, JobMemory, Jobs, Kept, KeptAs, Notice, Problem, Unsent
from comfy_tui.monitor.watch import Seen, Watch
from comfy_tui.text import clean, count_of
from comfy_tui.workflow.parameters import summarize

#: So many jobs that are listed nowhere are looked for in the history after one answer.
_LOOKS = 200
_AT_ONCE = 8
#: A job without evidence of a restart is gone only when it was missing from so many answers.
_MISSES = 2
#: How often the time of the last look is written down.
_REMEMBER_S = 60.0
#: A request that was held up on its way may have an effect so long after it was sent.
_LATE_S = 120.0
_NAMED = 6

#: Of so many ended jobs the memory is kept here; the journal has all.
_MEMORY_KEPT = 200


class Register(Watch):
    """One server's jobs, from the polls into the journal and back.

    Args:
        client: the server.
        shelf: its part of the journal.
        job_of: makes a job of a record that was read by itself.
        interval_s: seconds between two polls.
        clock: the time in Unix seconds.
    """

    def __init__(
        self,
        client: ComfyClient,
        shelf: Shelf,
        *,
        job_of: Callable[[JobRecord], Job],
        interval_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._shelf = shelf
        self._job_of = job_of
        self._clock = clock
        self._lifetime = Lifetime(client, interval_s=interval_s, clock=clock)
        #: What the journal knows was read from there; None before the first look.
        self._generation: int | None = None
        self._restored = False
        #: What is on the server as far as is known, and since when that was known.
        self._active: dict[str, float] = {}
        self._misses: dict[str, int] = {}
        self._verdict: Verdict | None = None
        self._written: dict[str, object] = {}
        #: Listed, and not written yet.
        self._left: set[str] = set()
        self._fresh: list[JobRecord] = []
        self._unsettled: set[str] = set()
        self._unlooked = True
        self._remembered_at_s = 0.0
        self._used_bytes: int | None = None
        self._memory: dict[str, JobMemory] = {}
        self._ended_memory: OrderedDict[str, JobMemory] = OrderedDict()
        #: Being taken out by an action of this console: their absence says nothing.
        self.leaving: set[str] = set()
        #: The server was asked to stop these at that time, and it is not known whether it heard that.
        self._unanswered: dict[str, float] = {}
        self.unsent: tuple[Unsent, ...] = ()
        self.kept: tuple[Kept, ...] = ()

    # -- what others tell ----------------------------------------------------------------------

    def learned(self, record: JobRecord) -> None:
        """A prompt was read."""
        self._fresh.append(record)

    def accepted(self, prompt_id: str) -> None:
        """The server took a job."""
        self._active[prompt_id] = self._clock()

    def missed(self, error: ComfyError) -> None:
        """The server did not answer."""
        self._lifetime.missed(error.message or error.title)

    @asynccontextmanager
    async def taking_out(self, prompt_ids: Sequence[str]) -> AsyncIterator[Seen]:
        """Write that these are cancelled before they are, and which were."""
        ids, seen = set(prompt_ids), Seen()
        self.leaving |= ids
        try:
            await self._shelf.want(prompt_ids, Wish.ASKED)
            try:
                yield seen
            except BaseException:
                self._unanswered |= dict.fromkeys(seen.asked, self._clock())
                await self._shelf.want(ids - seen.asked, Wish.NONE)
                raise
            await self._shelf.want(seen.interrupted, Wish.TAKEN)
            words = "Taken out of the queue from here; it never ran."
            before = (Fate.PENDING, Fate.RUNNING)
            await self._shelf.settle(seen.taken_out, Fate.CANCELLED, evidence=words, only_from=before)
            await self._shelf.want(seen.gone, Wish.NONE)
            for prompt_id in seen.taken_out:
                self._active.pop(prompt_id, None)
        finally:
            self.leaving -= ids

    @asynccontextmanager
    async def moving(self, record: JobRecord) -> AsyncIterator[None]:
        """Keep this one as a job that is held, until it is on the server again."""
        self.leaving.add(record.prompt_id)
        try:
            await self._shelf.put_held([asked_of(record)])
            yield
        finally:
            self.leaving.discard(record.prompt_id)
            # Where it was put in again, or is kept to be, that is written already.
            self.look_for_held((record.prompt_id,))

    def look_for_held(self, prompt_ids: Iterable[str]) -> None:
        """These were to be taken off, and it is not known whether they are: find out with the next answer."""
        self._unsettled |= set(prompt_ids)

    # -- polling -------------------------------------------------------------------------------

    async def take(self, jobs: Jobs, asked_at_s: float) -> list[Notice]:
        """Write what was listed, judge what was not; returns what a person wants to hear."""
        if self._generation != self._shelf.generation:
            await self._begin()
        listed = {job.prompt_id for job in (*jobs.running, *jobs.pending, *jobs.ended)}
        notices = [
            Notice("Found", f"{entry.title}: the server has it after all")
            for entry in self.unsent
            if entry.prompt_id in listed
        ]
        vanished = [
            prompt_id
            for prompt_id, since_s in self._active.items()
            if prompt_id not in listed and prompt_id not in self.leaving and since_s < asked_at_s
        ]
        open_case = bool(vanished) and not (self._verdict is not None and self._verdict.lost)
        if self._lifetime.unsure or open_case:
            self._verdict = await self._lifetime.judge(jobs, asked_at_s)
        await self._write(jobs, asked_at_s)
        if vanished and self._verdict is not None:
            notices += await self._judge(vanished, self._verdict)
        self._follow(jobs, asked_at_s)
        await self._give_up_wishes(jobs, asked_at_s)
        await self._look_at_old_ones(jobs)
        await self.refresh()
        return notices

    async def _begin(self) -> None:
        """Go on from what the journal knows: at the start, and when it goes on in another place."""
        known = await self._shelf.open()
        self._generation = known.generation
        self._written = {}
        self._unanswered |= dict.fromkeys(known.unanswered, self._clock())
        self._active = {job.prompt_id: job.seen_at_s or 0.0 for job in known.on_server} | self._active
        self._unsettled |= {job.prompt_id for job in known.abandoned}
        if self._shelf.durable and not self._restored:
            self._restored = True
            self._lifetime.restore(known.facts)
        await self.refresh()

    async def _write(self, jobs: Jobs, asked_at_s: float) -> None:
        everything = (*jobs.ended, *jobs.pending, *jobs.running)
        signatures = {job.prompt_id: _signature(job) for job in everything}
        # Of one that waits for a person the journal says something else, although nothing has changed there.
        open_ids = {entry.prompt_id for entry in self.unsent} | {entry.prompt_id for entry in self.kept}
        changed = [
            job
            for job in everything
            if job.prompt_id in open_ids or self._written.get(job.prompt_id) != _signature(job)
        ]
        fresh, self._fresh = self._fresh, []
        self._left = set()
        if changed or fresh:
            # Of these something newer was written meanwhile.
            self._left = set(await self._shelf.observe(changed, fresh, asked_at_s))
            for prompt_id in self._left:
                signatures.pop(prompt_id, None)
        self._written = signatures

    async def _judge(self, vanished: Sequence[str], verdict: Verdict) -> list[Notice]:
        missing: list[str] = []
        looked = await self._look_in_history(vanished[:_LOOKS])
        for prompt_id, record in looked:
            if record is not None:  # it ended long ago, or among very many
                await self._shelf.observe([self._job_of(record)], [record], self._clock())
                self._active.pop(prompt_id, None)
                continue
            self._misses[prompt_id] = self._misses.get(prompt_id, 0) + 1
            if verdict.lost or self._misses[prompt_id] >= _MISSES:
                missing.append(prompt_id)
        if not missing:
            return []
        words = "The server was started again" if verdict.restarted else "It is not listed any more"
        fate = Fate.LOST if verdict.lost else Fate.GONE
        changed = await self._shelf.verdict(missing, fate, f"{words}: {verdict.words}.")
        for prompt_id in missing:
            self._active.pop(prompt_id, None)
            self._misses.pop(prompt_id, None)
        before = {entry.prompt_id for entry in self.kept}
        await self.refresh()
        new = [entry for entry in self.kept if entry.prompt_id in set(changed) - before]
        return [_notice(new, fate, verdict)] if new else []

    async def _look_in_history(self, prompt_ids: Sequence[str]) -> list[tuple[str, JobRecord | None]]:
        """Some at a time; those that could not be asked for are left out, and asked for again later."""
        found: list[tuple[str, JobRecord | None]] = []
        for first in range(0, len(prompt_ids), _AT_ONCE):
            some = prompt_ids[first : first + _AT_ONCE]
            answers = await asyncio.gather(
                *(self._client.history_entry(prompt_id) for prompt_id in some), return_exceptions=True
            )
            for prompt_id, answer in zip(some, answers, strict=True):
                if isinstance(answer, BaseException) and not isinstance(answer, ApiError):
                    raise answer
                if not isinstance(answer, BaseException):
                    found.append((prompt_id, answer))
        return found

    def _follow(self, jobs: Jobs, asked_at_s: float) -> None:
        """What is on the server now; what was not judged yet stays."""
        active = {job.prompt_id: asked_at_s for job in (*jobs.running, *jobs.pending)}
        ended = {job.prompt_id for job in jobs.ended} - self._left
        left = {
            prompt_id: since_s
            for prompt_id, since_s in self._active.items()
            if prompt_id not in active and prompt_id not in ended
        }
        self._active = left | active
        self._misses = {prompt_id: count for prompt_id, count in self._misses.items() if prompt_id in left}
        waiting = left.keys() - self.leaving
        if not waiting:
            self._verdict = None
        news = self._lifetime.answered(jobs, asked_at_s)
        if news or (active and self._clock() - self._remembered_at_s > _REMEMBER_S):
            self._remembered_at_s = self._clock()
            self._shelf.remember(**self._lifetime.facts())

    async def _give_up_wishes(self, jobs: Jobs, asked_at_s: float) -> None:
        """A request to cancel that had no answer, and after long no effect either, never arrived."""
        waiting = {job.prompt_id for job in jobs.pending}
        late = [one for one, since_s in self._unanswered.items() if asked_at_s - since_s > _LATE_S]
        await self._shelf.want([one for one in late if one in waiting], Wish.NONE)
        for prompt_id in late:
            del self._unanswered[prompt_id]

    async def _look_at_old_ones(self, jobs: Jobs) -> None:
        """Settle what earlier runs, or a broken connection, left half done."""
        try:
            for prompt_id in tuple(self._unsettled - self.leaving):
                await self._settle_held(prompt_id, jobs)
                self._unsettled.discard(prompt_id)
            if self._unlooked:
                for entry in self.unsent:
                    record = (
                        None if entry.surely_unsent else await self._client.history_entry(entry.prompt_id)
                    )
                    if record is not None:
                        await self._shelf.observe([self._job_of(record)], [record], self._clock())
                self._unlooked = False
        except ApiError:
            return  # with the next answer

    async def _settle_held(self, prompt_id: str, jobs: Jobs) -> None:
        """Find out whether a job is off the server whose holding was broken off."""
        known = jobs.find(prompt_id)
        if known is None:
            record = await self._client.history_entry(prompt_id)
            known = self._job_of(record) if record is not None else None
        before = (Fate.HOLDING,)
        if known is None:
            words = "Taken off the server by you; that was broken off, and it is off."
            await self._shelf.settle([prompt_id], Fate.HELD, evidence=words, only_from=before)
        else:
            await self._shelf.settle([prompt_id], Fate(known.state.value), only_from=before)

    async def refresh(self) -> bool:
        """Read again what waits for a person; returns whether anything has changed."""
        rows = await self._shelf.kept()
        if rows is None:
            return False
        self.unsent = tuple(_unsent(row) for row in rows if row.fate in (Fate.UNKNOWN, Fate.UNSENT))
        self.kept = tuple(
            Kept(
                row.prompt_id,
                row.title,
                KeptAs(row.fate.value),
                row.evidence,
                row.changed_at_s or row.noted_at_s or 0.0,
                row.had_keys,
            )
            for row in rows
            if row.fate in (Fate.HELD, Fate.LOST, Fate.GONE)
        )
        return True

    # -- memory --------------------------------------------------------------------------------

    def take_memory(self, stats: SystemStats, jobs: Jobs) -> None:
        """Keep for each job how much graphics memory was in use before, at most and after, by the polls."""
        used = used_vram_bytes(stats)
        running = {job.prompt_id for job in jobs.running}
        if used is not None:
            for prompt_id in running:
                known = self._memory.get(prompt_id) or JobMemory(self._used_bytes, 0)
                self._memory[prompt_id] = replace(known, peak_bytes=max(known.peak_bytes, used))
            for prompt_id in self._memory.keys() - running:
                known = replace(self._memory.pop(prompt_id), after_bytes=used)
                self._ended_memory[prompt_id] = known
                self._shelf.memory(
                    prompt_id,
                    before_bytes=known.before_bytes,
                    peak_bytes=known.peak_bytes,
                    after_bytes=known.after_bytes,
                )
            while len(self._ended_memory) > _MEMORY_KEPT:
                self._ended_memory.popitem(last=False)
        self._used_bytes = used

    def memory_of(self, prompt_id: str) -> JobMemory | None:
        """What the polls of this run saw of a job's memory; None where they did not see it run."""
        return self._memory.get(prompt_id) or self._ended_memory.get(prompt_id)


def _signature(job: Job) -> object:
    return (
        *(job.state, job.number, job.title, job.ours, job.created_at_s, job.started_at_s, job.ended_at_s),
        *(len(job.outputs), len(job.texts), job.error is None),
    )


def _unsent(row: JournalJob) -> Unsent:
    title, _, rest = row.evidence.partition("\n")
    message, _, hint = rest.partition("\n")
    sure = row.fate is Fate.UNSENT
    reason = Problem("unsent", title or ("It was not sent" if sure else "Not confirmed"), message, hint)
    return Unsent(row.prompt_id, row.title, reason, sure, row.noted_at_s or 0.0)


def _notice(entries: Iterable[Kept], fate: Fate, verdict: Verdict) -> Notice:
    found = list(entries)
    names = ", ".join(f"{clean(entry.title, 60)} ({entry.prompt_id[:8]})" for entry in found[:_NAMED])
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    if fate is Fate.LOST:
        what = "Lost" if verdict.restarted else "Lost, or taken out"
        kind, title = "lost", f"{what}: {count_of(len(found), 'job')}"
        key = "L in the queue (3) queues them all again, u a single one."
    else:
        kind, title = "gone", f"Gone from the queue: {count_of(len(found), 'job')}"
        key = "Somebody took them out, or cleared the history. u in the queue (3) queues one again."
    words = f"{names}{more}. The server: {clean(verdict.words, 300)}. {key}"
    return Notice(title, words, "warning", kind, tuple(entry.prompt_id for entry in found))


def asked_of(record: JobRecord) -> Asked:
    """A waiting job as what is needed to send it again."""
    prompt = record.prompt or {}
    return Asked(
        record.prompt_id,
        title_of(prompt, record.extra_data, summarize(prompt)),
        prompt,
        to_send(record.extra_data),
        record.client_id,
        record.number,
    )
