"""A long text that scrolls: folded to the width, drawn line by line, so that its length does not matter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from comfy_tui.text import cell_len, safe_link
from comfy_tui.widgets.bindings import bindings

_IDS = ("list.down", "list.up", "list.top", "list.bottom")


@dataclass(frozen=True, slots=True)
class Line:
    """Text of one line, already clean; ``indent`` is where it starts, and its folded rest too.

    ``lead`` stands in the indent of its first piece, with a look of its own if it has one; ``link`` is where
    the text leads, if a terminal knows links.
    """

    text: str
    look: str = ""
    indent: int = 0
    link: str = ""
    lead: str = ""
    lead_look: str = ""


def fold(text: str, width: int) -> Iterator[str]:
    """The text in pieces of at most ``width`` columns, cut at spaces where that leaves half of it."""
    width = max(2, width)
    while cell_len(text) > width:
        end, room = 0, width
        for ch in text:
            room -= cell_len(ch)
            if room < 0:
                break
            end += 1
        space = text.rfind(" ", 0, end + 1)
        if space > end // 2:
            yield text[:space]
            text = text[space + 1 :]
        else:
            yield text[: max(1, end)]
            text = text[max(1, end) :]
    yield text


class LineView(ScrollView, can_focus=True):
    """Lines with looks, scrolled by the keys of the lists."""

    BINDINGS: ClassVar[list[BindingType]] = [binding for binding in bindings("list") if binding.id in _IDS]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"line-view--{look}" for look in ("heading", "dim", "good", "warn", "bad", "accent", "strong")
    }
    DEFAULT_CSS = """
    LineView { background: $surface; color: $foreground; scrollbar-size-vertical: 1; overflow-x: hidden;
        scrollbar-gutter: stable;
        padding: 0 1;
        & .line-view--heading { color: $text-primary; text-style: bold; }
        & .line-view--dim { color: $text-muted; }
        & .line-view--good { color: $text-success; }
        & .line-view--warn { color: $text-warning; }
        & .line-view--bad { color: $text-error; }
        & .line-view--accent { color: $text-accent; }
        & .line-view--strong { text-style: bold; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: tuple[Line, ...] = ()
        #: What stands in the indent, a piece of text, and its line.
        self._folded: list[tuple[str, str, Line]] = []
        self._folded_for = -1

    def set_lines(self, lines: Iterable[Line]) -> None:
        """Show these lines; the place stays."""
        new = tuple(lines)
        if new != self._lines:
            self._lines = new
            self._fold()

    def await_lines(self) -> None:
        """Show nothing until the next lines come; their room stays, which spares the screen two layouts."""
        self._lines, self._folded = (), []
        self.refresh()

    def _fold(self) -> None:
        width = self.scrollable_content_region.width
        if not width:  # hidden: folded when it is shown
            self._folded, self._folded_for = [], -1
            return
        self._folded_for = width
        self._folded = [
            (f"{'' if number else line.lead:<{line.indent}}", piece, line)
            for line in self._lines
            for number, piece in enumerate(fold(line.text, width - line.indent))
        ]
        self.virtual_size = Size(width, len(self._folded))
        self.refresh()

    def on_resize(self) -> None:
        """Fold anew where the width is another one."""
        if self.scrollable_content_region.width != self._folded_for:
            self._fold()

    def render_line(self, y: int) -> Strip:
        """Draw a line."""
        width = self.scrollable_content_region.width
        position = int(self.scroll_offset.y) + y
        if not 0 <= position < len(self._folded):
            return Strip.blank(width, self.rich_style)
        lead, text, line = self._folded[position]
        style, lead_style = self._look(line.look), self._look(line.lead_look or line.look)
        if link := safe_link(line.link):
            style += Style(link=link)
        parts = [Segment(lead, lead_style), Segment(text, style)]
        return Strip(parts).adjust_cell_length(width, self._look(line.look))

    def _look(self, look: str) -> Style:
        style = self.rich_style
        return style + self.get_component_rich_style(f"line-view--{look}", partial=True) if look else style

    def action_cursor_down(self) -> None:
        """One line down."""
        self.scroll_relative(y=1, animate=False, force=True)

    def action_cursor_up(self) -> None:
        """One line up."""
        self.scroll_relative(y=-1, animate=False)

    def action_scroll_top(self) -> None:
        """To the beginning."""
        self.scroll_to(y=0, animate=False)

    def action_scroll_bottom(self) -> None:
        """To the end."""
        # Forced: lines that came this moment have no scroll bar yet, without which the key would be lost.
        self.scroll_to(y=self.max_scroll_y, animate=False, force=True)
