"""One job, opened: what it was asked, what it made, why it failed."""

from __future__ import annotations

import asyncio
import dataclasses
import textwrap
from collections.abc import Iterable
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from comfy_tui.errors import ComfyError
from comfy_tui.monitor.state import Job, Jobs, Kept, KeptAs, Unsent
from comfy_tui.monitor.troubleshoot.diagnose import cause_of
from comfy_tui.screens.base import ConsoleScreen
from comfy_tui.screens.failure_actions import has_failed, read_failure
from comfy_tui.screens.job_actions import JobActions
from comfy_tui.text import clean, shorten
from comfy_tui.widgets.bindings import bindings
from comfy_tui.widgets.chrome import seen_until_s
from comfy_tui.widgets.failure_lines import cause_lines
from comfy_tui.widgets.job_report import fact_lines, report, unsent_report
from comfy_tui.widgets.job_row import Entry, state_words, who
from comfy_tui.widgets.job_text import kept_advice, memory_words, summary_facts, times_words
from comfy_tui.widgets.line_view import Line, LineView
from comfy_tui.widgets.live_preview import LivePreview
from comfy_tui.widgets.progress_line import progress_words
from comfy_tui.widgets.standstill_line import standstill_words

#: Keys that the footer of a failed job shows, and that are off for the others.
_FOR_FAILURES = ("job.free_again", "job.node", "job.report")


class JobScreen(ConsoleScreen, JobActions):
    """The page of a job; it follows the job through its states.

    Args:
        entry: the job as the list knows it.
    """

    MODE = "queue"
    AREA = "job"
    SLICES = ("jobs", "progress", "standstill")
    BINDINGS: ClassVar[list[BindingType]] = [
        *(binding for binding in bindings("app") if binding.id in ("app.back", "app.refresh")),
        *bindings("job", leave_out=("job.clear", *_FOR_FAILURES)),
        *(dataclasses.replace(item, show=True) for item in bindings("job") if item.id in _FOR_FAILURES),
        *(binding for binding in bindings("list") if binding.id == "list.copy"),
        Binding("q", "go_back", "Back", show=True),
    ]
    DEFAULT_CSS = """
    JobScreen {
        & #head { height: auto; max-height: 8; padding: 0 1; }
        & LineView { height: 1fr; }
        & #picture { height: 40%; max-height: 16; }
    }
    """

    def __init__(self, entry: Entry) -> None:
        super().__init__()
        self._entry = entry
        self._listed = True
        #: There is evidence that it does not get on.
        self._stands_still = False
        self._read_once = False
        self._head = ""

    def compose_body(self) -> ComposeResult:
        """Three lines of facts above the long text."""
        yield Static(id="head", markup=False)
        yield LivePreview(id="picture")
        yield LineView()

    def on_mount(self) -> None:
        """Read the job from the server."""
        self.query_one(LineView).focus()
        self._read()

    def _read(self) -> None:
        if isinstance(self._entry, Unsent):
            self.query_one(LineView).set_lines(unsent_report(self._entry))
            return
        if isinstance(self._entry, Kept):
            self.run_worker(partial(self._recall, self._entry), group="record", exclusive=True)
            return
        if not self._read_once:
            self.query_one(LineView).set_lines((*_known(self._entry), Line("Reading the job ...", "dim")))
        self.run_worker(partial(self._fetch, self._entry), group="record", exclusive=True)

    async def _recall(self, entry: Kept) -> None:
        session = self.console.session
        job = await session.shelf.one(entry.prompt_id) if session is not None else None
        head: tuple[Line, ...] = (
            Line(clean(entry.evidence, 2000)),
            Line(kept_advice(entry), "dim"),
            Line(""),
        )
        lines = await asyncio.to_thread(report, job.record(), job.error) if job is not None else ()
        if entry.kept_as is KeptAs.LOST:
            head = (*head, *cause_lines(cause_of("lost")), Line(""))
        self._show((*head, *lines))

    async def _fetch(self, job: Job) -> None:
        session = self.console.session
        try:
            if session is None:
                raise ComfyError("The console is not connected yet", "", "r asks again.")
            record = await session.control.record(job.prompt_id)
        except ComfyError as error:
            problem = (
                Line(f"! {clean(error.title)}", "bad"),
                Line(clean(error.message, 2000)),
                Line(clean(error.hint, 1000), "dim"),
            )
            self._show((*problem, Line(""), *_known(job)))
            return
        failure = await read_failure(self.console, session, job, record) if has_failed(job) else None
        lines = await asyncio.to_thread(report, record, job.error, failure)
        self._read_once = True
        stuck = (*cause_lines(cause_of("stuck")), Line("")) if self._stands_still else ()
        self._show((*stuck, *lines))

    def _show(self, lines: Iterable[Line]) -> None:
        self.query_one(LineView).set_lines(lines)

    def paint(self) -> None:
        """Show where the job is now; read it again once that has changed."""
        before, jobs = self._entry, self.console.jobs
        off: tuple[Entry, ...] = (*jobs.unsent, *jobs.kept)
        waiting = next((item for item in off if item.prompt_id == before.prompt_id), None)
        now = jobs.find(before.prompt_id) or waiting
        self._listed = now is not None
        self._entry = now or before
        still = self.console.standstill
        was_still, self._stands_still = (
            self._stands_still,
            still.quiet and still.prompt_id == before.prompt_id,
        )
        if _phase(before) != _phase(self._entry) or was_still != self._stands_still:
            self._read()
            self.refresh_bindings()
        self._paint_head()

    def _paint_head(self) -> None:
        entry, jobs, preview = self._entry, self.console.jobs, None
        width = max(20, self.size.width - 2)
        state = state_words(entry)
        if not self._listed:
            state = f"{state} when last seen; the server does not list it now"
        places = [job.prompt_id for job in jobs.pending]
        if entry.prompt_id in places:
            state += f" · {places.index(entry.prompt_id) + 1} of {len(places)}"
        lines = [clean(entry.title, 200), f"{state} · {who(entry)} · {clean(entry.prompt_id, 60)}"]
        if isinstance(entry, Job):
            seen_s = seen_until_s(jobs.read_at_s, self.now_s(), self.console.options.interval_s)
            lines.append(times_words(entry, self.now_s(), seen_s))
            session = self.console.session
            memory = session.register.memory_of(entry.prompt_id) if session is not None else None
            if memory is not None:
                lines.append(memory_words(memory))
            # The list may tell that it has ended before the socket does, and then another one runs.
            progress = self.console.progress
            if entry in jobs.running:
                preview = progress.preview if progress.prompt_id == entry.prompt_id else None
                lines.append(progress_words(Jobs((entry,)), progress, width, self.now_s()))
        still = self.console.standstill
        if still.prompt_id == entry.prompt_id:
            said = standstill_words(still, self.console.progress, self.now_s())
            lines += textwrap.wrap(said, width)[:3]
        self.query_one("#picture", LivePreview).show_preview(preview)
        words = "\n".join(shorten(line, width) for line in lines)
        if words != self._head:
            self._head = words
            text = Text(words, no_wrap=True)
            text.stylize("bold", 0, words.find("\n"))
            self.query_one("#head", Static).update(text)

    def _tick(self) -> None:
        super()._tick()
        if self.is_current and not (isinstance(self._entry, Job) and self._entry.state.ended):
            self._paint_head()

    @property
    def hidden_hints(self) -> frozenset[str]:
        """What is for failures, while there is none; what is for open jobs, once it has ended."""
        job = self._entry if isinstance(self._entry, Job) else None
        failed = job is not None and has_failed(job)
        ended = job is not None and job.state.ended
        return frozenset(
            (() if failed else ("free_requeue", "copy_report")) + (("cancel_job",) if ended else ())
        )

    def action_free_requeue(self) -> None:
        """Free the memory of all models, then queue the job again, where it failed."""
        if "free_requeue" in self.hidden_hints:
            self.console.tell("Nothing to free memory for", "This job did not fail; u queues it again.")
        else:
            super().action_free_requeue()

    def chosen_entries(self) -> tuple[Entry, ...]:
        """The job of this page."""
        return (self._entry,)

    def action_refresh_now(self) -> None:
        """Ask the server again, for this job too."""
        self.console.action_refresh_now()
        self._read()

    def action_go_back(self) -> None:
        """Back to the list."""
        self.dismiss(None)


def _phase(entry: Entry) -> str:
    if isinstance(entry, Kept):
        return entry.kept_as.value
    return "unsent" if isinstance(entry, Unsent) else entry.state.value


def _known(job: Job) -> tuple[Line, ...]:
    """What the list knows, shown while the rest is read and where it cannot be read."""
    if job.summary is None:
        return ()
    lines = [line for label, value in summary_facts(job.summary) for line in fact_lines(label, value)]
    return (Line("Known from the list", "heading"), *lines, Line(""))
