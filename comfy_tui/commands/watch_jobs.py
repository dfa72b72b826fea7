"""Follows jobs that somebody queued, and tells of them: to a script or to a person."""

from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.types import JobRecord, Queue
from comfy_tui.commands.common import say, tell
from comfy_tui.commands.run_jobs import STATES
from comfy_tui.commands.run_report import Line
from comfy_tui.errors import EXIT_FAILURE, EXIT_OK, ApiError
from comfy_tui.monitor.eta import Eta, eta, eta_text
from comfy_tui.monitor.find import find_job
from comfy_tui.monitor.follow import Ended, Follower, Lost, NoAnswer, Running, Waiting
from comfy_tui.monitor.jobs import title_of
from comfy_tui.monitor.state import Progress
from comfy_tui.text import clean, count_of, format_duration
from comfy_tui.workflow.parameters import summarize

#: Progress is told at most so often.
STEP_S = 0.25
#: Between two looks at a queue in which nothing runs yet.
_LOOK_S = 0.5
_BAR = 20


@dataclass(slots=True)
class Seen:
    """A job and what is known of it."""

    prompt_id: str
    title: str = ""
    before: int | None = None
    #: When it was first seen to run, and whether it was seen to begin.
    started_s: float | None = None
    saw_start: bool = False
    #: How long earlier runs of its workflow took.
    usual_s: float | None = None

    def eta(self, progress: Progress) -> Eta | None:
        """How long it still takes; None while that is not known."""
        known = self.started_s if self.saw_start else None
        return eta(None if known is None else time.monotonic() - known, self.usual_s, progress.steps_left_s)


class Teller:
    """Takes what happens; each is told in a thread, so that a slow reader never holds up the socket."""

    async def waiting(self, job: Seen) -> None:
        """It waits behind others."""

    async def started(self, job: Seen) -> None:
        """It runs."""

    async def progress(self, job: Seen, progress: Progress) -> None:
        """It came on, or some time has passed."""

    async def ended(self, job: Seen, record: JobRecord | None, state: str) -> None:
        """It is over."""

    async def words(self, text: str) -> None:
        """Something that a person should know."""
        await asyncio.to_thread(say, text)

    def clear(self) -> None:
        """Leave the terminal tidy."""


class EventTeller(Teller):
    """A JSON object a line on stdout."""

    def __init__(self) -> None:
        self._next_s = 0.0

    async def waiting(self, job: Seen) -> None:
        """See :class:`Teller`."""
        await self._tell("waiting", job, before=job.before)

    async def started(self, job: Seen) -> None:
        """See :class:`Teller`."""
        await self._tell("started", job, usual_s=_rounded(job.usual_s, 2))

    async def progress(self, job: Seen, progress: Progress) -> None:
        """See :class:`Teller`; the last step is always told."""
        now = time.monotonic()
        if not progress.max or (now < self._next_s and progress.value < progress.max):
            return
        self._next_s = now + STEP_S
        found = job.eta(progress)
        await self._tell(
            "progress",
            job,
            value=progress.value,
            max=progress.max,
            per_s=_rounded(progress.per_s, 3),
            steps_left_s=_rounded(progress.steps_left_s, 1),
            left_s=_rounded(found.left_s, 1) if found is not None and found.basis == "median" else None,
            node=progress.node_title or None,
            from_log=progress.from_log,
        )

    async def ended(self, job: Seen, record: JobRecord | None, state: str) -> None:
        """See :class:`Teller`."""
        error = record.error if record is not None else None
        told = None
        if error is not None:
            node = {"node_id": error.node_id, "class_type": error.class_type}
            told = {"type": error.exception_type, "message": error.message, **node}
        await self._tell("ended", job, state=state, error=told, elapsed_s=_took_s(record))

    async def _tell(self, event: str, job: Seen, /, **more: Any) -> None:
        # ASCII: whatever the server said, no byte of it acts on a terminal.
        line = json.dumps({"event": event, "prompt_id": job.prompt_id, "title": job.title, **more})
        await asyncio.to_thread(tell, line)


class WordTeller(Teller):
    """Ends on stdout, a line each; on a terminal a line that moves on stderr."""

    def __init__(self, line: Line | None) -> None:
        self._line = line

    async def waiting(self, job: Seen) -> None:
        """See :class:`Teller`."""
        words = f"waits behind {count_of(job.before, 'job')}" if job.before else "is next"
        await self._draw(f"{_named(job)}  {words}")

    async def started(self, job: Seen) -> None:
        """See :class:`Teller`."""
        await self._draw(self._running(job, Progress()))

    async def progress(self, job: Seen, progress: Progress) -> None:
        """See :class:`Teller`."""
        if self._line is not None and self._line.is_due:
            await self._draw(self._running(job, progress))

    async def ended(self, job: Seen, record: JobRecord | None, state: str) -> None:
        """See :class:`Teller`."""
        self.clear()
        took = _took_s(record)
        words = f"{clean(job.prompt_id, 40)}  {state}"
        words += "" if took is None else f" after {format_duration(took)}"
        await asyncio.to_thread(tell, f"{words}  {clean(job.title, 100)}".rstrip())
        error = record.error if record is not None else None
        if error is not None:
            where = f"node {clean(error.node_id or '?', 40)} {clean(error.class_type or '', 60)}".rstrip()
            await self.words(f"{where}: {error.exception_type}: {error.message}")

    async def words(self, text: str) -> None:
        """See :class:`Teller`."""
        self.clear()
        await super().words(text)

    def clear(self) -> None:
        """See :class:`Teller`."""
        if self._line is not None:
            self._line.clear()

    def _running(self, job: Seen, progress: Progress) -> str:
        parts = [_named(job)]
        if progress.max:
            full = round(min(1.0, max(0.0, progress.value / progress.max)) * _BAR)
            label = "log: " if progress.from_log else f"{progress.node_title} "
            parts.append(f"{label}[{'#' * full}{'-' * (_BAR - full)}] {progress.value:g}/{progress.max:g}")
        else:
            parts.append("runs")
        if progress.per_s:
            parts.append(f"{progress.per_s:.1f}/s")
        parts.append(eta_text(job.eta(progress)))
        if job.started_s is not None:
            bound = "" if job.saw_start else "> "
            parts.append(bound + format_duration(int(time.monotonic() - job.started_s)))
        return "  ".join(parts)

    async def _draw(self, text: str) -> None:
        if self._line is not None:
            await asyncio.to_thread(self._line.draw, text)


def make_teller(*, as_json: bool) -> Teller:
    """The teller that suits who reads."""
    return EventTeller() if as_json else WordTeller(Line() if sys.stderr.isatty() else None)


class Watcher:
    """Follows jobs of one server.

    Args:
        client: the server.
        teller: is told what happens.
        journal: the file of the journal, which is only read.
    """

    def __init__(self, client: ComfyClient, teller: Teller, journal: Path) -> None:
        self._client = client
        self._teller = teller
        self._journal = journal
        self._titles: dict[str, str] = {}
        self._code = EXIT_OK

    async def job(self, beginning: str) -> int:
        """Follow one job to its end; returns the exit code.

        Raises:
            ComfyError: there is no such job, several, or the server does not answer.
        """
        prompt_id = await find_job(self._client, beginning)
        async with self._follower() as follower:
            await self._follow(follower, prompt_id, await self._ask())
        return self._code

    async def queue(self) -> int:
        """Follow all that the queue holds, and what comes meanwhile, until it is empty.

        Raises:
            ApiError: the server does not answer.
        """
        seen: dict[str, None] = {}
        told: set[str] = set()
        async with self._follower() as follower:
            while True:
                queue = await self._client.queue()
                active = {record.prompt_id for record in (*queue.running, *queue.pending)}
                seen.update(dict.fromkeys(active))
                for prompt_id in [item for item in seen if item not in active and item not in told]:
                    told.add(prompt_id)
                    await self._tell_end(prompt_id)
                if not active:
                    break
                fresh = [record.prompt_id for record in queue.running if record.prompt_id not in told]
                if fresh:
                    told.add(fresh[0])
                    await self._follow(follower, fresh[0], queue)
                else:
                    await asyncio.sleep(_LOOK_S)
        if not seen:
            await self._teller.words("nothing runs and nothing waits")
        return self._code

    def _follower(self) -> Follower:
        return Follower(self._client, client_id=f"comfy-tui-{uuid.uuid4().hex}", logs=True)

    async def _follow(self, follower: Follower, prompt_id: str, queue: Queue | None) -> None:
        job = await self._meet(prompt_id, queue)
        progress = Progress()
        async for step in follower.follow(prompt_id, {}):
            match step:
                case Waiting(before):
                    if before != job.before:
                        job.before = before
                        await self._teller.waiting(job)
                case Running(news):
                    if job.started_s is None:
                        job.started_s, job.saw_start = time.monotonic(), job.before is not None
                        await self._teller.started(job)
                    progress = news or progress
                    await self._teller.progress(job, progress)
                case NoAnswer(error):
                    job.before = None  # it may begin unseen
                    words = "the server answers again" if error is None else f"{error}; asking again"
                    await self._teller.words(words)
                case Ended(record):
                    await self._end(job, record)
                case Lost():
                    await self._end(job, None)

    async def _tell_end(self, prompt_id: str) -> None:
        """Of a job that nobody followed: it was over between two looks."""
        record = await self._client.history_entry(prompt_id)
        await self._end(Seen(prompt_id, self._titles.get(prompt_id, "")), record)

    async def _end(self, job: Seen, record: JobRecord | None) -> None:
        state = "lost" if record is None else STATES.get(record.state, "failed")
        if state != "completed":
            self._code = EXIT_FAILURE
        if record is not None and record.prompt is not None and not job.title:
            job.title = title_of(record.prompt, record.extra_data, summarize(record.prompt))
        await self._teller.ended(job, record, state)

    async def _ask(self) -> Queue | None:
        """What it is called and usually takes is no reason to give up."""
        try:
            return await self._client.queue()
        except ApiError:
            return None

    async def _meet(self, prompt_id: str, queue: Queue | None) -> Seen:
        """What the queue and the journal tell of a job."""
        job = Seen(prompt_id)
        for record in (*queue.running, *queue.pending) if queue is not None else ():
            if record.prompt is None:
                continue
            if record.prompt_id not in self._titles:
                title = title_of(record.prompt, record.extra_data, summarize(record.prompt))
                self._titles[record.prompt_id] = title
            if record.prompt_id == prompt_id:
                job.usual_s = await asyncio.to_thread(self._usual_s, record.prompt)
        job.title = self._titles.get(prompt_id, "")
        return job

    def _usual_s(self, prompt: Mapping[str, Any]) -> float | None:
        from comfy_tui.monitor.journal.median_table import look_up

        return look_up(self._journal, prompt, server=self._client.profile.url)


def _named(job: Seen) -> str:
    return f"{clean(job.prompt_id, 200)[:8]} {clean(job.title, 40)}".rstrip()


def _took_s(record: JobRecord | None) -> float | None:
    if record is None or record.started_at_s is None or record.ended_at_s is None:
        return None
    return round(max(0.0, record.ended_at_s - record.started_at_s), 2)


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
