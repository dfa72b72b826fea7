"""Changing the values of a workflow before it is queued; its file stays as it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static, TextArea

from comfy_tui.inventory.nodes import NodeInfo
from comfy_tui.inventory.prepare import Prepared
from comfy_tui.screens.pick import PickDialog
from comfy_tui.text import clean
from comfy_tui.widgets.bindings import bindings, help_binding
from comfy_tui.widgets.field_row import COLUMNS, COPIES, COPIES_RULE, SEEDS, FormField, FormFields
from comfy_tui.widgets.hint_bar import HintBar
from comfy_tui.widgets.leavable import Leavable
from comfy_tui.widgets.row_list import RowList
from comfy_tui.workflow.edits import Edits, Key
from comfy_tui.workflow.typed import ValueKind, ValueRule, read_value, write_value

#: Longer texts are edited on several lines.
_LINE_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Edited:
    """The form was left with these edits, to be queued or not."""

    edits: Edits
    queue: bool


class _ValueList(RowList):
    """The values: what enter does here is called by its name."""

    BINDINGS: ClassVar[list[BindingType]] = [
        replace(binding, description="Edit") for binding in bindings("list") if binding.id == "list.open"
    ]


class EditScreen(Leavable, ModalScreen[Edited]):
    """A list of values, with a line to edit the one under the cursor.

    Args:
        name: the workflow's.
        prepared: it has a prompt.
        edits: what was changed so far.
        info: the server's node classes, where they are known.
        start: the value to begin with; one of the node's where it has no such input.
    """

    AREA = "form"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("form"),
        help_binding(),
        Binding("escape", "leave", "Close"),
        Binding("e", "edit", show=False),
    ]
    DEFAULT_CSS = """
    EditScreen {
        background: $background;
        & > Vertical { height: 1fr; border: round $primary; background: $surface; padding: 0 1; }
        & RowList { height: 1fr; }
        & #about { height: auto; max-height: 2; color: $text-muted; border-top: solid $panel; }
        & #problem { height: auto; max-height: 2; color: $text-error; }
        & Input, & Input:focus { display: none; border: none; height: 1; padding: 0; background: $panel; }
        & TextArea, & TextArea:focus {
            display: none; border: none; height: 6; padding: 0; background: $panel;
        }
        & Input.-open, & Input.-open:focus, & TextArea.-open, & TextArea.-open:focus { display: block; }
    }
    """

    def __init__(
        self,
        name: str,
        prepared: Prepared,
        edits: Edits,
        info: NodeInfo | None,
        start: Key | None = None,
    ) -> None:
        super().__init__()
        self._name = name
        self._form = FormFields(prepared, info)
        self._form.take(edits)
        self._edits = edits
        self._start = start
        self._everything = start is not None and not self._form.is_usual(start)
        #: The row that is being edited, its rule, and the text it began with.
        self._editing: tuple[str, ValueRule, str] | None = None

    def compose(self) -> ComposeResult:
        """The values, and below them the line to edit one."""
        with Vertical() as box:
            box.border_title = Text(clean(self._name, 60))
            yield _ValueList(COLUMNS, id="fields")
            yield Static(id="about", markup=False)
            yield Input(id="line", compact=True, select_on_focus=False)
            yield TextArea(id="text", compact=True, show_line_numbers=False)
            yield Static(id="problem", markup=False)
        yield HintBar()

    def on_mount(self) -> None:
        """The keys go to the list."""
        self.query_one("#fields").focus()
        self._paint()
        rows = self._rows.rows
        wanted = f"{self._start[0]}\n{self._start[1]}" if self._start is not None else ""
        if not self._rows.select(wanted):
            self._rows.select(next((row.key for row in rows if not row.key.startswith("#")), COPIES))

    @property
    def _rows(self) -> RowList:
        return self.query_one("#fields", RowList)

    def _paint(self) -> None:
        self._rows.set_rows(self._form.rows(self._edits, everything=self._everything))
        self.query_one(Vertical).border_subtitle = self._form.more_words(everything=self._everything)
        self._paint_about()

    def _paint_about(self) -> None:
        self.query_one("#about", Static).update(Text(self._about(self._rows.current_key)))

    def _about(self, key: str) -> str:
        if key == COPIES:
            return f"How many times Q queues it, {COPIES_RULE.least} to {COPIES_RULE.most}. enter edits"
        if key == SEEDS:
            return "What happens to the seeds of each copy. enter: the next way"
        shown = self._form.find(key, self._edits)
        if shown is None:
            return ""
        does = {ValueKind.BOOL: "enter switches", ValueKind.CHOICE: "enter chooses"}
        words = f"{shown.place}: {shown.rule.words}. {does.get(shown.rule.kind, 'enter edits')}"
        if self._editing is not None:
            takes = "ctrl+s takes it" if self.query_one(TextArea).has_class("-open") else "enter takes it"
            words = f"{shown.place}: {shown.rule.words}. {takes}, esc leaves it as it was"
        if shown.is_wrong:
            words += ". The server does not take the present value"
        return words

    def on_row_list_highlighted(self, message: RowList.Highlighted) -> None:
        """Say what the row is."""
        message.stop()
        self._paint_about()

    # -- editing one value ---------------------------------------------------------------------

    def on_row_list_opened(self, message: RowList.Opened) -> None:
        """Edit the row."""
        message.stop()
        self.action_edit()

    def action_edit(self) -> None:
        """Edit the row under the cursor, in the way its kind wants."""
        key = self._rows.current_key
        if key == COPIES:
            self._open_editor(key, COPIES_RULE, str(self._edits.count))
            return
        if key == SEEDS:
            self._set(replace(self._edits, seed=self._form.next_seed(self._edits.seed), queued=0))
            return
        shown = self._form.find(key, self._edits)
        if shown is None:
            return
        if shown.rule.kind is ValueKind.BOOL and isinstance(shown.value, bool):
            self._set_value(shown, not shown.value)
        elif shown.rule.kind is ValueKind.CHOICE:
            self._choose(shown)
        else:
            self._open_editor(key, shown.rule, write_value(shown.value))

    def _choose(self, shown: FormField) -> None:
        choices = shown.rule.choices
        now = choices.index(shown.value) if shown.value in choices else None
        message = "" if now is not None else f"{write_value(shown.value)} is none of them"

        def chosen(number: int | None) -> None:
            if number is not None:
                self._set_value(shown, choices[number])

        labels = [write_value(choice) for choice in choices]
        self.app.push_screen(PickDialog(shown.place, labels, now, message), chosen)

    def _open_editor(self, key: str, rule: ValueRule, text: str) -> None:
        line, area = self.query_one(Input), self.query_one(TextArea)
        long = rule.multiline or "\n" in text or len(text) > _LINE_LIMIT
        if long:
            area.load_text(text)
            area.move_cursor(area.document.end)
        else:
            line.value = text
            line.cursor_position = len(text)
        line.set_class(not long, "-open")
        area.set_class(long, "-open")
        self._editing = (key, rule, area.text if long else text)
        (area if long else line).focus()
        self._paint_about()

    def _typed(self) -> str:
        area = self.query_one(TextArea)
        return area.text if area.has_class("-open") else self.query_one(Input).value

    def _check(self) -> None:
        """Say at once what is wrong with what is typed."""
        if self._editing is None:
            return
        problem = read_value(self._typed(), self._editing[1]).problem
        self.query_one("#problem", Static).update(Text(f"✗ {clean(problem)}" if problem else ""))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Check what is typed."""
        event.stop()
        self._check()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Check what is typed."""
        event.stop()
        self._check()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the typed value."""
        event.stop()
        self._accept()

    def _accept(self) -> None:
        if self._editing is None:
            return
        key, rule, before = self._editing
        text = self._typed()
        typed = read_value(text, rule)
        if typed.problem:
            self._check()
            return
        self._close_editor()
        if text == before:
            return
        if key == COPIES:
            self._set(replace(self._edits, count=int(typed.value)))
            return
        shown = self._form.find(key, self._edits)
        if shown is not None:
            self._set_value(shown, typed.value)

    def _close_editor(self) -> None:
        self._editing = None
        self.query_one(Input).remove_class("-open")
        self.query_one(TextArea).remove_class("-open")
        self.query_one("#problem", Static).update("")
        self._rows.focus()
        self._paint_about()

    def _set_value(self, shown: FormField, value: object) -> None:
        original = shown.field.value
        if type(value) is type(original) and value == original:
            self._set(self._edits.without(shown.field.key))
        else:
            self._set(self._edits.with_value(shown.field.key, value))

    def _set(self, edits: Edits) -> None:
        self._form.take(edits)
        self._edits = edits
        self._paint()

    # -- the form ------------------------------------------------------------------------------

    def action_show_more(self) -> None:
        """Every value, or only the usual ones."""
        self._everything = not self._everything
        self._paint()

    def action_reset_value(self) -> None:
        """The value under the cursor as in the file."""
        key = self._rows.current_key
        shown = self._form.find(key, self._edits)
        if key == COPIES:
            self._set(replace(self._edits, count=1))
        elif key == SEEDS:
            self._set(replace(self._edits, seed=None, queued=0))
        elif shown is not None:
            self._set(self._edits.without(shown.field.key))

    def action_reset_all(self) -> None:
        """All values as in the file."""
        self._set(Edits())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is something to take only while one types."""
        if action == "accept_form":
            return self._editing is not None
        return super().check_action(action, parameters)

    def action_accept_form(self) -> None:
        """Take the typed value."""
        self._accept()

    def action_queue_form(self) -> None:
        """Leave, and queue with these values."""
        self.dismiss(Edited(self._edits, True))

    def action_leave(self) -> None:
        """Leave the line, else the form; what was changed is kept."""
        if self._editing is not None:
            self._close_editor()
        else:
            self.dismiss(Edited(self._edits, False))
