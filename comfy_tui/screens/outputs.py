"""Mode 4: what the jobs left behind, newest first, with the picture of the one under the cursor."""

from __future__ import annotations

import datetime
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from comfy_tui.monitor.gathered import Gathered
from comfy_tui.monitor.output_query import Known
from comfy_tui.monitor.outputs import Output
from comfy_tui.monitor.previews import Preview
from comfy_tui.screens.base import ConsoleScreen
from comfy_tui.screens.output_actions import OutputActions
from comfy_tui.screens.output_choice import OutputChoice, pair_of
from comfy_tui.screens.output_loading import OutputLoading, identity
from comfy_tui.screens.output_made import MadePane
from comfy_tui.screens.output_scope import OutputScope
from comfy_tui.screens.output_viewer import OutputViewer
from comfy_tui.text import cell_len, clean, count_of, format_bytes, shorten
from comfy_tui.widgets.bindings import bindings
from comfy_tui.widgets.chrome import EmptyState, age_line
from comfy_tui.widgets.filter_bar import Filterable, FilterBar
from comfy_tui.widgets.line_view import LineView
from comfy_tui.widgets.output_browser import OutputBrowser
from comfy_tui.widgets.output_pane import OutputPane
from comfy_tui.widgets.output_rows import COLUMNS, OutputRows
from comfy_tui.widgets.output_text import short_facts
from comfy_tui.widgets.row_list import RowList

#: From this width on tiles leave room for the preview.
_WIDE = 100
_FULL_ONLY = frozenset(
    ("zoom_in", "zoom_out", "zoom_fit", "zoom_native", "play_output", "toggle_sheet", "leave_full")
)
_WITH_OUTPUTS = frozenset(
    (
        *("start_filter", "save_output", "save_output_to", "toggle_tiles", "compare_outputs"),
        *("toggle_slides", "show_made", "open_run", "requeue_output", "reseed_output", "view_outside"),
        *("next_kind", "next_order"),
    )
)


class OutputsScreen(
    ConsoleScreen, Filterable, OutputViewer, OutputLoading, OutputScope, OutputActions, MadePane
):
    """Files and texts of the server's history beside a preview; enter gives the preview the window."""

    MODE = "outputs"
    AREA = "output"
    SLICES = ("jobs",)
    FILTERED = "#outputs"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("output", leave_out=("output.flick",)),
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
        & #made { height: 45%; padding: 0 1; border-top: solid $panel; display: none; }
        & #under { height: 2; padding: 0 1; display: none; }
        & .stale { text-style: dim; }
        &.-tiles #left { width: 66%; }
        &.-tiles.-narrow {
            & #left { width: 1fr; }
            & #pane { display: none; }
            & #under { display: block; }
        }
        &.-full {
            & TopBar, & #sums, & #trouble, & #left { display: none; }
            & #pane { border-left: none; }
        }
        &.-full.-tiles.-narrow #pane { display: block; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._gathered = Gathered()
        self._rows = OutputRows(self._medium)
        self._choice = OutputChoice(self._medium)
        self._shown: dict[str, object] = {}

    def compose_body(self) -> ComposeResult:
        """Sums above the list and the pane."""
        yield Static(id="sums", markup=False)
        yield Static(id="trouble", markup=False)
        with Horizontal(id="panes"):
            with Vertical(id="left"):
                yield FilterBar("words, kind:video, date:today, node:SaveImage, is:temp, -is:temp")
                yield OutputBrowser(COLUMNS, id="outputs")
                yield EmptyState(id="no-match")
                yield Static(id="under", markup=False)
                yield LineView(id="made")
            yield OutputPane(id="pane")
        yield EmptyState(id="empty")

    def on_mount(self) -> None:
        """The keys go to the list."""
        self._browser.focus()

    @property
    def _browser(self) -> OutputBrowser:
        return self.query_one("#outputs", OutputBrowser)

    @property
    def _outputs(self) -> dict[str, Output]:
        return self._gathered.outputs

    # -- painting ------------------------------------------------------------------------------

    def paint(self) -> None:
        """Show the outputs, or why there are none."""
        self._gathered.take(self.console.jobs.ended, self.remembered_jobs())
        panes, empty = self.query_one("#panes"), self.query_one("#empty", EmptyState)
        if panes.display is not bool(self._outputs):
            self.refresh_bindings()
        panes.display, empty.display = bool(self._outputs), not self._outputs
        if not self._outputs:
            self.leave_full()
            self._paint_empty(empty)
        self._paint_rows()
        self._try_again_after_trouble()
        self._choose()

    def _paint_rows(self) -> None:
        browser = self._browser
        known = Known(
            f"{self.console.connection.name} {self.console.connection.url}",
            browser.marked,
            self._medium,
            datetime.date.fromtimestamp(self.now_s()),
        )
        chosen = self._choice.of(self._gathered, self.filter_text, known)
        browser.set_rows(self._rows.make(chosen, tiles=browser.tiles, grouped=self._choice.order.by_time))
        no_match = self.query_one("#no-match", EmptyState)
        no_match.display = bool(self._outputs) and not chosen
        browser.display = not no_match.display
        no_match.say(*self._choice.no_match_words(self.filter_text, everywhere=self.everywhere))
        self._paint_lines(len(chosen))

    def _paint_lines(self, listed: int) -> None:
        jobs, connection = self.console.jobs, self.console.connection
        width = max(20, self.size.width - 2)
        age = age_line(jobs.read_at_s, self.now_s(), self.console.options.interval_s)
        remembered = [output for output in self._outputs.values() if output.remembered]
        words = count_of(len(self._outputs) - len(remembered), "output")
        words += f" of the last {count_of(len(jobs.ended), 'job')}"
        scope = self.scope_words(len(remembered), len({one.server for one in remembered if one.server}))
        words = " + ".join(part for part in (words if jobs.read_at_s is not None else "", scope) if part)
        if listed != len(self._outputs):
            words = f"{listed} of {words}"
        parts = [part for part in (words, *self._state_words()) if part]
        line = shorten(" · ".join(parts), max(10, width - cell_len(age) - 1))
        gap = max(1, width - cell_len(line) - cell_len(age))
        self._say("sums", shorten(line + " " * gap + age, width))
        problem = jobs.problem if connection.problem is None else None
        self.query_one("#trouble").display = problem is not None
        if problem is not None:
            self._say("trouble", f"! {clean(problem.title)}: {clean(problem.message)}. {clean(problem.hint)}")
        self._browser.set_class(self._stale, "stale")

    def _state_words(self) -> list[str]:
        """What is not as usual."""
        marked = len(self._browser.marked)
        automatic = "new ones of yours are saved" if self.console.saves.is_automatic else ""
        parts = [f"{marked} marked" if marked else "", *self._choice.words(), automatic]
        speed = self.console.previews.speed(self.console.connection.url)
        if speed.is_slow and speed.bytes_per_s is not None:
            parts.append(f"slow line, {format_bytes(int(speed.bytes_per_s))}/s: small copies")
        return [part for part in parts if part]

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

    def remembered_changed(self) -> None:
        """The journal was read."""
        self._state_changed()

    def filter_changed(self) -> None:
        """Show the rows that hold the words."""
        self._paint_rows()
        self._choose()

    def on_row_list_marks_changed(self, message: RowList.MarksChanged) -> None:
        """Say how many are marked."""
        if self._choice.only_marked:
            self._paint_rows()
        else:
            self._paint_lines(sum(not row.heading for row in message.row_list.rows))

    def on_row_list_highlighted(self, message: RowList.Highlighted) -> None:
        """Show the output that the cursor came to."""
        self._choose()

    def on_resize(self, event: events.Resize) -> None:
        """Widths may have changed."""
        self.set_class(event.size.width < _WIDE, "-narrow")
        self.place_made()
        self.show_made_of(self._current)
        super().on_resize(event)
        self._shown.clear()

    # -- what is listed ------------------------------------------------------------------------

    def action_toggle_tiles(self) -> None:
        """Thumbnails, or the list."""
        tiles = not self._browser.tiles
        self.set_class(tiles, "-tiles")
        self._browser.show_tiles(tiles)
        self._paint_rows()
        self._want_thumbs()
        self._show_facts()

    def action_next_kind(self) -> None:
        """Only one kind of output; after the last one all of them."""
        self._choice.next_kind(self._outputs.values())
        self._paint_rows()

    def action_next_order(self) -> None:
        """Another way to sort."""
        self._choice.order = self._choice.order.next
        self._paint_rows()

    def action_toggle_marked(self) -> None:
        """Only the marked ones, or all."""
        self._choice.only_marked = not self._choice.only_marked and bool(self._browser.marked)
        self._paint_rows()

    def action_compare_outputs(self) -> None:
        """Two side by side: the marked ones, else this one and the marked or the next."""
        keys = [row.key for row in self._browser.rows if not row.heading]
        chosen = pair_of(keys, self._browser.marked, self._browser.current_key)
        pair = [self._outputs[key] for key in chosen if key in self._outputs]
        if len(pair) < 2:
            self.console.tell("Nothing to compare", "Mark two outputs with space.", severity="warning")
            return
        from comfy_tui.screens.output_compare import OutputCompare

        self.app.push_screen(OutputCompare(pair[0], pair[1]))

    # -- what is shown of the chosen one -------------------------------------------------------

    def content_changed(self) -> None:
        """Another output is chosen, or its content came."""
        content = (identity(self._current), self._preview, self._problem)
        if self._shown.get("content") != content:
            self._shown["content"] = content
            self.query_one("#pane", OutputPane).show_content(self._current, self._preview, self._problem)
            if self.has_class("-full"):
                self._focus_full()
                self.restore_view()
        self.show_made_of(self._current)
        self._show_facts()

    def _show_facts(self) -> None:
        place, browser = "", self._browser
        if self.has_class("-full"):
            keys = [row.key for row in browser.rows if not row.heading]
            here = keys.index(browser.current_key) + 1 if browser.current_key in keys else 0
            place = " ".join(part for part in (self.viewer_words(), f"{here}/{len(keys)}") if part)
        pane = self.query_one("#pane", OutputPane)
        preview = self.told(self._preview)
        pane.show_facts(self._current, preview, self.now_s(), place=place, stale=self._stale)
        if browser.tiles and self.has_class("-narrow") and not place:
            self._show_under()

    def _show_under(self) -> None:
        """Below the tiles, where there is no room for the preview."""
        output = self._current
        width = max(10, self.size.width - 2)
        text = Text(no_wrap=True)
        if output is not None:
            text = short_facts(output, self._preview, clean(output.job.title, 30), width)
            words = " ".join(clean(output.job.summary.positive, 400).split()) if output.job.summary else ""
            if self._problem is not None:
                words = f"! {clean(self._problem.title, 100)}: {clean(self._problem.message, 200)}"
            text.append("\n" + shorten(words, width), "dim")
        if self._shown.get("under") != text:
            self._shown["under"] = text
            self.query_one("#under", Static).update(text)

    def viewed(self) -> tuple[Output | None, Preview | None]:
        """The output in the window, and what is known of it."""
        return self._current, self._preview

    def viewer_changed(self) -> None:
        """It is seen another way."""
        self._show_facts()

    # -- the whole window ----------------------------------------------------------------------

    def on_row_list_opened(self, message: RowList.Opened) -> None:
        """Give the preview the window."""
        self.set_class(True, "-full")
        self._choose()
        self._focus_full()
        self._show_facts()
        self.refresh_bindings()

    def _focus_full(self) -> None:
        words = self.query_one("#words", LineView)
        self.set_focus(words if words.display else None)

    def leave_full(self) -> None:
        """Back to the list."""
        if self.has_class("-full"):
            self.forget_view()
            self.set_class(False, "-full")
            self._browser.focus()
            self._shown.pop("content", None)
            self.content_changed()
            self.refresh_bindings()

    def action_leave_full(self) -> None:
        """Back to the list."""
        self.leave_full()

    def action_go_back(self) -> None:
        """To all of the picture, out of the window, else clear the filter, else the marks."""
        if self.has_class("-full") and not self._zoom.is_fitted:
            self.action_zoom_fit()
        elif self.has_class("-full"):
            self.leave_full()
        else:
            super().action_go_back()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Some keys are of use only in the whole window, or only beside it."""
        full = self.has_class("-full")
        if action in _FULL_ONLY:
            return full
        if action in _WITH_OUTPUTS and not self._outputs:
            return False
        if action in ("start_filter", "toggle_tiles"):
            return not full
        return super().check_action(action, parameters)

    def step_output(self, step: int) -> bool:
        """Go to the next output, or back."""
        before = self._browser.cursor
        self._browser.step(step)
        return self._browser.cursor != before

    def action_toggle_slides(self) -> None:
        """Show one after the other in the whole window, or stop."""
        if not self.has_class("-full") and self._current is not None:
            self._browser.action_open_row()
        super().action_toggle_slides()

    def action_refresh_now(self) -> None:
        """Ask the server now, also for a preview that failed."""
        self._try_again()
        self.read_journal()
        self.console.action_refresh_now()

    # -- for the actions -----------------------------------------------------------------------

    def chosen_outputs(self) -> tuple[Output, ...]:
        """The marked ones, else the one under the cursor; in the whole window the one that is shown."""
        if self.has_class("-full"):
            return (self._current,) if self._current is not None else ()
        keys = self._browser.chosen_keys()
        return tuple(self._outputs[key] for key in keys if key in self._outputs)

    def acted(self) -> None:
        """What was marked for an action is not marked for the next one; a deletion is in the journal."""
        self.read_journal()
        self._browser.clear_marks()
