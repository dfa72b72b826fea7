"""Choosing one of many: type to narrow the list, enter takes the row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from comfy_tui.text import clean
from comfy_tui.widgets.filter_bar import matches
from comfy_tui.widgets.leavable import Leavable
from comfy_tui.widgets.row import Column, Row
from comfy_tui.widgets.row_list import RowList

PICK_CSS = """
    align: center middle;
    & > Vertical { width: 84; max-width: 96%; height: 80%; max-height: 30; background: $surface;
        border: round $primary; padding: 0 1; }
    & Input { border: none; height: 1; padding: 0; background: $panel; }
    & Input:focus { border: none; height: 1; }
    & .line { height: auto; max-height: 3; color: $text-muted; }
    & RowList { height: 1fr; }
"""
#: Keys that move in the list while one types above it.
PICK_BINDINGS: tuple[Binding, ...] = (
    Binding("escape", "leave", "Close"),
    Binding("down,ctrl+n", "rows('cursor_down')", show=False, priority=True),
    Binding("up,ctrl+k", "rows('cursor_up')", show=False, priority=True),
    Binding("pagedown", "rows('page_down')", show=False, priority=True),
    Binding("pageup", "rows('page_up')", show=False, priority=True),
)


_KEYS = "type to narrow · enter takes · esc closes"


class PickDialog(Leavable, ModalScreen[int | None]):
    """Offers many choices; gives the number of the chosen one.

    Args:
        title: what is to be chosen.
        labels: the choices.
        current: the number of the one that holds now.
        message: a line below the title.
    """

    DEFAULT_CSS = f"PickDialog {{ {PICK_CSS} }}"
    BINDINGS: ClassVar[list[BindingType]] = [*PICK_BINDINGS]

    def __init__(
        self, title: str, labels: Sequence[str], current: int | None = None, message: str = ""
    ) -> None:
        super().__init__()
        self._title = title
        self._labels = tuple(labels)
        self._current = current
        self._message = message

    def compose(self) -> ComposeResult:
        """What is typed, and what matches it."""
        with Vertical() as box:
            box.border_title = Text(clean(self._title))
            box.border_subtitle = _KEYS
            if self._message:
                yield Static(Text(clean(self._message)), classes="line", markup=False)
            yield Input(placeholder="type to narrow the list", compact=True, select_on_focus=False)
            yield RowList((Column("Choice"), Column("", 4)))

    def on_mount(self) -> None:
        """All choices, the cursor on the one that holds."""
        self._paint("")
        if self._current is not None:
            self.query_one(RowList).select(str(self._current))
        self.query_one(Input).focus()

    def _paint(self, wanted: str) -> None:
        rows = [
            Row(str(number), (clean(label, 300), "now" if number == self._current else ""))
            for number, label in enumerate(self._labels)
            if matches(wanted, label)
        ]
        self.query_one(RowList).set_rows(rows)
        self.query_one(Vertical).border_subtitle = _KEYS if rows else "nothing matches · esc closes"

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the list."""
        event.stop()
        self._paint(event.value.strip())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the row."""
        event.stop()
        key = self.query_one(RowList).current_key
        if key:
            self.dismiss(int(key))

    @on(RowList.Opened)
    def _opened(self, message: RowList.Opened) -> None:
        self.dismiss(int(message.key))

    def action_rows(self, action: str) -> None:
        """Move in the list."""
        getattr(self.query_one(RowList), f"action_{action}")()

    def action_leave(self) -> None:
        """Close without a choice."""
        self.dismiss(None)
