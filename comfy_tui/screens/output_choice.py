"""Which of the outputs are listed, and in which order: what keys have set beside the filter."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from comfy_tui.content.sniff import Medium
from comfy_tui.monitor.gathered import Gathered
from comfy_tui.monitor.output_query import Known, Order, OutputQuery
from comfy_tui.monitor.outputs import Output

#: The kinds that a key goes through.
_KINDS = (None, Medium.PICTURE, Medium.VIDEO, Medium.AUDIO, Medium.MODEL, Medium.TEXT, Medium.OTHER)


class OutputChoice:
    """Kind, order and marks.

    Args:
        medium: what a file is by its content, where that is known.
    """

    def __init__(self, medium: Callable[[Output], Medium | None]) -> None:
        self._medium = medium
        self.order = Order.NEWEST
        self.kind: Medium | None = None
        self.only_marked = False

    def of(self, gathered: Gathered, filter_text: str, known: Known) -> list[Output]:
        """The outputs that are to be listed."""
        chosen = gathered.chosen(OutputQuery(filter_text), known, self.order)
        if self.kind is not None:
            chosen = [output for output in chosen if self._kind_of(output) is self.kind]
        if self.only_marked:
            chosen = [output for output in chosen if output.key in known.marked]
        return chosen

    def next_kind(self, outputs: Collection[Output]) -> None:
        """Only one kind of output, of those that there are; after the last one all of them."""
        present = {self._kind_of(output) for output in outputs}
        kinds = [kind for kind in _KINDS if kind is None or kind in present or kind is self.kind]
        self.kind = kinds[(kinds.index(self.kind) + 1) % len(kinds)] if self.kind in kinds else None

    def _kind_of(self, output: Output) -> Medium:
        return self._medium(output) or output.medium

    def words(self) -> list[str]:
        """What is left out and how it is sorted, as far as that is not the usual."""
        return [
            "only those" if self.only_marked else "",
            f"only {self.kind}" if self.kind is not None else "",
            self.order.value if self.order is not Order.NEWEST else "",
        ]

    def no_match_words(self, filter_text: str, *, everywhere: bool) -> tuple[str, str]:
        """Why nothing is listed, and the key that changes it."""
        if filter_text:
            hint = "escape clears the filter"
            if "server:" in filter_text and not everywhere:
                hint += ", V shows the outputs of every server"
            return f"No output holds {filter_text!r}", hint
        if self.only_marked:
            return "No output is marked", "m shows all, space marks"
        return f"No output is of the kind {self.kind}", "K goes on to the next kind"


def pair_of(keys: Sequence[str], marked: Collection[str], here: str) -> list[str]:
    """Whom to compare: the marked ones, else the one under the cursor and the marked or the next one."""
    chosen = [key for key in keys if key in marked]
    if len(chosen) < 2 and here in keys:
        behind = [*keys[keys.index(here) + 1 :], *reversed(keys[: keys.index(here)])]
        chosen = [here, *[key for key in (*chosen, *behind) if key != here][:1]]
    return chosen[:2]
