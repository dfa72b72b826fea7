"""What every screen shows: where you are, which server, whether it answers, and since when."""

from __future__ import annotations

import time

from rich.text import Text
from textual.widgets import Static

from comfy_tui.keymap import keys_of
from comfy_tui.monitor.state import Connection, Jobs, Link
from comfy_tui.text import cell_len, clean, format_age, format_duration, shorten

#: What each state of the connection is called; the banner calls it so too.
WORDS = {
    Link.CONNECTING: "connecting",
    Link.ONLINE: "online",
    Link.OFFLINE: "offline",
    Link.FAULTY: "trouble",
}
GLYPHS = {Link.CONNECTING: "◌", Link.ONLINE: "●", Link.OFFLINE: "✗", Link.FAULTY: "!"}


def clock_text(at_s: float | None) -> str:
    """A moment as the wall clock showed it; ``--:--:--`` where there was none."""
    return time.strftime("%H:%M:%S", time.localtime(at_s)) if at_s is not None else "--:--:--"


class TopBar(Static):
    """One line: the screens with their keys, the server and the state of the connection."""

    DEFAULT_CSS = """
    TopBar { height: 1; background: $panel; color: $foreground; padding: 0 1; }
    """

    def __init__(self, mode: str) -> None:
        super().__init__(markup=False)
        self._mode = mode
        self._shown: object = None

    def show(self, connection: Connection, jobs: Jobs, now_s: float, interval_s: float) -> None:
        """Paint, if something has changed."""
        counts = (len(jobs.running), len(jobs.pending))
        link = link_words(connection, now_s, interval_s)
        state = (
            connection.name,
            link,
            connection.paused,
            connection.readonly,
            counts,
            self.size.width,
        )
        if state == self._shown:
            return
        self._shown = state
        words = [link]
        if connection.paused:
            words.append("paused")
        if connection.readonly:
            words.append("read-only")
        if any(counts):
            words.append(f"{counts[0]} running {counts[1]} waiting")
        status = " · ".join(words)
        tabs = self._tabs(self.size.width - 2 - cell_len(status) - 1)
        if any(counts) and len(words) == 2 and connection.link is Link.ONLINE and tabs == self._tabs(0):
            # The names of the screens are worth more than these words: the queue says them too.
            status = f"{GLYPHS[connection.link]} ▶{counts[0]} +{counts[1]}"
            tabs = self._tabs(self.size.width - 2 - cell_len(status) - 1)
        room = self.size.width - 2 - tabs.cell_len - cell_len(status) - 3
        name = shorten(clean(connection.name, 60), max(0, room))
        gap = self.size.width - 2 - tabs.cell_len - cell_len(status) - cell_len(name) - (1 if name else 0)
        tabs.append(" " * max(1, gap))
        if name:
            tabs.append(name + " ", "bold")
        tabs.append(status)
        self.update(tabs)

    def _tabs(self, room: int) -> Text:
        """The screens with their keys; where there is no room, only the key of those that are not shown."""
        for gap, whole in ((" ", True), ("", True), ("", False)):
            tabs = Text(no_wrap=True)
            for binding in keys_of("screen"):
                here = self._mode in binding.action
                label = f" {binding.label}" if whole or here else ""
                tabs.append(f"{gap}{binding.keys[0]}{label}{gap}", "bold reverse" if here else "")
                tabs.append("" if gap else " ")
            if tabs.cell_len <= room:
                break
        return tabs


class Banner(Static):
    """Says that the server does not answer, why, and when it is asked again; hidden while it does."""

    DEFAULT_CSS = """
    Banner {
        height: auto; max-height: 3; display: none; padding: 0 1;
        background: $error-muted; color: $text-error;
    }
    Banner.-faulty { background: $warning-muted; color: $text-warning; }
    """

    def __init__(self) -> None:
        super().__init__(markup=False)

    def show(self, connection: Connection, now_s: float) -> None:
        """Paint the state of the connection."""
        problem = connection.problem
        self.display = problem is not None and connection.link in (Link.OFFLINE, Link.FAULTY)
        if problem is None or not self.display:
            return
        self.set_class(connection.link is Link.FAULTY, "-faulty")
        when = ""
        if connection.paused:
            when = "paused, r asks now"
        elif connection.retry_at_s is not None:
            left = max(0, round(connection.retry_at_s - now_s))
            when = f"next try in {left}s" if left else "trying"
        since = ""
        if connection.last_answer_s is not None:
            since = f" Last answer {format_age(now_s - connection.last_answer_s)}."
        mark = WORDS[connection.link].upper()
        state = f"{GLYPHS[connection.link]} {mark}  {clean(problem.title)} ({when}): "
        words = f"{state}{clean(problem.message)}.{since}\n{clean(problem.hint)}"
        self.update(Text(words, no_wrap=False, overflow="fold"))


class EmptyState(Static):
    """What to say where there is nothing to show: why, and which key helps."""

    DEFAULT_CSS = """
    EmptyState {
        height: 1fr; width: 1fr; content-align: center middle; text-align: center; padding: 0 2;
        color: $text-muted; background: $surface;
    }
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(markup=False, id=id)

    def say(self, title: str, hint: str = "") -> None:
        """Show a title and, below it, the way out; both are cleaned here."""
        self.update(Text.assemble((clean(title), "bold"), "\n", clean(hint)))


def is_stale(read_at_s: float | None, now_s: float, interval_s: float) -> bool:
    """Whether data is older than two polls."""
    return read_at_s is not None and now_s - read_at_s > 2 * interval_s + 1


def seen_until_s(read_at_s: float | None, now_s: float, interval_s: float) -> float:
    """Up to when something that ran is known to have run: now, or the last look where that is long ago."""
    return read_at_s if read_at_s is not None and is_stale(read_at_s, now_s, interval_s) else now_s


def link_words(connection: Connection, now_s: float, interval_s: float) -> str:
    """Glyph and word of the connection; a server that has answered and now is silent is not online."""
    last_s = connection.last_answer_s
    if (
        connection.link is Link.ONLINE
        and not connection.paused
        and last_s is not None
        and is_stale(last_s, now_s, interval_s)
    ):
        return f"◌ no answer for {format_duration(now_s - last_s)}"
    return f"{GLYPHS[connection.link]} {WORDS[connection.link]}"


def source_words(connection: Connection) -> str:
    """How the progress of jobs is known: over the socket, or by asking again and again."""
    return str(connection.source.value)


def age_line(read_at_s: float | None, now_s: float, interval_s: float) -> str:
    """When data was read: the wall clock, with its age once it is older than two polls."""
    if read_at_s is None:
        return "not read yet"
    if not is_stale(read_at_s, now_s, interval_s):
        return f"as of {clock_text(read_at_s)}"
    return f"stale: as of {clock_text(read_at_s)}, {format_duration(now_s - read_at_s)} old"
