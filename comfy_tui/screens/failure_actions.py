"""What can be done with a job that failed: put together what is known, copy it, go to where it broke."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from textual.screen import Screen

from comfy_tui.comfy.types import ExecutionError, JobRecord, JobState
from comfy_tui.errors import ComfyError
from comfy_tui.monitor.journal.row import JournalJob
from comfy_tui.monitor.logs.excerpt import Excerpt, around_failure
from comfy_tui.monitor.memory_log import MemoryPoint, MemoryThen
from comfy_tui.monitor.state import Job
from comfy_tui.monitor.troubleshoot.failure import Failure, failure_of
from comfy_tui.monitor.troubleshoot.issue import issue_report
from comfy_tui.text import clean
from comfy_tui.widgets.job_row import Entry

if TYPE_CHECKING:
    from comfy_tui.app import ComfyApp
    from comfy_tui.monitor.session import Session


def has_failed(job: Job) -> bool:
    """Whether there is something to look into."""
    return job.error is not None or job.state in (JobState.FAILED, JobState.CANCELLED)


async def read_failure(console: ComfyApp, session: Session, job: Job, record: JobRecord) -> Failure:
    """All that is known of a failure; a log that cannot be read is said, and stops nothing."""
    excerpt = await _excerpt(session, record.error or job.error, job.ended_at_s)
    memory = console.memory_of(job)
    if memory is None and (row := await session.shelf.one(job.prompt_id)) is not None:
        memory = _kept_memory(row)
    return failure_of(job, record, excerpt=excerpt, memory=memory, stats=console.health.stats)


async def known_failure(console: ComfyApp, job: JournalJob) -> Failure:
    """The same of a job of the journal, whatever its server still has of it."""
    session, stats = console.session, None
    if session is not None and session.profile.url == job.server:
        excerpt, stats = await _excerpt(session, job.error, job.ended_at_s), console.health.stats
    else:
        excerpt = Excerpt(why_not="it ran on a server that is not watched now, whose log is not read")
    return failure_of(job, job.record(), excerpt=excerpt, memory=_kept_memory(job), stats=stats)


async def _excerpt(session: Session, error: ExecutionError | None, ended_at_s: float | None) -> Excerpt:
    try:
        entries = await session.client.log_entries()
        return await asyncio.to_thread(around_failure, entries, error, ended_at_s)
    except ComfyError as problem:
        return Excerpt(why_not=f"the log cannot be read: {clean(problem.message or problem.title)}")


def _kept_memory(row: JournalJob) -> MemoryThen | None:
    """The largest memory that the journal keeps of a job whose end this run of the console did not see."""
    if not row.vram_peak_bytes:
        return None
    ended_at_s = row.ended_at_s or 0.0
    return MemoryThen(None, MemoryPoint(ended_at_s, row.vram_peak_bytes, 0, is_vram=True), ended_at_s)


class FailureActions(Screen[Any]):
    """The actions for failures of the area ``job``; for screens that say which jobs are chosen."""

    def chosen_entries(self) -> tuple[Entry, ...]:
        """What the keys act on; to be given by the screen."""
        return ()

    def _chosen_job(self) -> Job | None:
        return next((entry for entry in self.chosen_entries() if isinstance(entry, Job)), None)

    @property
    def _tui(self) -> ComfyApp:
        return cast("ComfyApp", self.app)

    def action_copy_report(self) -> None:
        """Copy the failure as Markdown, for an issue."""
        job = self._chosen_job()
        if job is None or not has_failed(job):
            words = "Choose a job first." if job is None else "This job did not fail."
            self._tui.tell("No report", words)
            return

        async def call(session: Session) -> str:
            record = await session.control.record(job.prompt_id)
            return issue_report(await read_failure(self._tui, session, job, record))

        def done(report: str) -> None:
            self._tui.copy(report, "report for an issue")

        self._tui.act(call, done)

    def action_open_node(self) -> None:
        """Open the workflow of the job at the node that failed, or at its first one."""
        job = self._chosen_job()
        if job is None:
            self._tui.tell("No workflow", "Choose a job first.")
            return

        async def call(session: Session) -> None:
            from comfy_tui.screens.run_opening import open_run

            record = await session.control.record(job.prompt_id)
            error = record.error or job.error
            node_id = (error.node_id if error is not None else "") or next(iter(record.prompt or {}), "")
            await open_run(self._tui, job.title, job.prompt_id, record.prompt or {}, record.workflow, node_id)

        self._tui.act(call, lambda _: None)
