"""Mode 4: what the jobs left behind, newest first, with the picture of the one under the cursor."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from rich.text import Text
from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from comfy_tui.errors import ComfyError
from comfy_tui.monitor.outputs import Output, outputs_of
from comfy_tui.monitor.previews import Preview, Previews
from comfy_tui.monitor.state import Link, Problem
from comfy_tui.screens.base import ConsoleScreen
from comfy_tui.screens.output_actions import OutputActions
from comfy_tui.text import cell_len, clean, count_of, shorten
from comfy_tui.widgets.bindings import bindings
from comfy_tui.widgets.chrome import EmptyState, age_line
from comfy_tui.widgets.filter_bar import Filterable, FilterBar
from comfy_tui.widgets.line_view import LineView
from comfy_tui.widgets.output_pane import OutputPane
from comfy_tui.widgets.output_text import COLUMNS, output_rows
from comfy_tui.widgets.row_list import RowList

#: Who only passes over a row does not have its picture fetched.
DEBOUNCE_S = 0.1


class OutputsScreen(ConsoleScreen, Filterable, OutputActions):
    """Files and texts of the server's history beside a preview; enter gives the preview the window."""

    MODE = "outputs"
    AREA = "output"
    SLICES = ("jobs",)
    FILTERED = "#outputs"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("output"),
        *(b for b in bindings("list", "app") if b.id in ("list.copy", "list.down", "list.up", "app.refresh")),
        Binding("down", "cursor_down", show=False),
        Binding("up", "cursor_up", show=False),
        Binding("q", "leave_full", "Back"),
    ]
    DEFAULT_CSS = """
    OutputsScreen {
        & #sums { height: 1; padding: 0 1; color: $text-muted; }
        & #trouble { height: auto; max-height: 3; padding: 0 1; background: $warning-muted;
            color: $text-warning; }
        & #left { width: 46%; min-width: 28; }
        & #pane { width: 1fr; border-left: solid $panel; }
        & .stale { text-style: dim; }
        &.-full {
            & TopBar, & #sums, & #trouble, & #left { display: none; }
            & #pane { border-left: none; }
        }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._outputs: dict[str, Output] = {}
        self._previews = Previews()
        self._current: Output | None = None
        self._preview: Preview | None = None
        self._problem: Problem | None = None
        self._was_online = False
        self._shown: dict[str, str] = {}

    def compose_body(self) -> ComposeResult:
        """Sums above the list and the pane."""
        yield Static(id="sums", markup=False)
        yield Static(id="trouble", markup=False)
        with Horizontal(id="panes"):
            with Vertical(id="left"):
                yield FilterBar("filter: name, prompt, workflow, seed")
                yield RowList(COLUMNS, id="outputs")
                yield EmptyState(id="no-match")
            yield OutputPane(id="pane")
        yield EmptyState(id="empty")

    def on_mount(self) -> None:
        """The keys go to the list."""
        self.query_one("#outputs").focus()

    # -- painting ------------------------------------------------------------------------------

    def paint(self) -> None:
        """Show the outputs, or why there are none."""
        jobs = self.console.jobs
        self._outputs = {output.key: output for output in outputs_of(jobs.ended)}
        panes, empty = self.query_one("#panes"), self.query_one("#empty", EmptyState)
        if panes.display is not bool(self._outputs):
            self.refresh_bindings()
        panes.display, empty.display = bool(self._outputs), not self._outputs
        if not self._outputs:
            self.leave_full()
            self._paint_empty(empty)
        rows = output_rows(self._outputs.values(), self.now_s(), self.filter_text)
        listed = self.query_one("#outputs", RowList)
        listed.set_rows(rows)
        no_match = self.query_one("#no-match", EmptyState)
        no_match.display = bool(self._outputs) and not rows
        listed.display = not no_match.display
        no_match.say(f"No output holds {self.filter_text!r}", "escape clears the filter")
        self._paint_lines(len(rows))
        self._try_again_after_trouble()
        self._choose()

    def _paint_lines(self, listed: int) -> None:
        jobs, connection = self.console.jobs, self.console.connection
        width = max(20, self.size.width - 2)
        age = age_line(jobs.read_at_s, self.now_s(), self.console.options.interval_s)
        marked = len(self.query_one("#outputs", RowList).marked)
        words = count_of(len(self._outputs), "output") + f" of the last {count_of(len(jobs.ended), 'job')}"
        if listed != len(self._outputs):
            words = f"{listed} of {words}"
        if marked:
            words += f" · {marked} marked"
        words = words if jobs.read_at_s is not None else ""
        gap = max(1, width - cell_len(words) - cell_len(age))
        self._say("sums", shorten(words + " " * gap + age, width))
        problem = jobs.problem if connection.problem is None else None
        self.query_one("#trouble").display = problem is not None
        if problem is not None:
            self._say("trouble", f"! {clean(problem.title)}: {clean(problem.message)}. {clean(problem.hint)}")
        self.query_one("#outputs").set_class(self._stale, "stale")

    @property
    def _stale(self) -> bool:
        jobs, interval = self.console.jobs, self.console.options.interval_s
        if jobs.read_at_s is None:
            return False
        return jobs.problem is not None or self.now_s() - jobs.read_at_s > 2 * interval + 1

    def _say(self, name: str, words: str) -> None:
        if self._shown.get(name) != words:
            self._shown[name] = words
            self.query_one(f"#{name}", Static).update(Text(words, no_wrap=name == "sums"))

    def _paint_empty(self, empty: EmptyState) -> None:
        jobs, connection = self.console.jobs, self.console.connection
        problem = connection.problem or jobs.problem
        if jobs.read_at_s is not None:
            title = "The server's history is empty"
            if jobs.ended:
                title = f"The last {count_of(len(jobs.ended), 'job')} left no files"
            empty.say(title, "2 goes to the workflows: choose one there and queue it")
        elif problem is not None:
            empty.say(problem.title, f"{problem.message}. {problem.hint} r asks again.")
        else:
            empty.say(f"Asking {connection.url} ...", "? shows the keys, q leaves")

    def filter_changed(self) -> None:
        """Show the rows that hold the words."""
        self.paint()

    def on_row_list_marks_changed(self, message: RowList.MarksChanged) -> None:
        """Say how many are marked."""
        self._paint_lines(len(message.row_list.rows))

    def on_row_list_highlighted(self, message: RowList.Highlighted) -> None:
        """Show the output that the cursor came to."""
        self._choose()

    def on_resize(self, event: events.Resize) -> None:
        """Widths may have changed."""
        super().on_resize(event)
        self._shown.clear()

    # -- the preview ---------------------------------------------------------------------------

    def _choose(self) -> None:
        """Show the output under the cursor; what is not known of it is fetched."""
        output = self._outputs.get(self.query_one("#outputs", RowList).current_key)
        if _identity(output) != _identity(self._current):
            self._current = output
            self._start_preview()
        self._current = output
        self._show_facts()

    def _start_preview(self) -> None:
        self.workers.cancel_group(self, "preview")
        self._preview, self._problem = None, None
        output = self._current
        if output is not None:
            self._preview = self._previews.known(self.console.connection.url, output)
            if self._preview is None:
                self._fetch(output)
        self._show_content()

    @work(group="preview", exclusive=True, exit_on_error=True)
    async def _fetch(self, output: Output) -> None:
        """Fetch and decode; cancelled when the cursor goes on."""
        await asyncio.sleep(DEBOUNCE_S)
        session = self.console.session
        if session is None:
            return
        try:
            preview = await self._previews.load(session.client, output)
        except ComfyError as error:
            self._problem = Problem.of(error)
        else:
            self._preview = preview
        self._show_content()
        self._show_facts()

    def _try_again_after_trouble(self) -> None:
        """A preview that failed while the server was gone is fetched when it is back."""
        online = self.console.connection.link is Link.ONLINE
        if online and not self._was_online and self._problem is not None:
            self._start_preview()
        self._was_online = online

    def _show_content(self) -> None:
        pane = self.query_one("#pane", OutputPane)
        pane.show_content(self._current, self._preview, self._problem)
        if self.has_class("-full"):
            self._focus_full()

    def _show_facts(self) -> None:
        place = ""
        if self.has_class("-full"):
            rows = self.query_one("#outputs", RowList)
            place = f"{rows.cursor + 1}/{len(rows.rows)}"
        pane = self.query_one("#pane", OutputPane)
        pane.show_facts(self._current, self._preview, self.now_s(), place=place, stale=self._stale)

    # -- the whole window ----------------------------------------------------------------------

    def on_row_list_opened(self, message: RowList.Opened) -> None:
        """Give the preview the window."""
        self.set_class(True, "-full")
        self._focus_full()
        self._show_facts()

    def _focus_full(self) -> None:
        words = self.query_one(LineView)
        self.set_focus(words if words.display else None)

    def leave_full(self) -> None:
        """Back to the list."""
        if self.has_class("-full"):
            self.set_class(False, "-full")
            self.query_one("#outputs").focus()
            self._show_facts()
            self.call_after_refresh(self._show_facts)

    def action_leave_full(self) -> None:
        """Back to the list."""
        self.leave_full()

    def action_go_back(self) -> None:
        """Out of the window, else clear the filter, else the marks."""
        if self.has_class("-full"):
            self.leave_full()
        else:
            super().action_go_back()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Some keys are of use only in the whole window, or only beside it."""
        full = self.has_class("-full")
        if action == "leave_full":
            return full
        if action in ("start_filter", "save_output", "save_output_to") and not self._outputs:
            return False
        if action == "start_filter":
            return not full
        return super().check_action(action, parameters)

    def action_next_output(self) -> None:
        """One output on."""
        self.query_one("#outputs", RowList).action_cursor_down()

    def action_previous_output(self) -> None:
        """One output back."""
        self.query_one("#outputs", RowList).action_cursor_up()

    def action_cursor_down(self) -> None:
        """One output on, in the whole window."""
        self.action_next_output()

    def action_cursor_up(self) -> None:
        """One output back, in the whole window."""
        self.action_previous_output()

    def action_refresh_now(self) -> None:
        """Ask the server now, also for a preview that failed."""
        if self._problem is not None:
            self._start_preview()
        self.console.action_refresh_now()

    # -- for the actions -----------------------------------------------------------------------

    def chosen_outputs(self) -> tuple[Output, ...]:
        """The marked ones, else the one under the cursor; in the whole window the one that is shown."""
        if self.has_class("-full"):
            return (self._current,) if self._current is not None else ()
        keys = self.query_one("#outputs", RowList).chosen_keys()
        return tuple(self._outputs[key] for key in keys if key in self._outputs)

    def acted(self) -> None:
        """What was marked for an action is not marked for the next one."""
        self.query_one("#outputs", RowList).clear_marks()


def _identity(output: Output | None) -> object:
    """The same as long as the content is the same; words about the job may still come."""
    return None if output is None else (output.key, output.file, output.text, output.job.ended_at_s)
