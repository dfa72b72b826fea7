"""Reads a server's queue and history by the routes that every version has, in as few bytes as they allow.

The queue is always asked for before the history: a job that ends between the two answers is in both, never
in neither.  What is only asked for again in parts is put together here so that it equals the whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.types import JobRecord, JobState, Queue

#: Up to so many newly ended jobs are read one by one; more are read with one history call.
SINGLE_READS = 3
#: The history is looked at after so long although the socket has told of no change.
_LOOK_S = 30.0
#: A queue of up to so many bytes is read with each poll.
_SMALL_QUEUE_BYTES = 128 * 1024
#: A larger one is read at most at these rates: where it is known to have changed, and where not.
CHANGED_BYTES_PER_S = 1024 * 1024
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


def key_of(record: JobRecord) -> tuple[str, float | None]:
    """A job is known by its id and its end: what an answer says of both is not asked for again."""
    return record.prompt_id, record.ended_at_s


class LegacyListing:
    """The queue and the last part of the history of one server, by the routes that every version has.

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
        self._ended: tuple[JobRecord, ...] = ()
        #: Ended jobs whose outputs have not been read yet.
        self._bare: set[tuple[str, float | None]] = set()
        #: Jobs that have ended since the queue was read.
        self._gone: set[str] = set()
        self._all_again = False
        #: From this one on the history is taken for granted, until a quiet poll asks for it.
        self._behind = ""
        self.forget()

    @property
    def unfinished(self) -> bool:
        """Whether details of ended jobs are left for the next read, which should come soon."""
        return bool(self._bare)

    def forget(self) -> None:
        """The server may be another one now (it was gone): learn again what it lists."""
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
            listed = await self._ask(hurried=hurried)
            self._all_again = False
            return listed
        except BaseException:
            self._hurried |= hurried
            raise

    async def _ask(self, *, hurried: bool) -> Listed:
        """Whole prompts; the history only as far as it has changed."""
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
            known = [key_of(record) for record in self._ended[:1]]
            if not queue_read and [key_of(record) for record in newest] != known:
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
        rate = CHANGED_BYTES_PER_S if self._changed else _UNCHANGED_BYTES_PER_S
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
                tuple(map(without_prompt, queue.running)), tuple(map(without_prompt, queue.pending))
            )
        self._queue_size, self._queue_mark, self._queue_at_s = len(body), mark, self._clock()
        self._gone.clear()

    async def _follow_history(self, newest: Sequence[JobRecord], left: frozenset[str]) -> None:
        """Read the history back to what is known of it, and those that left the queue."""
        known = {key_of(record) for record in self._ended}
        count, records = 1, tuple(newest)
        if self._all_again or self._bare or (records and not known):
            count, records = self._history_items, await self._client.history(self._history_items)
            known, self._bare, self._behind = set(), set(), ""
        joined = self._ran_alone(newest)
        if joined:
            self._behind = self._behind or self._ended[0].prompt_id
        while records and not (joined or known.intersection(map(key_of, records))):
            if len(records) < count or count >= self._history_items:
                break  # that is all of it, or enough
            count = min(max(2 * count, len(left) + 1), self._history_items)
            records = await self._client.history(count)
        new = [record for record in records if key_of(record) not in known]
        there = {record.prompt_id for record in records}
        for prompt_id in sorted(left - there)[:SINGLE_READS]:
            # An id that was used again keeps its old place in the history.
            record = await self._client.history_entry(prompt_id)
            if record is not None and key_of(record) not in known:
                new.append(record)
        self._learn(new)
        joint = next((key_of(record) for record in records if key_of(record) in known), None)
        old = list(self._ended) if joined or joint is not None else []
        gone = await self._deleted(old, joint, there)
        fresh = {record.prompt_id for record in new}
        seen = [record for record in old if record.prompt_id in there - fresh]
        rest = [record for record in old if record.prompt_id not in there | fresh | gone]
        self._ended = (*map(without_prompt, new), *seen, *rest)[: self._history_items]

    async def _deleted(
        self, old: Sequence[JobRecord], joint: tuple[str, float | None] | None, there: set[str]
    ) -> set[str]:
        """Which of the newest that were known are not in the history any more."""
        gone: set[str] = set()
        if joint is not None:
            keys = [key_of(record) for record in old]
            ahead = [prompt_id for prompt_id, _ in keys[: keys.index(joint)] if prompt_id not in there]
            for prompt_id in ahead[:SINGLE_READS]:
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

    def _listed(self, active: Sequence[JobRecord], before: Sequence[JobRecord]) -> Listed:
        """An id in both has ended between the two answers, or else is an old one that was used again."""
        old = {key_of(record) for record in before}
        # Of one whose prompt was never read nobody knows whose it is: it is listed when that is read.
        unknown = {key for key in self._bare if not self._knows(key[0])}
        self._gone |= {record.prompt_id for record in self._ended if key_of(record) not in old}
        active = tuple(record for record in active if record.prompt_id not in self._gone)
        ids = {record.prompt_id for record in active}
        done = {record.prompt_id for record in active if record.state is JobState.RUNNING}
        done |= {record.prompt_id for record in self._ended}
        twice = (record.prompt_id for record in active if record.state is JobState.PENDING)
        return Listed(
            active,
            tuple(job for job in self._ended if job.prompt_id not in ids and key_of(job) not in unknown),
            twice=tuple(prompt_id for prompt_id in twice if prompt_id in done),
        )


def without_prompt(record: JobRecord) -> JobRecord:
    """Prompts and workflows are large and are read again when a job is opened."""
    return replace(record, prompt=None, extra_data={})
