"""A server's log, drawn line by line: folded, coloured, searched, followed or held."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from comfy_tui.monitor.logs.book import Level, LogBook, LogLine
from comfy_tui.text import cell_len
from comfy_tui.widgets.bindings import bindings

_IDS = ("list.down", "list.up", "list.top", "list.bottom")
#: The time of day and a space.
_CLOCK = 9
_COLOURS = ("red", "green", "yellow", "blue", "magenta", "cyan")


@dataclass(frozen=True, slots=True)
class _Row:
    """A piece of a line as it is drawn: the characters from ``start`` to ``end``."""

    line: LogLine
    start: int
    end: int
    clock: str = ""


class LogView(ScrollView, can_focus=True):
    """The lines of a :class:`LogBook`; while it follows, the last one is in sight."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(binding for binding in bindings("list") if binding.id in _IDS),
        Binding("down", "cursor_down", show=False),
        Binding("up", "cursor_up", show=False),
        Binding("home", "scroll_top", show=False),
        Binding("end", "scroll_bottom", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"log-view--{look}" for look in (*_COLOURS, "clock", "warning", "error", "note", "match", "here")
    }
    DEFAULT_CSS = """
    LogView { background: $surface; color: $foreground; scrollbar-size-vertical: 1; overflow-x: hidden;
        scrollbar-gutter: stable; padding: 0 1;
        & .log-view--red { color: $text-error; }
        & .log-view--green { color: $text-success; }
        & .log-view--yellow { color: $text-warning; }
        & .log-view--blue { color: $text-primary; }
        & .log-view--magenta { color: $text-secondary; }
        & .log-view--cyan { color: $text-accent; }
        & .log-view--clock { color: $text-muted; }
        & .log-view--warning { color: $text-warning; }
        & .log-view--error { color: $text-error; }
        & .log-view--note { color: $text-muted; text-style: italic; }
        & .log-view--match { text-style: underline bold; }
        & .log-view--here { background: $block-cursor-background; color: $block-cursor-foreground; }
    }
    """

    class Moved(Message):
        """It follows now, or is held, or another match is the current one."""

        def __init__(self, view: LogView) -> None:
            super().__init__()
            self.view = view

        def can_replace(self, message: Message) -> bool:
            """Only how it is in the end matters."""
            return isinstance(message, LogView.Moved) and message.view is self.view

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.following = True
        self.level = Level.DEBUG
        self.words = ""
        #: The number of the line of the match that n and N went to.
        self.here: int | None = None
        self._book = LogBook()
        self._rows: list[_Row] = []
        self._width = -1

    # -- data ----------------------------------------------------------------------------------

    def show(self, book: LogBook, changed_from: int | None = 0) -> None:
        """Show what has changed in the book from the line of that number on; None: nothing."""
        if book is not self._book:
            self._book, changed_from = book, 0
        width = self._text_width
        if width <= 0:
            return
        if width != self._width:
            self._width, changed_from = width, 0
        dropped = self._drop_gone()
        if changed_from is None and not dropped:
            return
        if changed_from is not None:
            kept = len(self._rows)
            while kept and self._rows[kept - 1].line.number >= changed_from:
                kept -= 1
            self._rows[kept:] = self._made(changed_from, width)
            self._redraw_from(kept, dropped)
        else:
            self._redraw_from(0, dropped)

    def _drop_gone(self) -> int:
        """Rows of lines that the book has dropped."""
        first = self._book.lines[0].number if self._book.lines else 1 << 62
        count = 0
        while count < len(self._rows) and self._rows[count].line.number < first:
            count += 1
        del self._rows[:count]
        return count

    def _redraw_from(self, row: int, dropped: int) -> None:
        before = self.virtual_size.height
        self.virtual_size = Size(self.scrollable_content_region.width, len(self._rows))
        if self.following:
            self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True, force=True)
        elif dropped:
            self.scroll_to(
                y=max(0, self.scroll_offset.y - dropped), animate=False, immediate=True, force=True
            )
        if dropped or len(self._rows) < before:
            self.refresh()
            return
        # On a thin line only what is new is sent; where the rows had to move, that was asked for already.
        top = max(0, row - int(self.scroll_offset.y))
        end = min(self.size.height, len(self._rows) - int(self.scroll_offset.y))
        if top < end:
            self.refresh(Region(0, top, self.size.width, end - top))

    def _made(self, changed_from: int, width: int) -> Iterator[_Row]:
        lines = self._book.lines
        begin = max(0, len(lines) - (lines[-1].number - changed_from + 1)) if lines else 0
        clock = self._rows[-1].clock if self._rows else ""
        for position in range(begin, len(lines)):
            line = lines[position]
            if line.number < changed_from or (line.level < self.level and not line.note):
                continue
            shown, clock = ("" if line.clock == clock else line.clock), line.clock or clock
            for start, end in _pieces(line.text, width):
                yield _Row(line, start, end, shown if not start else "")

    @property
    def _text_width(self) -> int:
        return self.scrollable_content_region.width - _CLOCK

    def on_resize(self) -> None:
        """Fold anew where the width is another one."""
        if self._text_width != self._width:
            self.show(self._book)

    def set_level(self, level: Level) -> None:
        """Show only lines that are at least so grave."""
        self.level = level
        self._rows = []
        self.show(self._book)
        self.refresh()

    # -- searching -----------------------------------------------------------------------------

    def search(self, words: str) -> None:
        """Mark every line that holds the words; the last one becomes the current match."""
        if words == self.words:
            return
        self.words = words
        self.here = None
        if words:
            self.step(-1)
        self.refresh()
        self.post_message(self.Moved(self))

    def matches(self) -> list[int]:
        """The numbers of the lines that hold the words, without regard to capitals."""
        if not self.words:
            return []
        wanted = self.words.casefold()
        return [
            line.number
            for line in self._book.lines
            if (line.level >= self.level or line.note) and wanted in line.text.casefold()
        ]

    def step(self, step: int) -> bool:
        """To the next match, or the one before; from the last to the first.  False: there is none."""
        found = self.matches()
        if not found:
            return False
        if self.here in found:
            position = (found.index(self.here) + step) % len(found)
        else:
            position = -1 if step < 0 else 0
        self.here = found[position]
        self._hold()
        row = next((index for index, row in enumerate(self._rows) if row.line.number == self.here), None)
        if row is not None:
            top, height = int(self.scroll_offset.y), max(1, self.size.height)
            if not top <= row < top + height:
                self.scroll_to(y=max(0, row - height // 2), animate=False, immediate=True, force=True)
        self.refresh()
        self.post_message(self.Moved(self))
        return True

    # -- following -----------------------------------------------------------------------------

    def follow(self, following: bool) -> None:
        """Keep the last line in sight, or stay where it is."""
        self.following = following
        if following:
            self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True, force=True)
        self.post_message(self.Moved(self))

    def _hold(self) -> None:
        if self.following:
            self.following = False
            self.post_message(self.Moved(self))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Who scrolls up wants to read: stay; who comes to the end follows again."""
        super().watch_scroll_y(old_value, new_value)
        if new_value < old_value and new_value < self.max_scroll_y:
            self._hold()

    def visible_text(self) -> str:
        """The lines in sight, whole."""
        top = int(self.scroll_offset.y)
        seen = dict.fromkeys(row.line for row in self._rows[top : top + max(1, self.size.height)])
        return "\n".join(f"{line.clock} {line.text}".strip() for line in seen)

    def action_cursor_down(self) -> None:
        """One line down."""
        self.scroll_relative(y=1, animate=False)

    def action_cursor_up(self) -> None:
        """One line up."""
        self.scroll_relative(y=-1, animate=False)

    def action_scroll_top(self) -> None:
        """To the oldest line."""
        self.scroll_to(y=0, animate=False)

    def action_scroll_bottom(self) -> None:
        """To the newest line, and follow."""
        self.follow(True)

    # -- drawing -------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """Draw a row."""
        base = self.rich_style
        width = self.scrollable_content_region.width
        position = int(self.scroll_offset.y) + y
        if not 0 <= position < len(self._rows):
            return Strip.blank(width, base)
        row = self._rows[position]
        clock = Segment(f"{row.clock:<{_CLOCK}}", base + self._look("clock") if row.clock else base)
        return Strip([clock, *self._segments(row, base)]).adjust_cell_length(width, base)

    def _segments(self, row: _Row, base: Style) -> Iterator[Segment]:
        line = row.line
        whole = base
        if line.note:
            whole = base + self._look("note")
        elif line.level >= Level.WARNING:
            whole = base + self._look("error" if line.level is Level.ERROR else "warning")
        if self.here == line.number:
            yield Segment(line.text[row.start : row.end], base + self._look("here"))
            return
        cuts = {row.start, row.end}
        cuts.update(span.start for span in line.spans if row.start < span.start < row.end)
        hits = list(_hits(line.text, self.words))
        for start, end in hits:
            cuts.update(cut for cut in (start, end) if row.start < cut < row.end)
        edges = sorted(cuts)
        for start, end in itertools.pairwise(edges):
            style = self._style_at(line, start, base, whole)
            if any(first <= start < last for first, last in hits):
                style = style + self._look("match")
            yield Segment(line.text[start:end], style)

    def _style_at(self, line: LogLine, position: int, base: Style, whole: Style) -> Style:
        """The server's own colours where it gave any; what is grave keeps its colour behind them."""
        span = next((span for span in reversed(line.spans) if span.start <= position), None)
        style = whole if span is None or not span.colour else base + self._look(span.colour)
        return style + Style(bold=True) if span is not None and span.bold else style

    def _look(self, name: str) -> Style:
        return self.get_component_rich_style(f"log-view--{name}", partial=True)


def _hits(text: str, words: str) -> Iterator[tuple[int, int]]:
    if not words:
        return
    # Folding may change the length; then the line is marked by n and N only.
    folded, wanted = text.casefold(), words.casefold()
    if len(folded) != len(text):
        return
    at = folded.find(wanted)
    while at >= 0:
        yield at, at + len(wanted)
        at = folded.find(wanted, at + len(wanted))


def _pieces(text: str, width: int) -> Iterator[tuple[int, int]]:
    """Where a line is cut, so that each piece fits into ``width`` columns."""
    if len(text) <= width and (text.isascii() or cell_len(text) <= width):
        yield 0, len(text)
        return
    width = max(2, width)
    start = 0
    while start < len(text):
        end, room = start, width
        if text.isascii():
            end = min(len(text), start + width)
        else:
            while end < len(text) and (room := room - cell_len(text[end])) >= 0:
                end += 1
            end = max(end, start + 1)
        space = text.rfind(" ", start, end)
        if end < len(text) and space > start + (end - start) // 2:
            end = space + 1
        yield start, end
        start = end
