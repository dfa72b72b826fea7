"""Mode 5: the server's log as it is written, and beside it what the console saw happen."""

from __future__ import annotations

import time
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.timer import Timer
from textual.widgets import Static

from comfy_tui.monitor.journal.row import JournalEvent
from comfy_tui.monitor.logs import Level
from comfy_tui.monitor.logs.follow import POLL_S, LogFollower
from comfy_tui.monitor.session import Session
from comfy_tui.screens.base import ConsoleScreen
from comfy_tui.text import cell_len, clean, shorten
from comfy_tui.widgets.bindings import bindings
from comfy_tui.widgets.chrome import EmptyState, clock_text
from comfy_tui.widgets.filter_bar import FilterBar
from comfy_tui.widgets.log_view import LogView
from comfy_tui.widgets.row import Cell, Column, Row
from comfy_tui.widgets.row_list import RowList

#: From this width on the events are beside the log, else below it.
WIDE = 120
#: At most so often the log is painted, for each time is kilobytes on the line; what comes after a quiet
#: while is painted at once.
_PAINT_S = 1.0
_AT_ONCE_S = 0.02
_DAY_S = 86_400.0
_LEVELS = ((Level.DEBUG, "all lines"), (Level.WARNING, "warnings and errors"), (Level.ERROR, "errors"))
_LOOKS = {
    "connected": ("●", "good"),
    "disconnected": ("✗", "bad"),
    "queued": ("+", ""),
    "started": ("▶", ""),
    "done": ("✓", "good"),
    "failed": ("✗", "bad"),
    "cancelled": ("⊘", "warn"),
    "lost": ("?", "bad"),
    "gone": ("?", "warn"),
    "blocked": ("⊘", "warn"),
    "freed": ("○", ""),
    "alert": ("!", "warn"),
    "note": ("·", ""),
}
_KEPT = ("app.back", "app.refresh", "list.filter", "list.next", "list.previous", "list.copy")


class LogsScreen(ConsoleScreen):
    """The log of the watched server, and the events."""

    MODE = "logs"
    AREA = "log"
    SLICES = ("happened",)
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("log"),
        *(binding for binding in bindings("app", "list") if binding.id in _KEPT),
    ]
    DEFAULT_CSS = """
    LogsScreen {
        & #head { height: 1; padding: 0 1; color: $text-muted; }
        & #trouble { height: auto; max-height: 3; background: $warning-muted; color: $text-warning;
            padding: 0 1; display: none; }
        & #panes { height: 1fr; layout: vertical; }
        & #log { height: 1fr; width: 1fr; }
        & #events { height: 8; border-top: solid $panel; }
        & #events.-alone { height: 1fr; }
        &.-wide #panes { layout: horizontal; }
        &.-wide #events { height: 1fr; width: 42; border-top: none; border-left: solid $panel; }
        & #empty { display: none; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._follower: LogFollower | None = None
        self._followed: Session | None = None
        self._events: dict[str, JournalEvent] = {}
        self._paint_due: Timer | None = None
        self._painted_s = 0.0
        self._level = 0
        self._words = ""

    def compose_body(self) -> ComposeResult:
        """A line about the log, the log, the events."""
        yield Static(id="head", markup=False)
        yield Static(id="trouble", markup=False)
        yield FilterBar("search: words in a line; n and N go on")
        with Container(id="panes"):
            yield LogView(id="log")
            columns = (Column("Time", 8), Column("", 1), Column("Events"))
            yield RowList(columns, starts_at_top=True, id="events")
        yield EmptyState(id="empty")

    def on_mount(self) -> None:
        """Keys go to the log."""
        self.query_one("#log").focus()

    # -- following -----------------------------------------------------------------------------

    def on_screen_resume(self) -> None:
        """Follow while somebody looks."""
        super().on_screen_resume()
        self._follow()

    def on_screen_suspend(self) -> None:
        """Nobody looks: nothing is asked."""
        self.workers.cancel_group(self, "log")

    def _follow(self) -> None:
        session = self.console.session
        if session is None:
            return
        if self._follower is None or self._followed is not session:
            self._follower, self._followed = LogFollower(session, self._log_changed), session
        self._keep_reading(self._follower)

    @work(group="log", exclusive=True)
    async def _keep_reading(self, follower: LogFollower) -> None:
        await follower.run()

    def _log_changed(self) -> None:
        """A burst of lines is painted once."""
        if self._paint_due is None and self.is_current:
            wait_s = max(_AT_ONCE_S, _PAINT_S - (time.monotonic() - self._painted_s))
            self._paint_due = self.set_timer(wait_s, self._paint_log)

    @property
    def _has_lines(self) -> bool:
        return self._follower is not None and bool(self._follower.book.lines)

    def _paint_log(self) -> None:
        if self._paint_due is not None:
            self._paint_due.stop()
            self._paint_due = None
        self._painted_s = time.monotonic()
        follower = self._follower
        if follower is not None:
            self.query_one("#log", LogView).show(follower.book, follower.book.take_changes())
        self._paint_frame()

    def paint(self) -> None:
        """Show the events, and begin to follow where the server is known only now."""
        if self._followed is not self.console.session:
            self._follow()
        self._paint_events()
        self._paint_log()

    def on_resize(self, event: object) -> None:
        """Events beside the log where there is room."""
        super().on_resize(event)  # type: ignore[arg-type]
        self.set_class(self.size.width >= WIDE, "-wide")

    # -- painting ------------------------------------------------------------------------------

    def _paint_frame(self) -> None:
        follower, view = self._follower, self.query_one("#log", LogView)
        empty, panes = self.query_one("#empty", EmptyState), self.query_one("#panes")
        problem = follower.problem if follower is not None else None
        nothing = not self._has_lines and not self._events
        empty.display, panes.display = nothing, not nothing
        if nothing:
            self._paint_empty(empty)
        elif self.focused is None:
            view.focus()
        trouble = self.query_one("#trouble", Static)
        shown = (
            problem
            if problem is not None and not nothing and self.console.connection.problem is None
            else None
        )
        trouble.display = shown is not None
        if shown is not None:
            trouble.update(Text(f"! {clean(shown.title)}: {clean(shown.message)}. {clean(shown.hint)}"))
        self._say_head(view)

    def _say_head(self, view: LogView) -> None:
        follower = self._follower
        how = "not read yet"
        if follower is not None and follower.read_at_s is not None:
            how = "live" if follower.is_live else f"asked every {POLL_S:g} s"
            if follower.problem is not None:
                how = f"as of {clock_text(follower.read_at_s)}"
        state = "following" if view.following else "held, s follows"
        left = f"Server log · {how} · {state} · {_LEVELS[self._level][1]}"
        right = self._search_words(view)
        width = max(20, self.size.width - 2)
        gap = max(1, width - cell_len(left) - cell_len(right))
        words = shorten(left + " " * gap + right, width)
        if words != self._words:
            self._words = words
            self.query_one("#head", Static).update(Text(words, no_wrap=True))

    def _search_words(self, view: LogView) -> str:
        if not view.words:
            return ""
        found = view.matches()
        place = f"{found.index(view.here) + 1} of " if view.here in found else ""
        return (
            f"{clean(view.words, 30)}: {place}{len(found)} found" if found else f"no {clean(view.words, 30)}"
        )

    def _paint_empty(self, empty: EmptyState) -> None:
        problem = self._follower.problem if self._follower is not None else None
        problem = self.console.connection.problem or problem
        if problem is not None:
            empty.say(problem.title, f"{problem.message}. {problem.hint} r asks again.")
        elif self._follower is not None and self._follower.read_at_s is not None:
            empty.say("The server's log is empty", "Lines come as they are written.")
        else:
            empty.say(f"Asking {self.console.connection.url} for its log ...", "? shows the keys")

    def _paint_events(self) -> None:
        happened = self.console.happened
        self._events = {f"{event.at_s:.6f}-{number}": event for number, event in happened}
        now_s = self.now_s()
        rows = [_event_row(key, event, now_s) for key, event in self._events.items()]
        if not rows:
            rows = [Row("#", ("", "", Cell("nothing happened yet", "dim")), heading=False)]
        self.query_one("#events", RowList).set_rows(rows)

    # -- actions -------------------------------------------------------------------------------

    def on_log_view_moved(self, message: LogView.Moved) -> None:
        """Say whether it follows."""
        message.stop()
        self._say_head(message.view)

    def on_filter_bar_edited(self, event: FilterBar.Edited) -> None:
        """Search as it is typed."""
        event.stop()
        self.query_one("#log", LogView).search(event.text)

    def on_filter_bar_closed(self, event: FilterBar.Closed) -> None:
        """The keys go to the log again."""
        event.stop()
        self.query_one("#log").focus()

    def action_start_filter(self) -> None:
        """Search."""
        self.query_one(FilterBar).open()

    def action_next_match(self) -> None:
        """To the next line that matches."""
        self._step(1)

    def action_previous_match(self) -> None:
        """To the line before that matches."""
        self._step(-1)

    def _step(self, step: int) -> None:
        view = self.query_one("#log", LogView)
        if not view.step(step):
            words = "No line holds these words." if view.words else "/ searches for words."
            self.console.tell("Nothing found", words)

    def action_toggle_follow(self) -> None:
        """Hold the log where it is, or follow it again; it is read all the same."""
        view = self.query_one("#log", LogView)
        view.follow(not view.following)

    def action_next_level(self) -> None:
        """All lines, warnings and errors, errors."""
        self._level = (self._level + 1) % len(_LEVELS)
        view = self.query_one("#log", LogView)
        view.set_level(_LEVELS[self._level][0])
        self._say_head(view)

    def action_next_pane(self) -> None:
        """Both panes, only the events, only the log."""
        log, events = self.query_one("#log"), self.query_one("#events")
        if log.display and events.display:
            log.display = False
        elif events.display:
            log.display, events.display = True, False
        else:
            events.display = True
        events.set_class(not log.display, "-alone")
        (log if log.display else events).focus()

    def action_copy_row(self) -> None:
        """Copy the lines in sight, or the event."""
        events = self.query_one("#events", RowList)
        event = self._events.get(events.current_key) if events.has_focus else None
        if event is not None:
            stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event.at_s))
            self.console.copy(f"{stamp} {event.kind}: {event.title}: {event.text} {event.prompt_id}", "event")
        else:
            self.console.copy(self.query_one("#log", LogView).visible_text(), "the lines in sight")

    def action_refresh_now(self) -> None:
        """Ask the server for its log now."""
        self.console.action_refresh_now()
        if self._follower is not None:
            self._follower.poke()

    def on_row_list_opened(self, message: RowList.Opened) -> None:
        """Open the job that the event is about."""
        event = self._events.get(message.key)
        job = self.console.jobs.find(event.prompt_id) if event is not None and event.prompt_id else None
        if job is not None:
            from comfy_tui.screens.job import JobScreen

            self.app.push_screen(JobScreen(job))
        elif event is not None:
            self.console.tell(f"{event.title} ({event.kind})", event.text or "Nothing more is known of it.")

    def action_go_back(self) -> None:
        """End the search; else to the end of the log."""
        bar, view = self.query_one(FilterBar), self.query_one("#log", LogView)
        if bar.display or view.words:
            bar.clear_and_hide()
            view.search("")
        view.focus()


def _event_row(key: str, event: JournalEvent, now_s: float) -> Row:
    glyph, look = _LOOKS.get(event.kind, ("·", ""))
    words = f"{event.title}: {event.text}" if event.text else event.title
    if event.kind in ("queued", "started", "done", "failed", "cancelled"):
        words = f"{event.kind} {words}"
    old = now_s - event.at_s > _DAY_S
    when = time.strftime("%d %b", time.localtime(event.at_s)) if old else clock_text(event.at_s)
    return Row(key, (Cell(when, "dim"), Cell(glyph, look), words))
