"""Reads a server's queue and history by its jobs API, in as few bytes as that allows, where it has one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from comfy_tui.comfy.types import JobRecord, JobsPage, JobState
from comfy_tui.errors import ServerError
from comfy_tui.monitor.legacy_listing import (
    CHANGED_BYTES_PER_S,
    SINGLE_READS,
    LegacyListing,
    Listed,
    key_of,
    without_prompt,
)

_ACTIVE = (JobState.RUNNING, JobState.PENDING)
_ENDED = (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED)
#: So many of the newest are asked for first: what is known is put behind them.
_SHORT = 4
#: Details of ended jobs are read up to so many bytes a poll, but one, and the rest with the next polls.
_DETAIL_BYTES = 44_000
#: So many without details wait at most: they would leave the list before their turn.
_MOST_BARE = 12
#: What an ended job takes of a list, about.
_LISTED_BYTES = 280
_EVERYTHING = float("inf")


class Listing(LegacyListing):
    """The queue and the last part of the history of one server; by the older routes where they must be."""

    #: How large a history entry is, going by the last ones.
    _entry_bytes = 0

    def forget(self) -> None:
        """The server may be another one now (it was gone): learn again what it can do and lists."""
        super().forget()
        self._legacy: bool | None = None
        #: How many ended jobs there were in all, and whether all that is listed was seen together with that.
        self._total: int | None = None
        self._sure = False

    async def _ask(self, *, hurried: bool) -> Listed:
        listed = None if self._legacy else await self._read_by_jobs_api(hurried=hurried)
        if listed is None:
            self._sure = False  # for the jobs API, if that answers again
            listed = await super()._ask(hurried=hurried)
        return listed

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
        if hurried or self._clock() >= self._queue_at_s + self._queue_size / CHANGED_BYTES_PER_S:
            await self._read_queue()
            self._queue = None  # only its prompts were wanted

    async def _ended_page(self, limit: int) -> JobsPage:
        """The newest ended jobs, by when they were queued, and how many there are."""
        return await self._client.jobs(_ENDED, limit) or JobsPage((), None)

    async def _has_moved(self) -> bool:
        """Whether something has ended, or was deleted, since the list was read."""
        page = await self._ended_page(1)
        same = page.total is not None and page.total == self._total
        return not same or [*map(key_of, page.jobs)] != [*map(key_of, self._ended[:1])]

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
        known = {key_of(record): record for record in self._ended if key_of(record) not in self._bare}
        self._bare = {key_of(record) for record in missing if record.prompt_id not in full}
        self._ended = tuple(
            known.get(key_of(record)) or _merged(record, full.get(record.prompt_id)) for record in listed
        )
        self._total, self._sure = page.total, sure

    def _missing(self, listed: Iterable[JobRecord]) -> list[JobRecord]:
        """Those whose details are not known; first those of which not even the prompt is."""
        known = {key_of(record) for record in self._ended} - self._bare
        missing = (record for record in listed if key_of(record) not in known)
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
        known = {key_of(record) for record in self._ended}
        before = {record.prompt_id for record in self._ended}
        ids = {record.prompt_id for record in page.jobs}
        new = {record.prompt_id for record in page.jobs if key_of(record) not in known}
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
        if len(wanted) > SINGLE_READS and fits:
            newest, size_bytes = await self._client.sized_history(len(wanted))
            found = {record.prompt_id: record for record in newest if record.prompt_id in set(wanted)}
            self._measured(size_bytes // max(1, len(newest)))
            room_bytes -= size_bytes
        for prompt_id in [prompt_id for prompt_id in wanted if prompt_id not in found][:SINGLE_READS]:
            if self._entry_bytes > room_bytes and (found or not must):
                break
            record, size_bytes = await self._client.sized_history_entry(prompt_id)
            self._measured(size_bytes)
            room_bytes -= size_bytes
            # One that was deleted meanwhile is not asked for again.
            found[prompt_id] = record or JobRecord(prompt_id, JobState.COMPLETED, 0.0)
        self._learn(found.values())
        return {prompt_id: without_prompt(record) for prompt_id, record in found.items()}

    def _measured(self, size_bytes: int) -> None:
        """One small entry does not make the next one small."""
        self._entry_bytes = max(size_bytes, self._entry_bytes * 9 // 10)


def _merged(listed: JobRecord, full: JobRecord | None) -> JobRecord:
    """The jobs API's entry, completed by the history's: outputs and the error's traceback."""
    if full is None:
        return listed
    return replace(listed, outputs=full.outputs, texts=full.texts, error=full.error or listed.error)
