"""What happened, out of what is published: the console's own list of events.

A slice of state says how things are; an event says that they have become so, once.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator

from comfy_tui.comfy.types import JobState
from comfy_tui.masking import mask_text
from comfy_tui.monitor.event_kinds import KINDS
from comfy_tui.monitor.journal.row import JournalEvent
from comfy_tui.monitor.state import Connection, Job, Jobs, Link, Notice, Update
from comfy_tui.text import clean, format_duration

#: So many jobs are remembered, and all that are listed.
_REMEMBERED = 500


class Changes:
    """Turns the slices of one server into events.

    What was there before the first look is not told: nobody knows when it happened.

    Args:
        server: its name, which the events carry.
        clock: the time in Unix seconds.
    """

    def __init__(self, server: str, clock: Callable[[], float] = time.time) -> None:
        self._server = server
        self._clock = clock
        self._link: Link = Link.CONNECTING
        self._states: OrderedDict[str, JobState] = OrderedDict()
        self._looked = False
        #: The newest end that the first look showed, by the server's clock.
        self._newest_end_s = 0.0

    def feed(self, update: Update) -> list[JournalEvent]:
        """The events that this slice tells of."""
        match update:
            case Connection():
                return list(self._connection(update))
            case Jobs() if update.read_at_s is not None and update.problem is None:
                return list(self._jobs(update))
            case Notice():
                return [self._notice(update)]
        return []

    def _event(
        self, kind: str, title: str, text: str = "", severity: str = "information", prompt_id: str = ""
    ) -> JournalEvent:
        return JournalEvent(
            kind,
            clean(mask_text(title), 200),
            clean(mask_text(text), 1000),
            severity,
            self._server,
            prompt_id,
            self._clock(),
        )

    def _connection(self, connection: Connection) -> Iterator[JournalEvent]:
        before, self._link = self._link, connection.link
        if connection.link == before or connection.link is Link.CONNECTING:
            return
        if connection.link is Link.ONLINE:
            title = "Connected" if before is Link.CONNECTING else "Connected again"
            yield self._event("connected", title, connection.url)
        elif before in (Link.CONNECTING, Link.ONLINE):
            problem = connection.problem
            title = problem.title if problem is not None else "No answer"
            text = problem.message if problem is not None else ""
            yield self._event("disconnected", title, text, "warning")

    def _notice(self, notice: Notice) -> JournalEvent:
        prompt_id = notice.prompt_ids[0] if len(notice.prompt_ids) == 1 else ""
        kind = notice.kind if notice.kind in KINDS else "note"
        return self._event(kind, notice.title, notice.message, notice.severity, prompt_id)

    def _jobs(self, jobs: Jobs) -> Iterator[JournalEvent]:
        first, self._looked = not self._looked, True
        if first:
            self._newest_end_s = max((job.ended_at_s or 0.0 for job in jobs.ended), default=0.0)
        # Oldest first, so that the list tells them in the order in which they happened.
        for job in (*reversed(jobs.ended), *jobs.running, *jobs.pending):
            before = self._states.get(job.prompt_id)
            self._states[job.prompt_id] = job.state
            self._states.move_to_end(job.prompt_id)
            if before == job.state or first:
                continue
            if job.state.ended:
                # An old entry of the history that comes into sight is no news.
                if before is not None or (job.ended_at_s or 0.0) > self._newest_end_s:
                    yield self._ended(job)
            elif job.ours:
                if before is None:
                    yield self._event("queued", job.title, "", prompt_id=job.prompt_id)
                if job.state is JobState.RUNNING:
                    yield self._event("started", job.title, "", prompt_id=job.prompt_id)
        listed = len(jobs.ended) + len(jobs.running) + len(jobs.pending)
        while len(self._states) > max(_REMEMBERED, listed):
            self._states.popitem(last=False)

    def _ended(self, job: Job) -> JournalEvent:
        elapsed_s = job.elapsed_s(self._clock())
        ran = f"ran {format_duration(elapsed_s)}" if elapsed_s is not None else ""
        whose = "" if job.ours else "another client's"
        text = ", ".join(part for part in (ran, whose) if part)
        if job.state is JobState.COMPLETED:
            return self._event("done", job.title, text, prompt_id=job.prompt_id)
        if job.state is JobState.CANCELLED:
            return self._event("cancelled", job.title, text, "warning", job.prompt_id)
        if job.error is not None:
            place = (
                f"{job.error.class_type or 'node'} ({job.error.node_id})" if job.error.node_id else "server"
            )
            first = job.error.message.strip().split("\n")[0]
            text = f"{place}: {job.error.exception_type}: {first}" + (f"; {text}" if text else "")
        return self._event("failed", job.title, text, "error", job.prompt_id)
