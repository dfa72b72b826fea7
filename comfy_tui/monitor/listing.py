"""Reads a server's queue and history in as few bytes as each version allows.

The queue is always asked for before the history: a job that ends between the two answers is in both, never
in neither.  What is only asked for again in parts is put together here so that it equals the whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.types import JobRecord, JobsPage, JobState, Queue
from comfy_tui.errors import ServerError

_ACTIVE = (JobState.RUNNING, JobState.PENDING)
_ENDED = (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED)
#: So many of the newest are asked for first: what is known is put behind them.
_SHORT = 4
#: Up to so many newly ended jobs are read one by one; more are read with one history call.
_SINGLE_READS = 3
#: Details of ended jobs are read up to so many bytes a poll, but one, and the rest with the next polls.
_DETAIL_BYTES = 44_000
#: So many without details wait at most: they would leave the list before their turn.
_MOST_BARE = 12
#: What an ended job takes of a list, about.
_LISTED_BYTES = 280
#: An older server's history is looked at after so long although the socket has told of no change.
_LOOK_S = 30.0
_EVERYTHING = float("inf")
#: A queue of up to so many bytes is read with each poll where the version has nothing lighter.
_SMALL_QUEUE_BYTES = 128 * 1024
#: A larger one is read at most at these rates: where it is known to have changed, and where not.
_CHANGED_BYTES_PER_S = 1024 * 1024
_UNCHANGED_BYTES_PER_S = 50 * 1024


@dataclass(frozen=True, slots=True)
class Listed:
    """What a server lists.

    Attributes:
        active: what runs and what waits, with prompts where the version gives them.
        ended: newest first, without prompts.
        age_s: so long ago the queue was really read; 0.0 where it was read, or found unchanged, now.
        twice: ids that wait although they run or have ended before.
    """

    active: tuple[JobRecord, ...]
    ended: tuple[JobRecord, ...]
    age_s: float = 0.0
    twice: tuple[str, ...] = ()


def _key(record: JobRecord) -> tuple[str, float | None]:
    return record.prompt_id, record.ended_at_s


class Listing:
    """The queue and the last part of the history of one server.

    Args:
        client: the server.
        history_items: how many ended jobs are wanted.
        learn: is given each record that came with its prompt.
        knows: whether the prompt of a job has been read.
        told: whether each change of the queue comes as an event (see :meth:`changed`).
        clock: seconds that never jump.
    """

    def __init__(
        self,
        client: ComfyClient,
        *,
        history_items: int,
        learn: Callable[[Iterable[JobRecord]], None],
        knows: Callable[[str], bool],
        told: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._history_items = history_items
        self._learn = learn
        self._knows = knows
        self._told = told
        self._clock = clock
        #: A job is known by its id and its end: what an answer says of both is not asked for again.
        self._ended: tuple[JobRecord, ...] = ()
        #: Ended jobs whose outputs have not been read yet.
        self._bare: set[tuple[str, float | None]] = set()
        #: Jobs that have ended since the queue was read.
        self._gone: set[str] = set()
        self._all_again = False
        #: How large a history entry is, going by the last ones.
        self._entry_bytes = 0
        #: From this one on an older server's history is taken for granted, until a quiet poll asks for it.
        self._behind = ""
        self.forget()

    @property
    def unfinished(self) -> bool:
        """Whether details of ended jobs are left for the next read, which should come soon."""
        return bool(self._bare)

    def forget(self) -> None:
        """The server may be another one now (it was gone): learn again what it can do and lists."""
        self._legacy: bool | None = None
        #: How many ended jobs there were in all, and whether all that is listed was seen together with that.
        self._total: int | None = None
        self._sure = False
        self._last_active: frozenset[str] = frozenset()
        self._last_running: tuple[str, ...] = ()
        self._queue: Queue | None = None
        self._queue_size = 0
        self._queue_mark = 0
        self._queue_at_s = 0.0
        self._changed = True
        self._history_at_s = -_LOOK_S
        self._history_moved = True
        self._hurried = True

    def hurry(self, *, history: bool = False) -> None:
        """The next read looks at the queue whatever it costs, since a person has acted.

        Args:
            history: and at all that is shown of the history, since a person asks for it.
        """
        self._hurried = True
        self._all_again |= history

    def changed(self) -> None:
        """The server said that its queue has changed."""
        self._changed = self._history_moved = True

    async def read(self) -> Listed:
        """Ask the server.

        Raises:
            ApiError: it did not answer in full; nothing of what was known is changed.
        """
        hurried, self._hurried = self._hurried, False
        try:
            listed = None if self._legacy else await self._read_by_jobs_api(hurried=hurried)
            listed = listed or await self._read_by_queue(hurried=hurried)
            self._all_again = False
            return listed
        except BaseException:
            self._hurried |= hurried
            raise

    # -- the jobs API --------------------------------------------------------------------------

    async def _read_by_jobs_api(self, *, hurried: bool) -> Listed | None:
        """Light answers without prompts; prompts are read once for each job that is new."""
        try:
            active = await self._client.jobs(_ACTIVE)
            if active is None:
                self._legacy = True
                return None
            if any(not self._knows(record.prompt_id) for record in active.jobs):
                await self._learn_queue(hurried=hurried)
            before = self._ended
            ids = frozenset(record.prompt_id for record in active.jobs)
            left = self._last_active - ids
            if hurried or left or self._bare or not self._sure or await self._has_moved():
                await self._read_ended(left)
        except ServerError:
            # One malformed history entry makes this route fail until it is gone (comfyui-api, section 5.8).
            return None
        self._legacy = False
        self._gone.clear()
        self._last_active = ids
        return self._listed(active.jobs, before)

    async def _learn_queue(self, *, hurried: bool) -> None:
        """The prompts of new jobs come only with all others: not too often where that is much."""
        if hurried or self._clock() >= self._queue_at_s + self._queue_size / _CHANGED_BYTES_PER_S:
            await self._read_queue()
            self._queue = None  # only its prompts were wanted

    async def _ended_page(self, limit: int) -> JobsPage:
        """The newest ended jobs, by when they were queued, and how many there are."""
        return await self._client.jobs(_ENDED, limit) or JobsPage((), None)

    async def _has_moved(self) -> bool:
        """Whether something has ended, or was deleted, since the list was read."""
        page = await self._ended_page(1)
        same = page.total is not None and page.total == self._total
        return not same or [_key(record) for record in page.jobs] != [_key(job) for job in self._ended[:1]]

    async def _read_ended(self, left: frozenset[str]) -> None:
        """Read the list as far as is needed, then details: in all as much as fits into one poll.

        Args:
            left: jobs that neither run nor wait any more.
        """
        first = self._total is None and not self._ended
        whole = first or self._all_again or not (self._sure or self._bare)
        page = await self._ended_page(self._history_items if whole else _SHORT)
        listed, sure = (page.jobs, True) if whole else self._put_together(page, left)
        # What may not be there any more is seen by reading all: now, or with the next read where details
        # are awaited, which fill this one.
        if listed is None or (not sure and not self._missing(listed)):
            whole = sure = True
            page = await self._ended_page(self._history_items)
            listed = page.jobs
        missing = self._missing(listed)
        room = _DETAIL_BYTES - (_LISTED_BYTES * len(listed) if whole else 0)
        must = not whole or bool(self._bare)
        full = await self._read_full(missing, _EVERYTHING if first else room, must=must)
        known = {_key(record): record for record in self._ended if _key(record) not in self._bare}
        self._bare = {_key(record) for record in missing if record.prompt_id not in full}
        self._ended = tuple(
            known.get(_key(record)) or _merged(record, full.get(record.prompt_id)) for record in listed
        )
        self._total, self._sure = page.total, sure

    def _missing(self, listed: Iterable[JobRecord]) -> list[JobRecord]:
        """Those whose details are not known; first those of which not even the prompt is."""
        known = {_key(record) for record in self._ended} - self._bare
        missing = (record for record in listed if _key(record) not in known)
        return sorted(missing, key=lambda record: self._knows(record.prompt_id))

    def _put_together(
        self, page: JobsPage, left: frozenset[str]
    ) -> tuple[tuple[JobRecord, ...] | None, bool]:
        """The newest before what is known, if they join; and whether that is certainly all, and still there.

        It is, where the total has grown by those that are new, and they account for all that left the queue:
        what hides behind the page was queued before the last read, and so was in the queue by then.  A full
        history does not grow; there it cannot be told.
        """
        if len(page.jobs) < _SHORT:
            return page.jobs, True
        known = {_key(record) for record in self._ended}
        before = {record.prompt_id for record in self._ended}
        ids = {record.prompt_id for record in page.jobs}
        new = {record.prompt_id for record in page.jobs if _key(record) not in known}
        old = [record.prompt_id for record in page.jobs if record.prompt_id not in new]
        rest = [record for record in self._ended if record.prompt_id not in new]
        if not old or old != [record.prompt_id for record in rest[: len(old)]]:
            return None, False
        grown = self._total is not None and page.total == self._total + len(ids - before)
        listed = (*page.jobs, *rest[len(old) :])[: self._history_items]
        return listed, self._sure and grown and left <= ids

    async def _read_full(
        self, missing: Sequence[JobRecord], room_bytes: float, *, must: bool
    ) -> dict[str, JobRecord]:
        """Ended jobs with outputs and errors, without prompts.

        Args:
            missing: the wanted ones.
            room_bytes: about so much is read.
            must: one is read, however large.
        """
        wanted = [record.prompt_id for record in missing]
        found: dict[str, JobRecord] = {}
        fits = len(wanted) * self._entry_bytes <= room_bytes or len(wanted) > _MOST_BARE
        if len(wanted) > _SINGLE_READS and fits:
            newest, size_bytes = await self._client.sized_history(len(wanted))
            found = {record.prompt_id: record for record in newest if record.prompt_id in set(wanted)}
            self._measured(size_bytes // max(1, len(newest)))
            room_bytes -= size_bytes
        for prompt_id in [prompt_id for prompt_id in wanted if prompt_id not in found][:_SINGLE_READS]:
            if self._entry_bytes > room_bytes and (found or not must):
                break
            record, size_bytes = await self._client.sized_history_entry(prompt_id)
            self._measured(size_bytes)
            room_bytes -= size_bytes
            # One that was deleted meanwhile is not asked for again.
            found[prompt_id] = record or JobRecord(prompt_id, JobState.COMPLETED, 0.0)
        self._learn(found.values())
        return {prompt_id: _without_prompt(record) for prompt_id, record in found.items()}

    def _measured(self, size_bytes: int) -> None:
        """One small entry does not make the next one small."""
        self._entry_bytes = max(size_bytes, self._entry_bytes * 9 // 10)

    # -- the older way -------------------------------------------------------------------------

    async def _read_by_queue(self, *, hurried: bool) -> Listed:
        """Whole prompts; the history only as far as it has changed."""
        self._sure = False  # for the jobs API, if that answers again
        due = hurried or self._queue is None or self._queue_is_due()
        if not due and not self._changed:
            # As many as before and the same one last in the history: it is the same queue.
            due = await self._client.queue_remaining() != len(self._last_active)
        if due:
            await self._read_queue()
        before = self._ended
        same = self._active_ids() == self._last_active
        moved = hurried or self._history_moved or bool(self._bare) or not same
        if not moved and self._behind:
            self._all_again |= await self._client.history_entry(self._behind) is None
            self._behind = ""
        elif not moved and self._told():
            # The newest entry alone can be large: while an end would be told, it is not read each time.
            moved = self._clock() >= self._history_at_s + _LOOK_S
        else:
            moved = True
        if moved or self._all_again:
            await self._look_at_history(queue_read=due)
        assert self._queue is not None
        self._last_active = self._active_ids()
        self._last_running = tuple(record.prompt_id for record in self._queue.running)
        age_s = self._clock() - self._queue_at_s if self._changed else 0.0
        return replace(self._listed((*self._queue.running, *self._queue.pending), before), age_s=age_s)

    def _active_ids(self) -> frozenset[str]:
        assert self._queue is not None
        return frozenset(record.prompt_id for record in (*self._queue.running, *self._queue.pending))

    async def _look_at_history(self, *, queue_read: bool) -> None:
        """Read what is new in it; a new end is also a sign that the queue has changed."""
        self._history_moved = False  # before: what is told from now on may not be in the answer
        try:
            newest = await self._client.history(1)
            known = [_key(record) for record in self._ended[:1]]
            if not queue_read and [_key(record) for record in newest] != known:
                self._changed = True
                if self._queue_is_due():
                    await self._read_queue()
                    newest = await self._client.history(1)
            await self._follow_history(newest, self._last_active - self._active_ids())
        except BaseException:
            self._history_moved = True
            raise
        self._history_at_s = self._clock()

    def _queue_is_due(self) -> bool:
        if self._queue_size <= _SMALL_QUEUE_BYTES:
            return True
        rate = _CHANGED_BYTES_PER_S if self._changed else _UNCHANGED_BYTES_PER_S
        return self._clock() >= self._queue_at_s + self._queue_size / rate

    async def _read_queue(self) -> None:
        """Read the queue; an answer that is the same to the byte is not taken apart again."""
        self._changed = False  # before: what is told from now on may not be in the answer
        try:
            body = await self._client.queue_text()
        except BaseException:
            self._changed = True
            raise
        mark = hash(body)
        if self._queue is None or mark != self._queue_mark or len(body) != self._queue_size:
            queue = await self._client.parse_queue(body)
            self._learn((*queue.running, *queue.pending))
            self._queue = Queue(
                tuple(map(_without_prompt, queue.running)), tuple(map(_without_prompt, queue.pending))
            )
        self._queue_size, self._queue_mark, self._queue_at_s = len(body), mark, self._clock()
        self._gone.clear()

    async def _follow_history(self, newest: Sequence[JobRecord], left: frozenset[str]) -> None:
        """Read the history back to what is known of it, and those that left the queue."""
        known = {_key(record) for record in self._ended}
        count, records = 1, tuple(newest)
        if self._all_again or self._bare or (records and not known):
            count, records = self._history_items, await self._client.history(self._history_items)
            known, self._bare, self._behind = set(), set(), ""
        joined = self._ran_alone(newest)
        if joined:
            self._behind = self._behind or self._ended[0].prompt_id
        while records and not (joined or known.intersection(map(_key, records))):
            if len(records) < count or count >= self._history_items:
                break  # that is all of it, or enough
            count = min(max(2 * count, len(left) + 1), self._history_items)
            records = await self._client.history(count)
        new = [record for record in records if _key(record) not in known]
        there = {record.prompt_id for record in records}
        for prompt_id in sorted(left - there)[:_SINGLE_READS]:
            # An id that was used again keeps its old place in the history.
            record = await self._client.history_entry(prompt_id)
            if record is not None and _key(record) not in known:
                new.append(record)
        self._learn(new)
        joint = next((_key(record) for record in records if _key(record) in known), None)
        old = list(self._ended) if joined or joint is not None else []
        gone = await self._deleted(old, joint, there)
        fresh = {record.prompt_id for record in new}
        seen = [record for record in old if record.prompt_id in there - fresh]
        rest = [record for record in old if record.prompt_id not in there | fresh | gone]
        self._ended = (*map(_without_prompt, new), *seen, *rest)[: self._history_items]

    async def _deleted(
        self, old: Sequence[JobRecord], joint: tuple[str, float | None] | None, there: set[str]
    ) -> set[str]:
        """Which of the newest that were known are not in the history any more."""
        gone: set[str] = set()
        if joint is not None:
            keys = [_key(record) for record in old]
            ahead = [prompt_id for prompt_id, _ in keys[: keys.index(joint)] if prompt_id not in there]
            for prompt_id in ahead[:_SINGLE_READS]:
                if await self._client.history_entry(prompt_id) is None:
                    gone.add(prompt_id)
        return gone

    def _ran_alone(self, newest: Sequence[JobRecord]) -> bool:
        """Whether the newest end is that of the one job that ran: before it nothing else can have ended."""
        if self._all_again or len(newest) != 1 or not self._ended:
            return False
        prompt_id = newest[0].prompt_id
        known = any(record.prompt_id == prompt_id for record in self._ended)
        return self._last_running == (prompt_id,) and not known

    # -- both ----------------------------------------------------------------------------------

    def _listed(self, active: Sequence[JobRecord], before: Sequence[JobRecord]) -> Listed:
        """An id in both has ended between the two answers, or else is an old one that was used again."""
        old = {_key(record) for record in before}
        # Of one whose prompt was never read nobody knows whose it is: it is listed when that is read.
        unknown = {key for key in self._bare if not self._knows(key[0])}
        self._gone |= {record.prompt_id for record in self._ended if _key(record) not in old}
        active = tuple(record for record in active if record.prompt_id not in self._gone)
        ids = {record.prompt_id for record in active}
        done = {record.prompt_id for record in active if record.state is JobState.RUNNING}
        done |= {record.prompt_id for record in self._ended}
        twice = (record.prompt_id for record in active if record.state is JobState.PENDING)
        return Listed(
            active,
            tuple(job for job in self._ended if job.prompt_id not in ids and _key(job) not in unknown),
            twice=tuple(prompt_id for prompt_id in twice if prompt_id in done),
        )


def _merged(listed: JobRecord, full: JobRecord | None) -> JobRecord:
    """The jobs API's entry, completed by the history's: outputs and the error's traceback."""
    if full is None:
        return listed
    return replace(listed, outputs=full.outputs, texts=full.texts, error=full.error or listed.error)


def _without_prompt(record: JobRecord) -> JobRecord:
    """Prompts and workflows are large and are read again when a job is opened."""
    return replace(record, prompt=None, extra_data={})
