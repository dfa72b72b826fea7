"""The last line: the keys that help here, as many as fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import Screen
from textual.widgets import Footer

from comfy_tui.keymap import SPARE
from comfy_tui.text import cell_len

#: Without these nobody finds the rest, or the way out.
_LAST_TO_GO = frozenset({"show_help", "app.show_help", "quit", "go_back", "leave"})


class HintBar(Footer):
    """Textual's footer; what there is no room for is left out whole: spare hints first."""

    def __init__(self) -> None:
        super().__init__(show_command_palette=False)
        #: What it was made of; the same once more is not made again: moving the cursor asks every time.
        self._made_of: tuple[object, ...] = ()

    def bindings_changed(self, screen: Screen[Any]) -> None:
        """Make the hints anew where they are others by now; once for all that comes before the next frame."""
        self._bindings_ready = True
        if screen.app.app_focus and self.is_attached and screen is self.screen:
            self._make_anew()

    def on_resize(self) -> None:
        """Choose anew."""
        self._make_anew()

    def _make_anew(self) -> None:
        if self._made_of != self._wanted():
            self.refresh(recompose=True)

    def _wanted(self) -> tuple[object, ...]:
        return (
            self.size.width,
            self._hidden,
            *(
                (item.binding, item.enabled)
                for item in self.screen.active_bindings.values()
                if item.binding.show
            ),
        )

    @property
    def _hidden(self) -> frozenset[str]:
        """The actions that the screen has no hints for now; their keys say why they do nothing."""
        hidden: frozenset[str] = getattr(self.screen, "hidden_hints", frozenset())
        return hidden

    def compose(self) -> ComposeResult:
        """The hints, in the order of the bindings."""
        hints = list(super().compose())
        if not hints:
            return  # before the screen is shown: its bindings cannot be asked for yet
        self._made_of = self._wanted()
        shown = [item.binding for item in self.screen.active_bindings.values() if item.binding.show]
        by_action = {binding.action: binding for binding in reversed(shown)}
        actions = dict.fromkeys(binding.action for binding in shown)
        hidden, found = self._hidden, zip(hints, [by_action[action] for action in actions], strict=False)
        kept = [(hint, binding) for hint, binding in found if binding.action not in hidden]
        bindings = [binding for _, binding in kept]
        fit = fitting(
            [self._width_of(one) for one in bindings], [_rank(one) for one in bindings], self.size.width
        )
        yield from (hint for number, (hint, _) in enumerate(kept) if number in fit)

    def _width_of(self, binding: Binding) -> int:
        return cell_len(self.app.get_key_display(binding)) + cell_len(binding.description) + 3


def _rank(binding: Binding) -> int:
    if binding.id in SPARE:
        return 2
    return 0 if binding.action in _LAST_TO_GO else 1


def fitting(widths: Sequence[int], ranks: Sequence[int], room: int) -> set[int]:
    """Which hints fit: those of the lowest rank first, and of one rank the first ones."""
    shown: set[int] = set()
    for number in sorted(range(len(widths)), key=lambda number: ranks[number]):
        if widths[number] > room:
            break
        room -= widths[number]
        shown.add(number)
    return shown
