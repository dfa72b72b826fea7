"""From events to published progress: at most so often, and no longer than the job runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from comfy_tui.comfy.events import Event, LogLines
from comfy_tui.monitor.log_steps import last_step
from comfy_tui.monitor.progress import ProgressTracker
from comfy_tui.monitor.state import Jobs, Progress
from comfy_tui.monitor.submit import Submission

#: Progress is published at most so often: every repaint is bytes on the line.
PROGRESS_STEP_S = 0.2


class ProgressFeed:
    """The progress of one server's running job.

    Args:
        publish: takes each new :class:`Progress`.
    """

    def __init__(self, publish: Callable[[Progress], None]) -> None:
        self._publish = publish
        self._tracker = ProgressTracker()
        self._due: asyncio.TimerHandle | None = None
        #: A job whose events came, and that the last answer did not list as running.
        self._unlisted = ""

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return self._tracker.progress

    def close(self) -> None:
        """Publish nothing more."""
        if self._due is not None:
            self._due.cancel()

    def know(self, submission: Submission, client_id: str) -> None:
        """A prompt is about to be sent; its titles are needed where its events will come to ``client_id``."""
        if submission.client_id in (None, client_id):
            self._tracker.know(submission.prompt_id, submission.prompt)

    def forget(self, prompt_id: str) -> None:
        """The prompt will not run."""
        self._tracker.forget(prompt_id)

    def take(self, event: Event, jobs: Jobs) -> bool:
        """Take an event in; returns whether a prompt has ended.

        Args:
            event: what the socket told.
            jobs: the queue as of the last poll.
        """
        before, ended = self._tracker.progress, False
        if not isinstance(event, LogLines):
            ended = self._tracker.feed(event) is not None
        elif len(jobs.running) == 1:  # a bar in the log is of the job that runs, where only one does
            step = last_step(event.entries)
            if step is not None:
                self._tracker.feed_log(jobs.running[0].prompt_id, step)
        if self._tracker.progress != before and self._due is None:
            self._due = asyncio.get_running_loop().call_later(PROGRESS_STEP_S, self._show)
        return ended

    def polled(self, jobs: Jobs) -> None:
        """Drop the progress of a job that does not run; an answer may be older than the job's first event."""
        prompt_id = self._tracker.progress.prompt_id
        missing = bool(prompt_id) and all(job.prompt_id != prompt_id for job in jobs.running)
        if missing and (self._unlisted == prompt_id or jobs.find(prompt_id) in jobs.ended):
            self._tracker.forget(prompt_id)
            self._publish(self._tracker.progress)
        self._unlisted = prompt_id if missing else ""

    def _show(self) -> None:
        self._due = None
        self._publish(self._tracker.progress)
