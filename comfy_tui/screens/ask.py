"""A question that is answered with a line of text."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from comfy_tui.text import clean, clean_lines
from comfy_tui.widgets.leavable import Leavable

ASK_CSS = """
    align: center middle;
    & > Vertical { width: 72; max-width: 94%; height: auto; max-height: 90%; background: $surface;
        border: round $primary; padding: 0 1; }
    & .question { height: auto; max-height: 8; }
    & Input, & Input:focus { height: 1; border: none; padding: 0 1; background: $panel; margin: 1 0; }
    & .keys { height: auto; max-height: 4; color: $text-muted; }
"""


class AskDialog(Leavable, ModalScreen[str | None]):
    """Asks for a line of text; gives None where the person leaves or empties it.

    Args:
        title: what is asked for.
        message: what will be done with it.
        value: the answer that is offered.
    """

    DEFAULT_CSS = f"AskDialog {{ {ASK_CSS} }}"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Close")]

    def __init__(self, title: str, message: str, value: str) -> None:
        super().__init__()
        self._title = title
        self._message = message
        self._value = value

    def compose(self) -> ComposeResult:
        """The question, the line and its keys."""
        with Vertical() as box:
            box.border_title = Text(clean(self._title))
            yield Static(Text(clean_lines(self._message)), classes="question", markup=False)
            yield Input(self._value, compact=True, select_on_focus=False)
            yield Static("enter takes it, escape leaves", classes="keys", markup=False)

    def on_mount(self) -> None:
        """Type at once."""
        self.query_one(Input).focus()

    def action_leave(self) -> None:
        """Close without an answer."""
        self.dismiss(None)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip() or None)
