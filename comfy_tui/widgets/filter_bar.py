"""A line for typing what rows must hold, and what a screen needs to use it on its list."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input

from comfy_tui.widgets.bindings import bindings
from comfy_tui.widgets.row_list import RowList

_IDS = ("list.filter", "list.next", "list.previous", "app.back")


def matches(wanted: str, *texts: str) -> bool:
    """Whether every word of ``wanted`` is somewhere in the texts; capitals do not count."""
    if not wanted:
        return True
    whole = "\n".join(texts).casefold()
    return all(word in whole for word in wanted.casefold().split())


class FilterBar(Input):
    """Hidden until it is opened; enter keeps the filter and leaves, escape clears it and hides."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear_filter", "Clear", show=True),
        Binding("enter,down", "keep_filter", "Keep", show=True),
    ]
    DEFAULT_CSS = """
    FilterBar, FilterBar:focus {
        display: none; height: 1; border: none; padding: 0 1; background: $panel; color: $foreground;
    }
    """

    class Edited(Message):
        """The text has changed; ``text`` is empty when the filter was cleared."""

        def __init__(self, bar: FilterBar, text: str) -> None:
            super().__init__()
            self.bar = bar
            self.text = text

        @property
        def control(self) -> FilterBar:
            """The bar that sent this."""
            return self.bar

        def can_replace(self, message: Message) -> bool:
            """Only the last text matters."""
            return isinstance(message, FilterBar.Edited) and message.bar is self.bar

    class Closed(Message):
        """The person is done typing: the list may have the focus again."""

        def __init__(self, bar: FilterBar) -> None:
            super().__init__()
            self.bar = bar

        @property
        def control(self) -> FilterBar:
            """The bar that sent this."""
            return self.bar

    def __init__(
        self, placeholder: str = "filter: words that a row must hold", *, id: str = "filter"
    ) -> None:
        super().__init__(placeholder=placeholder, id=id, compact=True, select_on_focus=False)

    def open(self) -> None:
        """Show the line and type there, at once: what was typed behind the key belongs here."""
        self.display = True
        self.screen.set_focus(self)

    def clear_and_hide(self) -> None:
        """Show all rows again."""
        self.value = ""
        self.display = False

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tell the screen."""
        event.stop()
        self.post_message(self.Edited(self, event.value.strip()))

    def action_keep_filter(self) -> None:
        """Back to the list; a filter stays, shown."""
        if not self.value.strip():
            self.clear_and_hide()
        self.post_message(self.Closed(self))

    def action_clear_filter(self) -> None:
        """Back to the list with all rows."""
        self.clear_and_hide()
        self.post_message(self.Closed(self))


class Filterable(Screen[Any]):
    """A screen with one :class:`FilterBar` that narrows one :class:`RowList`.

    Use it as a second base, ``class QueueScreen(ConsoleScreen, Filterable)``, yield a ``FilterBar()`` above
    the list, name the list in ``FILTERED`` and read ``self.filter_text`` when the rows are made:
    :meth:`filter_changed` is called when it is another one.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        binding for binding in bindings("list", "app") if binding.id in _IDS
    ]
    #: The selector of the list.
    FILTERED: ClassVar[str] = "RowList"
    filter_text: str = ""

    def filter_changed(self) -> None:
        """Make the rows anew; to be given by the screen."""

    def on_filter_bar_edited(self, event: FilterBar.Edited) -> None:
        """Take the words of the filter."""
        event.stop()
        if event.text != self.filter_text:
            self.filter_text = event.text
            self.filter_changed()

    def on_filter_bar_closed(self, event: FilterBar.Closed) -> None:
        """The keys go to the list again."""
        event.stop()
        self._filtered.focus()

    @property
    def _filtered(self) -> RowList:
        return self.query_one(self.FILTERED, RowList)

    def action_start_filter(self) -> None:
        """Type a filter."""
        self.query_one(FilterBar).open()

    def action_next_match(self) -> None:
        """To the next row, from the last to the first."""
        self._step(1)

    def action_previous_match(self) -> None:
        """To the row before, from the first to the last."""
        self._step(-1)

    def _step(self, step: int) -> None:
        rows = self._filtered
        keys = [row.key for row in rows.rows if not row.heading]
        if keys:
            here = keys.index(rows.current_key) if rows.current_key in keys else -step
            rows.select(keys[(here + step) % len(keys)])

    def action_go_back(self) -> None:
        """Clear the filter; where there is none, the marks."""
        bar = self.query_one(FilterBar)
        if bar.display:
            bar.clear_and_hide()
            self._filtered.focus()
        else:
            self._filtered.clear_marks()
