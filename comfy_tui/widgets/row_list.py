"""A list of rows in columns: keyed, markable, drawn line by line, so that its length does not matter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from comfy_tui.text import cell_len, shorten
from comfy_tui.widgets.bindings import bindings
from comfy_tui.widgets.row import GAP, MARKER, Cell, Column, Row, fit_columns


class RowList(ScrollView, can_focus=True):
    """Rows with a cursor that stays on its row while rows come and go."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("list", leave_out=("list.filter", "list.next", "list.previous", "list.copy")),
        Binding("down", "cursor_down", show=False),
        Binding("up", "cursor_up", show=False),
        Binding("pagedown", "page_down", show=False),
        Binding("pageup", "page_up", show=False),
        Binding("home", "scroll_top", show=False),
        Binding("end", "scroll_bottom", show=False),
    ]
    LOOKS: ClassVar[frozenset[str]] = frozenset(
        (
            "heading",
            "cursor",
            "cursor-blurred",
            "header",
            "mark",
            "dim",
            "good",
            "warn",
            "bad",
            "accent",
            "strong",
        )
    )
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"row-list--{look}" for look in LOOKS}
    DEFAULT_CSS = """
    RowList { background: $surface; color: $foreground; scrollbar-size-vertical: 1; overflow-x: hidden;
        & .row-list--header { color: $text-muted; text-style: bold; }
        & .row-list--heading { color: $text-primary; text-style: bold; }
        & .row-list--cursor {
            background: $block-cursor-background; color: $block-cursor-foreground; text-style: bold;
        }
        & .row-list--cursor-blurred { background: $panel; text-style: bold; }
        & .row-list--mark { color: $text-accent; text-style: bold; }
        & .row-list--dim { color: $text-muted; }
        & .row-list--good { color: $text-success; }
        & .row-list--warn { color: $text-warning; }
        & .row-list--bad { color: $text-error; }
        & .row-list--accent { color: $text-accent; }
        & .row-list--strong { text-style: bold; }
    }
    """
    cursor: reactive[int] = reactive(0, repaint=False)

    class Highlighted(Message):
        """The cursor came to a row; ``key`` is empty when there is none."""

        def __init__(self, row_list: RowList, key: str) -> None:
            super().__init__()
            self.row_list = row_list
            self.key = key

        @property
        def control(self) -> RowList:
            """The list that sent this."""
            return self.row_list

        def can_replace(self, message: Message) -> bool:
            """Only the last row that the cursor came to matters."""
            return isinstance(message, RowList.Highlighted) and message.row_list is self.row_list

    class Opened(Message):
        """A row was chosen with enter or a second click."""

        def __init__(self, row_list: RowList, key: str) -> None:
            super().__init__()
            self.row_list = row_list
            self.key = key

        @property
        def control(self) -> RowList:
            """The list that sent this."""
            return self.row_list

    class MarksChanged(Message):
        """Rows were marked or unmarked."""

        def __init__(self, row_list: RowList) -> None:
            super().__init__()
            self.row_list = row_list

        @property
        def control(self) -> RowList:
            """The list that sent this."""
            return self.row_list

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        starts_at_top: bool = False,
        markable: bool = False,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """Make an empty list.

        Args:
            columns: from left to right.
            starts_at_top: rows arrive in parts and in any order: the cursor stays on the first one
                until the person has moved it.
            markable: there are actions for several rows.
            id: of the widget.
            classes: of the widget.
        """
        super().__init__(id=id, classes=classes)
        self._at_top = starts_at_top
        self._markable = markable
        self.columns = tuple(columns)
        self.rows: tuple[Row, ...] = ()
        self.marked: set[str] = set()
        self._index: dict[str, int] = {}
        self._fitted: list[tuple[int, int]] = []
        self._fitted_for = -1
        self._announced: str | None = None

    # -- data ----------------------------------------------------------------------------------

    def set_rows(self, rows: Iterable[Row]) -> None:
        """Show these rows; the cursor stays on its row by key, or on its place where that is gone."""
        new = tuple(rows)
        if new == self.rows:
            return
        old, self.rows = self.rows, new
        here = old[self.cursor] if 0 <= self.cursor < len(old) else None
        # Without a row to choose the cursor is on a heading, which it does not follow.
        key = here.key if here is not None and not here.heading else ""
        self._index = {row.key: position for position, row in enumerate(new)}
        gone = self.marked - self._index.keys()
        if gone:
            self.marked -= gone
            self.post_message(self.MarksChanged(self))
        self._measure()
        position = 0 if self._at_top else self._index.get(key, min(self.cursor, len(new) - 1))
        moved = self._place(position)
        pairs = enumerate(zip(old, new, strict=False))
        changed = [(position, before, after) for position, (before, after) in pairs if before != after]
        if len(old) != len(new) or moved or len(changed) > self.size.height:
            self.refresh()
        else:
            for position, before, after in changed:
                self._refresh_cells(position, before, after)

    def _measure(self) -> None:
        """Tell how high all of it is, the header included."""
        self.virtual_size = Size(self.size.width, len(self.rows) + 1)

    @property
    def current_key(self) -> str:
        """The key of the row under the cursor, or empty."""
        return self.rows[self.cursor].key if 0 <= self.cursor < len(self.rows) else ""

    def chosen_keys(self) -> tuple[str, ...]:
        """The marked rows in their order, else the one under the cursor."""
        if self.marked:
            return tuple(row.key for row in self.rows if row.key in self.marked)
        row = self.rows[self.cursor] if 0 <= self.cursor < len(self.rows) else None
        return (row.key,) if row is not None and not row.heading else ()

    def select(self, key: str) -> bool:
        """Move the cursor to a row; returns whether it is there."""
        position = self._index.get(key)
        if position is None:
            return False
        self._at_top = False
        self._place(position)
        self.refresh()
        return True

    def _place(self, position: int) -> bool:
        """Put the cursor on the row at or nearest to ``position`` that can be chosen."""
        before = self.cursor
        choosable = [index for index, row in enumerate(self.rows) if not row.heading]
        self.cursor = min(choosable, key=lambda index: abs(index - position)) if choosable else 0
        self._announce()
        self._scroll_to_cursor()
        return before != self.cursor

    def _announce(self) -> None:
        row = self.rows[self.cursor] if self.rows else None
        key = row.key if row is not None and not row.heading else ""
        if key != self._announced:
            self._announced = key
            self.post_message(self.Highlighted(self, key))

    def clear_marks(self) -> None:
        """Unmark every row."""
        if self.marked:
            self.marked.clear()
            self.refresh()
            self.post_message(self.MarksChanged(self))

    # -- keys and mouse ------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Marks are off where nothing acts on several rows."""
        if action == "toggle_mark" and not self._markable:
            return False
        return super().check_action(action, parameters)

    def _move(self, step: int) -> None:
        self._at_top = False
        position = self.cursor + step
        direction = 1 if step > 0 else -1
        position = max(0, min(len(self.rows) - 1, position))
        while 0 <= position < len(self.rows) and self.rows[position].heading:
            position += direction
        if not 0 <= position < len(self.rows):
            # Only headings lie there: the outermost row on this side of them, which may be this one.
            if direction < 0:
                self.scroll_to(y=0, animate=False)
            position -= direction
            while position != self.cursor and 0 <= position < len(self.rows) and self.rows[position].heading:
                position -= direction
            if position == self.cursor or not 0 <= position < len(self.rows):
                return
        before, self.cursor = self.cursor, position
        self._refresh_row(before)
        self._refresh_row(position)
        self._announce()
        self._scroll_to_cursor()

    def action_cursor_down(self) -> None:
        """One row down."""
        self._move(1)

    def action_cursor_up(self) -> None:
        """One row up."""
        self._move(-1)

    def action_page_down(self) -> None:
        """A page down."""
        self._move(max(1, self.size.height - 2))

    def action_page_up(self) -> None:
        """A page up."""
        self._move(-max(1, self.size.height - 2))

    def action_scroll_top(self) -> None:
        """To the first row."""
        self._move(-len(self.rows))

    def action_scroll_bottom(self) -> None:
        """To the last row."""
        self._move(len(self.rows))

    def action_toggle_mark(self) -> None:
        """Mark the row, or unmark it, and go on to the next."""
        keys = self.current_key
        if not keys or self.rows[self.cursor].heading:
            return
        self.marked ^= {keys}
        self._refresh_row(self.cursor)
        self.post_message(self.MarksChanged(self))
        self._move(1)

    def action_open_row(self) -> None:
        """Open the row."""
        if self.current_key and not self.rows[self.cursor].heading:
            self.post_message(self.Opened(self, self.current_key))

    def on_click(self, event: events.Click) -> None:
        """Move to the row that was clicked; a click on the cursor's row opens it."""
        position = int(self.scroll_offset.y) + event.y - 1
        if event.y == 0 or not 0 <= position < len(self.rows) or self.rows[position].heading:
            return
        if position == self.cursor:
            self.action_open_row()
        else:
            self._move(position - self.cursor)

    def _scroll_to_cursor(self) -> None:
        if not self.size.height:
            return
        top = self.cursor - 1 if self.cursor and self.rows[self.cursor - 1].heading else self.cursor
        self.scroll_to_region(
            Region(0, top, 1, self.cursor - top + 2), animate=False, force=True, immediate=True
        )

    # -- drawing -------------------------------------------------------------------------------

    def on_resize(self) -> None:
        """Give the columns their new widths."""
        self._measure()
        self._scroll_to_cursor()

    def on_focus(self) -> None:
        """Show the cursor's row as active."""
        self._refresh_row(self.cursor)

    def on_blur(self) -> None:
        """Show the cursor's row as passive."""
        self._refresh_row(self.cursor)

    def _refresh_row(self, position: int) -> None:
        line = position - int(self.scroll_offset.y) + 1
        if 0 < line < self.size.height:
            self.refresh(Region(0, line, self.size.width, 1))

    def _refresh_cells(self, position: int, before: Row, after: Row) -> None:
        """Draw only the columns that changed: on a thin line every byte counts."""
        if before.heading or after.heading or len(before.cells) != len(after.cells):
            self._refresh_row(position)
            return
        line = position - int(self.scroll_offset.y) + 1
        if not 0 < line < self.size.height:
            return
        x = MARKER
        for index, width in self._columns_for(self.size.width):
            if index < len(after.cells) and before.cells[index] != after.cells[index]:
                self.refresh(Region(x, line, width, 1))
            x += width + GAP

    def _columns_for(self, width: int) -> list[tuple[int, int]]:
        """Which columns fit, with their widths."""
        if self._fitted_for != width:
            self._fitted, self._fitted_for = fit_columns(self.columns, width), width
        return self._fitted

    def render_line(self, y: int) -> Strip:
        """Draw the header (line 0) or a row."""
        width = self.size.width
        base = self.rich_style
        if y == 0:
            titles = [column.title for column in self.columns]
            return self._line(titles, "  ", base + self._look("header"), width, looks=False)
        position = int(self.scroll_offset.y) + y - 1
        if not 0 <= position < len(self.rows):
            return Strip.blank(width, base)
        row = self.rows[position]
        if row.heading:
            cell = row.cells[0] if row.cells else ""
            text = shorten(cell if isinstance(cell, str) else cell.text, width)
            return Strip([Segment(text, base + self._look("heading"))]).adjust_cell_length(width, base)
        style = base
        chosen = position == self.cursor
        if chosen:
            style = base + self._look("cursor" if self.has_focus else "cursor-blurred")
        marked = row.key in self.marked
        marker = "✓ " if marked else ("› " if chosen else "  ")
        return self._line(row.cells, marker, style, width, looks=not (chosen and self.has_focus))

    def _line(
        self, cells: Sequence[Cell | str], marker: str, style: Style, width: int, *, looks: bool
    ) -> Strip:
        segments = [Segment(marker, style + self._look("mark") if looks else style)]
        for index, cell_width in self._columns_for(width):
            cell = cells[index] if index < len(cells) else ""
            text, look = (cell, "") if isinstance(cell, str) else (cell.text, cell.look)
            text = shorten(text, cell_width)
            pad = " " * (cell_width - cell_len(text))
            text = pad + text if self.columns[index].right else text + pad
            segments.append(Segment(text + " " * GAP, style + self._look(look) if look and looks else style))
        return Strip(segments).adjust_cell_length(width, style)

    def _look(self, name: str) -> Style:
        """The part of a look that differs from the list's own."""
        return self.get_component_rich_style(f"row-list--{name}", partial=True)
