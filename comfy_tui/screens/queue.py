"""Mode 3: what runs, what waits, what is not confirmed, and how the last jobs ended."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Static

from comfy_tui.monitor.state import Job
from comfy_tui.screens.base import ConsoleScreen
from comfy_tui.screens.job_actions import JobActions
from comfy_tui.text import cell_len, clean, shorten
from comfy_tui.widgets.bindings import bindings
from comfy_tui.widgets.chrome import EmptyState, age_line, is_stale, seen_until_s, source_words
from comfy_tui.widgets.filter_bar import Filterable, FilterBar
from comfy_tui.widgets.job_row import COLUMNS, Entry, counts_words, job_rows, keyed
from comfy_tui.widgets.job_text import preview_text
from comfy_tui.widgets.live_preview import LivePreview
from comfy_tui.widgets.progress_line import progress_words
from comfy_tui.widgets.row_list import RowList
from comfy_tui.widgets.standstill_line import standstill_words

#: From this width on a pane beside the list tells of the job under the cursor.
PREVIEW_WIDTH = 110
#: A job that is taken out and put in again is waited for so many seconds.
_FOLLOW_S = 3.0


class QueueScreen(ConsoleScreen, Filterable, JobActions):
    """The server's jobs in one list."""

    MODE = "queue"
    AREA = "job"
    SLICES = ("jobs", "progress", "standstill")
    FILTERED = "#jobs"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("job"),
        *(binding for binding in bindings("list") if binding.id == "list.copy"),
    ]
    DEFAULT_CSS = """
    QueueScreen {
        & #sums, & #now, & #trouble { height: 1; padding: 0 1; }
        & #sums { color: $text-muted; }
        & #trouble, & #still {
            height: auto; max-height: 3; padding: 0 1; background: $warning-muted; color: $text-warning;
        }
        & #jobs { width: 1fr; height: 1fr; }
        & #preview {
            width: 38%; height: 1fr; padding: 0 1; background: $surface; border-left: solid $panel;
            scrollbar-size-vertical: 1;
        }
        & #preview Static { height: auto; }
        & .stale { text-style: dim; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._entries: dict[str, Entry] = {}
        self._shown: dict[str, object] = {}
        #: A job that is put in again, and since when: it may be missing from the next answer.
        self._followed: tuple[str, float] | None = None

    def compose_body(self) -> ComposeResult:
        """Sums, the running job, the list with its preview."""
        yield Static(id="sums", markup=False)
        yield Static(id="trouble", markup=False)
        yield Static(id="now", markup=False)
        yield Static(id="still", markup=False)
        yield FilterBar("filter: name, id, ours or other, state")
        with Horizontal(id="panes"):
            yield RowList(COLUMNS, markable=True, id="jobs")
            with VerticalScroll(id="preview", can_focus=False):
                yield LivePreview(id="picture")
                yield Static(id="about", markup=False)
        yield EmptyState(id="empty")

    def on_mount(self) -> None:
        """The keys go to the list."""
        self.query_one("#jobs").focus()

    # -- painting ------------------------------------------------------------------------------

    def paint(self) -> None:
        """Show the jobs, or why there are none."""
        jobs = self.console.jobs
        self._entries = keyed(jobs)
        stopping = self.console.standstill.prompt_id if self.console.standstill.cancel_asked_s else ""
        rows = job_rows(
            self._entries, self.now_s(), self.filter_text, seen_s=self._seen_s(), stopping=stopping
        )
        panes, empty = self.query_one("#panes"), self.query_one("#empty", EmptyState)
        panes.display, empty.display = bool(rows), not rows
        row_list = self.query_one("#jobs", RowList)
        row_list.set_rows(rows)
        self._keep_following(row_list)
        if rows and self.focused is None:
            # Where there was nothing to show the list was hidden, and a hidden one has no keys.
            row_list.focus()
        self._paint_lines()
        if not rows:
            self._paint_empty(empty)
        self._paint_preview()

    def _seen_s(self) -> float:
        return seen_until_s(self.console.jobs.read_at_s, self.now_s(), self.console.options.interval_s)

    def _paint_lines(self) -> None:
        jobs, connection = self.console.jobs, self.console.connection
        now, interval = self.now_s(), self.console.options.interval_s
        width = max(20, self.size.width - 2)
        read = jobs.read_at_s is not None
        age = f"{source_words(connection)} · {age_line(jobs.read_at_s, now, interval)}"
        sums = counts_words(jobs) if read else ""
        gap = max(1, width - cell_len(sums) - cell_len(age))
        self._say("sums", shorten(sums + " " * gap + age, width))
        self._say("now", progress_words(jobs, self.console.progress, width, self.now_s()) if read else "")
        still = standstill_words(self.console.standstill, self.console.progress, now)
        self.query_one("#still").display = bool(still)
        self._say("still", still)
        # The banner and the empty state tell their own problems.
        problem = jobs.problem if connection.problem is None and self._entries else None
        self.query_one("#trouble").display = problem is not None
        if problem is not None:
            words = f"! {clean(problem.title)}: {clean(problem.message)}. {clean(problem.hint)}"
            self._say("trouble", words)
        stale = is_stale(jobs.read_at_s, now, interval)
        for name in ("#jobs", "#about"):
            self.query_one(name).set_class(stale or jobs.problem is not None, "stale")

    def _say(self, name: str, words: str) -> None:
        if self._shown.get(name) != words:
            self._shown[name] = words
            self.query_one(f"#{name}", Static).update(Text(words, no_wrap=name not in ("trouble", "still")))

    def _paint_empty(self, empty: EmptyState) -> None:
        jobs, connection = self.console.jobs, self.console.connection
        problem = connection.problem or jobs.problem
        if self._entries:
            empty.say(f"No job holds {self.filter_text!r}", "escape clears the filter")
        elif jobs.read_at_s is not None:
            empty.say(
                "Nothing runs, nothing waits, and the history is empty",
                "2 goes to the workflows: choose one there and queue it",
            )
        elif problem is not None:
            empty.say(problem.title, f"{problem.message}. {problem.hint} r asks again.")
        else:
            empty.say(f"Asking {connection.url} ...", "? shows the keys, q leaves")

    def _paint_preview(self) -> None:
        pane = self.query_one("#preview")
        pane.display = self.size.width >= PREVIEW_WIDTH
        if not pane.display:
            return
        entry = self._entries.get(self.query_one("#jobs", RowList).current_key)
        progress = self.console.progress
        shown = isinstance(entry, Job) and entry.prompt_id == progress.prompt_id and self.size.height >= 30
        self.query_one("#picture", LivePreview).show_preview(progress.preview if shown else None)
        width = self.query_one("#about").size.width or PREVIEW_WIDTH // 3
        text = preview_text(entry, self.now_s(), self._seen_s(), width) if entry is not None else Text()
        if self._shown.get("about") != text:
            self._shown["about"] = text
            self.query_one("#about", Static).update(text)

    def _tick(self) -> None:
        # The running job's time goes on between two answers; only cells that differ are drawn.
        super()._tick()
        if self.is_current and self.console.jobs.running:
            self.paint()

    def filter_changed(self) -> None:
        """Show the rows that hold the words."""
        self.paint()

    def on_row_list_highlighted(self, message: RowList.Highlighted) -> None:
        """Tell of the job that the cursor came to."""
        self._paint_preview()

    # -- acting --------------------------------------------------------------------------------

    def chosen_entries(self) -> tuple[Entry, ...]:
        """The marked jobs, else the one under the cursor."""
        keys = self.query_one("#jobs", RowList).chosen_keys() if self.query_one("#panes").display else ()
        return tuple(self._entries[key] for key in keys if key in self._entries)

    def acted(self) -> None:
        """What was marked for an action is not marked for the next one."""
        self.query_one("#jobs", RowList).clear_marks()

    def follow(self, prompt_id: str) -> None:
        """Put the cursor on the job as soon as it is listed."""
        self._followed = (prompt_id, self.now_s())
        self.paint()

    def _keep_following(self, row_list: RowList) -> None:
        if self._followed is None:
            return
        prompt_id, since_s = self._followed
        read_at_s = self.console.jobs.read_at_s or 0.0
        listed = row_list.select(prompt_id)
        if (listed and read_at_s > since_s) or self.now_s() - since_s > _FOLLOW_S:
            self._followed = None

    def on_row_list_opened(self, message: RowList.Opened) -> None:
        """Open the job."""
        entry = self._entries.get(message.key)
        if entry is not None:
            from comfy_tui.screens.job import JobScreen

            self.app.push_screen(JobScreen(entry))
