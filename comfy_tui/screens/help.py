"""The keys, generated from the table that also makes the bindings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from comfy_tui.keymap import AREAS, keys_of
from comfy_tui.widgets.leavable import Leavable

_WORDS = """\
Status is a glyph and a word: ● online  ✗ offline  ! trouble  ◌ connecting.
Data carries the time at which the server said it. Nothing is shown that it did not say.
"""


class HelpScreen(Leavable, ModalScreen[None]):
    """Every key, those of the screen below first.

    Args:
        area: the area of the screen that was left for this.
        chosen: binding ids with the keys that the person chose.
    """

    DEFAULT_CSS = """
    HelpScreen {
        align: center middle;
        & VerticalScroll {
            width: 84; max-width: 96%; height: 90%; padding: 0 1;
            background: $surface; border: round $primary;
        }
        & Static { height: auto; }
        & .keys { padding: 0 0 1 2; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "leave", "Close"),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
    ]

    def __init__(self, area: str, chosen: Mapping[str, tuple[str, ...]]) -> None:
        super().__init__()
        self._area = area
        self._chosen = chosen

    def compose(self) -> ComposeResult:
        """A heading and a table for each area."""
        with VerticalScroll() as box:
            box.border_title = "Keys (esc closes)"
            for area in sorted(AREAS, key=lambda name: name != self._area):
                if keys_of(area):
                    yield Static(Text(AREAS[area], "bold underline"), markup=False)
                    yield Static(self._table(area), classes="keys", markup=False)
            yield Static(_WORDS, markup=False)

    def _table(self, area: str) -> Table:
        """Keys and what they do; a long sentence goes on below its beginning."""
        table = Table.grid(padding=(0, 2))
        table.add_column(style="bold", min_width=10, no_wrap=True)
        table.add_column()
        for binding in keys_of(area):
            keys = self._chosen.get(binding.id, binding.keys)
            table.add_row(Text(" ".join(keys)), Text(binding.help))
        return table

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)
