"""The keys, generated from the table that also makes the bindings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from comfy_tui.keymap import AREAS, keys_of

_WORDS = """\
Status is a glyph and a word: ● online  ✗ offline  ! trouble  ◌ connecting.
Data carries the time at which the server said it. Nothing is shown that it did not say.
"""


class HelpScreen(ModalScreen[None]):
    """Every key, those of the screen below first.

    Args:
        area: the area of the screen that was left for this.
        remapped: binding ids with the keys that the person chose.
    """

    DEFAULT_CSS = """
    HelpScreen {
        align: center middle;
        & VerticalScroll {
            width: 84; max-width: 96%; height: 90%; padding: 0 1;
            background: $surface; border: round $primary;
        }
        & Static { height: auto; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "leave", "Close"),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
    ]

    def __init__(self, area: str, remapped: Mapping[str, str]) -> None:
        super().__init__()
        self._area = area
        self._remapped = remapped

    def compose(self) -> ComposeResult:
        """One long text."""
        with VerticalScroll() as box:
            box.border_title = "Keys (esc closes)"
            yield Static(self._text(), markup=False)

    def _text(self) -> Text:
        text = Text()
        for area in sorted(AREAS, key=lambda name: name != self._area):
            bindings = keys_of(area)
            if not bindings:
                continue
            text.append(f"{AREAS[area]}\n", "bold underline")
            for binding in bindings:
                keys = self._remapped.get(binding.id) or " ".join(binding.keys)
                text.append(f"  {keys:<12}", "bold")
                text.append(f"{binding.help}\n")
            text.append("\n")
        text.append(_WORDS)
        return text

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)
