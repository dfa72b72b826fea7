"""Short questions: yes or no, or one of a few."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, OptionList, Static
from textual.widgets.option_list import Option

from comfy_tui.text import clean, clean_lines
from comfy_tui.widgets.leavable import Leavable

_DIALOG_CSS = """
    align: center top;
    & > Vertical {
        margin-top: 3; width: 64; max-width: 90%; height: auto; max-height: 90%;
        background: $surface; border: round $primary; padding: 0 1;
    }
    & .question { height: auto; max-height: 12; margin-bottom: 1; overflow-y: auto; }
    & Horizontal { height: auto; align-horizontal: right; }
    & Button { margin-left: 1; min-width: 10; }
    & OptionList, & OptionList:focus { height: auto; max-height: 12; border: none; background: $surface; }
"""


class ConfirmDialog(Leavable, ModalScreen[bool]):
    """Asks before something is destroyed; the focus is on No.

    Args:
        title: the question in a few words.
        message: what exactly will be hit.
        yes: the label of the button that does it.
    """

    DEFAULT_CSS = f"ConfirmDialog {{ {_DIALOG_CSS} }}"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape", "answer(False)", "No"),
        Binding("left,h", "app.focus_previous", show=False),
        Binding("right,l", "app.focus_next", show=False),
    ]

    def __init__(self, title: str, message: str, yes: str = "Yes") -> None:
        super().__init__()
        self._title = title
        self._message = message
        self._yes = yes

    def compose(self) -> ComposeResult:
        """The question and two buttons."""
        with Vertical() as box:
            box.border_title = Text(clean(self._title))
            yield Static(Text(clean_lines(self._message)), classes="question", markup=False)
            with Horizontal():
                yield Button(Text(f"{self._yes} (y)"), id="yes", variant="error", compact=True)
                yield Button(Text("No (n)"), id="no", variant="primary", compact=True)

    def on_mount(self) -> None:
        """No is what enter says."""
        self.query_one("#no").focus()

    def action_answer(self, answer: bool) -> None:
        """Close with the answer."""
        self.dismiss(answer)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")


class ChoiceDialog(Leavable, ModalScreen[str | None]):
    """Offers a few things to do, each with a letter; gives the id of the chosen one.

    Args:
        title: what is to be chosen.
        choices: id, key and label of each.
        message: a line above them.
    """

    DEFAULT_CSS = f"ChoiceDialog {{ {_DIALOG_CSS} }}"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Close"),
        Binding("j", "down", show=False),
        Binding("k", "up", show=False),
    ]

    def __init__(self, title: str, choices: Sequence[tuple[str, str, str]], message: str = "") -> None:
        super().__init__()
        self._title = title
        self._message = message
        self._choices = {key: choice_id for choice_id, key, _ in choices}
        self._options = [
            Option(Text(f"{key}  {clean(label, 120)}"), id=choice_id) for choice_id, key, label in choices
        ]

    def compose(self) -> ComposeResult:
        """The list of choices."""
        with Vertical() as box:
            box.border_title = Text(clean(self._title))
            if self._message:
                yield Static(Text(clean_lines(self._message)), classes="question", markup=False)
            yield OptionList(*self._options, markup=False)

    def on_key(self, event: events.Key) -> None:
        """A choice's own letter chooses it, and is not a key of the screen below."""
        if event.character is not None and event.character in self._choices:
            event.stop()
            event.prevent_default()
            self.dismiss(self._choices[event.character])

    def action_leave(self) -> None:
        """Close without a choice."""
        self.dismiss(None)

    def action_down(self) -> None:
        """One choice down."""
        self.query_one(OptionList).action_cursor_down()

    def action_up(self) -> None:
        """One choice up."""
        self.query_one(OptionList).action_cursor_up()

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)


class NoteDialog(Leavable, ModalScreen[None]):
    """Shows a text of some lines, to be scrolled and closed.

    Args:
        title: what it is.
        text: the text; control characters are left out.
    """

    DEFAULT_CSS = f"""NoteDialog {{ {_DIALOG_CSS}
        & > Vertical {{ width: 90%; }}
        & #note {{ height: auto; max-height: 18; }}
        & #note Static {{ height: auto; }}
    }}"""
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,q", "leave", "Close")]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        """The text."""
        with Vertical() as box:
            box.border_title = Text(clean(self._title))
            box.border_subtitle = Text("escape closes")
            with VerticalScroll(id="note"):
                yield Static(Text(clean_lines(self._text, 64_000)), markup=False)

    def on_mount(self) -> None:
        """The end is what matters most."""
        note = self.query_one("#note", VerticalScroll)
        note.focus()
        note.scroll_end(animate=False)

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)
