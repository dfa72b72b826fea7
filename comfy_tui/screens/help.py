"""The keys, generated from the table that also makes the bindings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from comfy_tui.keymap import AREAS, keys_of
from comfy_tui.text import cell_len
from comfy_tui.widgets.leavable import Leavable
from comfy_tui.widgets.line_view import Line, LineView

_WORDS = (
    "Status is a glyph and a word: ● online  ✗ offline  ! trouble  ◌ connecting.",
    "Data carries the time at which the server said it. Nothing is shown that it did not say.",
)
#: Columns for the names of the keys.
_LEAST_KEYS, _MOST_KEYS = 10, 20


class HelpScreen(Leavable, ModalScreen[None]):
    """Every key, those of the screen below first.

    Args:
        area: the area of the screen that was left for this.
        chosen: binding ids with the keys that the person chose.
    """

    DEFAULT_CSS = """
    HelpScreen {
        align: center middle;
        & LineView { width: 84; max-width: 96%; height: 90%; border: round $primary; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "leave", "Close"),
    ]

    def __init__(self, area: str, chosen: Mapping[str, tuple[str, ...]]) -> None:
        super().__init__()
        self._area = area
        self._chosen = chosen

    def compose(self) -> ComposeResult:
        """All lines in one view."""
        view = LineView()
        view.border_title = "Keys (esc closes)"
        view.set_lines(self._lines())
        yield view

    def on_mount(self) -> None:
        """Scroll at once."""
        self.query_one(LineView).focus()

    def _lines(self) -> Iterator[Line]:
        """A heading for each area, then its keys and what they do."""
        for area in sorted(AREAS, key=lambda name: name != self._area):
            found = keys_of(area)
            if not found:
                continue
            yield Line(AREAS[area], "heading")
            names = [" ".join(self._chosen.get(binding.id, binding.keys)) for binding in found]
            indent = 4 + min(_MOST_KEYS, max(_LEAST_KEYS, *map(cell_len, names)))
            for name, binding in zip(names, found, strict=True):
                yield Line(binding.help, indent=indent, lead=f"  {name}  ", lead_look="strong")
            yield Line("")
        yield from map(Line, _WORDS)

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)
