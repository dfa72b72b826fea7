"""Mode 6: every job that was ever seen, on any server: found by words, queued again, opened."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from comfy_tui.errors import ComfyError
from comfy_tui.monitor.journal.row import JournalJob
from comfy_tui.screens.base import ConsoleScreen
from comfy_tui.screens.failure_actions import known_failure
from comfy_tui.screens.history_actions import HistoryActions, did_fail, recall
from comfy_tui.text import clean, count_of
from comfy_tui.widgets.bindings import bindings
from comfy_tui.widgets.chrome import EmptyState
from comfy_tui.widgets.filter_bar import Filterable, FilterBar
from comfy_tui.widgets.history_row import COLUMNS, history_head, history_rows
from comfy_tui.widgets.job_report import report
from comfy_tui.widgets.line_view import Line, LineView
from comfy_tui.widgets.row_list import RowList

if TYPE_CHECKING:
    import sqlite3

    from comfy_tui.monitor.journal.search_table import Found

#: The list holds so many; words find the others.
SHOWN = 500
#: Keys that the footer of a failed job shows, and that are off for the others.
_FOR_FAILURES = ("history.free_again", "history.report")


class HistoryScreen(ConsoleScreen, Filterable, HistoryActions):
    """The journal's jobs, newest first."""

    MODE = "history"
    AREA = "history"
    SLICES = ("jobs",)
    FILTERED = "#known"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("history"),
        *(binding for binding in bindings("list") if binding.id == "list.copy"),
    ]
    DEFAULT_CSS = """
    HistoryScreen {
        & #sums { height: 1; padding: 0 1; color: $text-muted; }
        & #known { height: 1fr; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._jobs: dict[str, JournalJob] = {}
        #: What the list was made from: the journal's state and the words.
        self._stamp: object = None
        self._sums = ""

    def compose_body(self) -> ComposeResult:
        """Sums, the words, the list."""
        yield Static(id="sums", markup=False)
        yield FilterBar("filter: words of the prompt, workflow, node, model, server; done, failed, lost ...")
        yield RowList(COLUMNS, markable=True, id="known")
        yield EmptyState(id="empty")

    def on_mount(self) -> None:
        """The keys go to the list."""
        self.query_one("#known").focus()

    def paint(self) -> None:
        """Look into the journal, if that has changed."""
        if self.console.journal is not None:
            self.run_worker(self._look, group="journal", exclusive=True)
        elif not self._jobs:
            self._show_empty("Opening the journal ...", "? shows the keys, q leaves")

    def filter_changed(self) -> None:
        """Show the jobs that hold the words."""
        self.paint()

    async def _look(self) -> None:
        from comfy_tui.monitor.journal.search_table import search

        journal, words, before = self.console.journal, self.filter_text, self._stamp
        assert journal is not None

        def work(connection: sqlite3.Connection) -> tuple[object, Found | None]:
            version = connection.execute("PRAGMA data_version").fetchone()[0]
            stamp = (id(connection), version, connection.total_changes, words)
            return stamp, None if stamp == before else search(connection, words, limit=SHOWN)

        stamp, found = await journal.call(work)
        if found is None:
            return
        self._stamp = stamp
        self._jobs = {str(job.row_id): job for job in found.jobs}
        rows = history_rows(found.jobs)
        row_list = self.query_one("#known", RowList)
        row_list.display = bool(rows)
        row_list.set_rows(rows)
        if rows and self.focused is None:
            row_list.focus()
        self.query_one("#empty").display = not rows
        if not rows and words:
            self._show_empty(f"No job holds {words!r}", "escape clears the filter")
        elif not rows:
            self._show_empty("The journal is empty", "Every job that is seen from now on is listed here.")
        sums = count_of(found.everything, "job")
        if words:
            sums = f"{found.total} of {sums}"
        if found.total > len(found.jobs):
            sums += f" · the newest {len(found.jobs)} are shown, / finds the others"
        if not journal.durable:
            sums += " · of this run only: the journal cannot be written"
        if sums != self._sums:
            self._sums = sums
            self.query_one("#sums", Static).update(clean(sums))

    def _show_empty(self, title: str, words: str) -> None:
        empty = self.query_one("#empty", EmptyState)
        empty.display = True
        self.query_one("#known").display = False
        empty.say(title, words)

    def chosen_jobs(self) -> tuple[JournalJob, ...]:
        """The marked jobs, else the one under the cursor."""
        keys = self.query_one("#known", RowList).chosen_keys()
        return tuple(self._jobs[key] for key in keys if key in self._jobs)

    def acted(self) -> None:
        """What was marked is not marked for the next action."""
        self.query_one("#known", RowList).clear_marks()

    def on_row_list_opened(self, message: RowList.Opened) -> None:
        """Open the job."""
        job = self._jobs.get(message.key)
        if job is not None:
            self.app.push_screen(KnownJobScreen(job))


class KnownJobScreen(ConsoleScreen, HistoryActions):
    """One job of the journal: its fate, its times, and what it was asked.

    Args:
        job: as the list has it.
    """

    MODE = "history"
    AREA = "history"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(binding for binding in bindings("app") if binding.id in ("app.back", "app.refresh")),
        *bindings("history", leave_out=_FOR_FAILURES),
        *(dataclasses.replace(item, show=True) for item in bindings("history") if item.id in _FOR_FAILURES),
        *(binding for binding in bindings("list") if binding.id == "list.copy"),
        Binding("q", "go_back", "Back", show=True),
    ]
    DEFAULT_CSS = """
    KnownJobScreen {
        & #head { height: 1; padding: 0 1; text-style: bold; }
        & LineView { height: 1fr; }
    }
    """

    def __init__(self, job: JournalJob) -> None:
        super().__init__()
        self._job = job

    def compose_body(self) -> ComposeResult:
        """The name above the long text."""
        yield Static(clean(self._job.title, 200), id="head", markup=False)
        yield LineView()

    def on_mount(self) -> None:
        """Read the prompt from the journal."""
        self.query_one(LineView).focus()
        self.query_one(LineView).set_lines(history_head(self._job))
        self.run_worker(self._read, group="record", exclusive=True)

    async def _read(self) -> None:
        try:
            job = await recall(self.console, self._job)
        except ComfyError as error:
            lines = (*history_head(self._job), Line(clean(error.message), "warn"))
        else:
            failure = await known_failure(self.console, job) if did_fail(job) else None
            lines = (*history_head(job), *await asyncio.to_thread(report, job.record(), job.error, failure))
        self.query_one(LineView).set_lines(lines)

    @property
    def hidden_hints(self) -> frozenset[str]:
        """What is for failures, for the others."""
        return frozenset(() if did_fail(self._job) else ("free_requeue_known", "copy_known_report"))

    def action_free_requeue_known(self) -> None:
        """Free the memory of all models, then queue the job again, where it failed."""
        if self.hidden_hints:
            self.console.tell("Nothing to free memory for", "This job did not fail; u queues it again.")
        else:
            super().action_free_requeue_known()

    def chosen_jobs(self) -> tuple[JournalJob, ...]:
        """The job of this page."""
        return (self._job,)

    def action_go_back(self) -> None:
        """Back to the list."""
        self.dismiss(None)
