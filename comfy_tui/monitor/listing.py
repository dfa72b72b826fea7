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
#: Up to so many newly ended jobs are read one by one; more are read with one history call.
_SINGLE_READS = 3
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
        clock: seconds that never jump.
    """

    def __init__(
        self,
        client: ComfyClient,
        *,
        history_items: int,
        learn: Callable[[Iterable[JobRecord]], None],
        knows: Callable[[str], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._history_items = history_items
        self._learn = learn
        self._knows = knows
        self._clock = clock
        #: A job is known by its id and its end: what an answer says of both is not asked for again.
        self._ended: tuple[JobRecord, ...] = ()
        #: Ended jobs whose outputs have not been read yet.
        self._bare: set[tuple[str, float | None]] = set()
        #: Jobs that have ended since the queue was read.
        self._gone: set[str] = set()
        self._all_again = False
        self.forget()

    def forget(self) -> None:
        """The server may be another one now (it was gone): learn again what it can do and lists."""
        self._legacy: bool | None = None
        self._page: JobsPage | None = None
        self._last_active: frozenset[str] = frozenset()
        self._queue: Queue | None = None
        self._queue_size = 0
        self._queue_mark = 0
        self._queue_at_s = 0.0
        self._changed = True
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
        self._changed = True

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
            newest = await self._client.jobs(_ENDED, 1) if active is not None else None
        except ServerError:
            # One malformed history entry makes this route fail until it is gone (comfyui-api, section 5.8).
            return None
        self._legacy = active is None or newest is None
        if active is None or newest is None:
            return None
        if any(not self._knows(record.prompt_id) for record in active.jobs):
            await self._learn_queue(hurried=hurried)
        before = self._ended
        self._gone.clear()
        ids = frozenset(record.prompt_id for record in active.jobs)
        if hurried or self._bare or self._last_active - ids or not _same(newest, self._page):
            await self._read_ended()
            self._page = newest
        self._last_active = ids
        return self._listed(active.jobs, before)

    async def _learn_queue(self, *, hurried: bool) -> None:
        """The prompts of new jobs come only with all others: not too often where that is much."""
        if hurried or self._clock() >= self._queue_at_s + self._queue_size / _CHANGED_BYTES_PER_S:
            await self._read_queue()
            self._queue = None  # only its prompts were wanted

    async def _read_ended(self) -> None:
        page = await self._client.jobs(_ENDED, self._history_items)
        listed = page.jobs if page is not None else ()
        known = {_key(record): record for record in self._ended if _key(record) not in self._bare}
        missing = [record.prompt_id for record in listed if _key(record) not in known]
        full = {record.prompt_id: record for record in await self._read_full(missing)}
        self._bare = {
            _key(record) for record in listed if _key(record) not in known and record.prompt_id not in full
        }
        self._ended = tuple(
            known.get(_key(record)) or _merged(record, full.get(record.prompt_id)) for record in listed
        )

    async def _read_full(self, missing: Sequence[str]) -> list[JobRecord]:
        """Ended jobs with outputs and errors: as many as can be had in a few answers."""
        found: dict[str, JobRecord] = {}
        if len(missing) > _SINGLE_READS:
            wanted = set(missing)
            newest = await self._client.history(len(missing))
            found = {record.prompt_id: record for record in newest if record.prompt_id in wanted}
        for prompt_id in [prompt_id for prompt_id in missing if prompt_id not in found][:_SINGLE_READS]:
            record = await self._client.history_entry(prompt_id)
            # One that was deleted meanwhile is not asked for again.
            found[prompt_id] = record or JobRecord(prompt_id, JobState.COMPLETED, 0.0)
        self._learn(found.values())
        return list(map(_without_prompt, found.values()))

    # -- the older way -------------------------------------------------------------------------

    async def _read_by_queue(self, *, hurried: bool) -> Listed:
        """Whole prompts; the history only as far as it has changed."""
        due = hurried or self._queue is None or self._queue_is_due()
        if not due and not self._changed:
            # As many as before and the same one last in the history: it is the same queue.
            due = await self._client.queue_remaining() != len(self._last_active)
        if due:
            await self._read_queue()
        newest = await self._client.history(1)
        before = self._ended
        if not due and [_key(record) for record in newest] != [_key(record) for record in before[:1]]:
            self._changed = True
            if self._queue_is_due():
                await self._read_queue()
                newest = await self._client.history(1)
        assert self._queue is not None
        active = (*self._queue.running, *self._queue.pending)
        ids = frozenset(record.prompt_id for record in active)
        await self._follow_history(newest, self._last_active - ids)
        self._last_active = ids
        age_s = self._clock() - self._queue_at_s if self._changed else 0.0
        return replace(self._listed(active, before), age_s=age_s)

    def _queue_is_due(self) -> bool:
        if self._queue_size <= _SMALL_QUEUE_BYTES:
            return True
        rate = _CHANGED_BYTES_PER_S if self._changed else _UNCHANGED_BYTES_PER_S
        return self._clock() >= self._queue_at_s + self._queue_size / rate

    async def _read_queue(self) -> None:
        """Read the queue; an answer that is the same to the byte is not taken apart again."""
        body = await self._client.queue_text()
        mark = hash(body)
        if self._queue is None or mark != self._queue_mark or len(body) != self._queue_size:
            queue = await self._client.parse_queue(body)
            self._learn((*queue.running, *queue.pending))
            self._queue = Queue(
                tuple(map(_without_prompt, queue.running)), tuple(map(_without_prompt, queue.pending))
            )
        self._queue_size, self._queue_mark, self._queue_at_s = len(body), mark, self._clock()
        self._changed = False
        self._gone.clear()

    async def _follow_history(self, newest: Sequence[JobRecord], left: frozenset[str]) -> None:
        """Read the history back to what is known of it, and those that left the queue."""
        known = {_key(record) for record in self._ended}
        count, records = 1, tuple(newest)
        if self._all_again or (records and not known):
            count, records = self._history_items, await self._client.history(self._history_items)
            known = set()
        while records and not known.intersection(map(_key, records)) and count < self._history_items:
            if len(records) < count:
                break  # that is all of it
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
        joined = bool(known.intersection(map(_key, records)))
        ids = {record.prompt_id for record in new}
        old = [record for record in self._ended if record.prompt_id not in ids] if joined else []
        self._ended = (*map(_without_prompt, new), *old)[: self._history_items]

    # -- both ----------------------------------------------------------------------------------

    def _listed(self, active: Sequence[JobRecord], before: Sequence[JobRecord]) -> Listed:
        """An id in both has ended between the two answers, or else is an old one that was used again."""
        old = {_key(record) for record in before}
        self._gone |= {record.prompt_id for record in self._ended if _key(record) not in old}
        active = tuple(record for record in active if record.prompt_id not in self._gone)
        ids = {record.prompt_id for record in active}
        done = {record.prompt_id for record in active if record.state is JobState.RUNNING}
        done |= {record.prompt_id for record in self._ended}
        twice = (record.prompt_id for record in active if record.state is JobState.PENDING)
        return Listed(
            active,
            tuple(record for record in self._ended if record.prompt_id not in ids),
            twice=tuple(prompt_id for prompt_id in twice if prompt_id in done),
        )


def _same(one: JobsPage, other: JobsPage | None) -> bool:
    """Whether two answers about the newest ended job say that nothing has ended between them."""
    if other is None or one.total is None or one.total != other.total:
        return False
    return [_key(record) for record in one.jobs] == [_key(record) for record in other.jobs]


def _merged(listed: JobRecord, full: JobRecord | None) -> JobRecord:
    """The jobs API's entry, completed by the history's: outputs and the error's traceback."""
    if full is None:
        return listed
    return replace(listed, outputs=full.outputs, texts=full.texts, error=full.error or listed.error)


def _without_prompt(record: JobRecord) -> JobRecord:
    """Prompts and workflows are large and are read again when a job is opened."""
    return replace(record, prompt=None, extra_data={})
