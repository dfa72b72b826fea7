"""The pages of a workflow: its findings, its outline, several compared; and the way back to a value."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from comfy_tui.inventory.prepare import Prepared
from comfy_tui.library.entry import Entry
from comfy_tui.screens.acting import Choosing
from comfy_tui.text import clean
from comfy_tui.workflow.edits import Key
from comfy_tui.workflow.parameters import fields

if TYPE_CHECKING:
    from comfy_tui.screens.findings import Place


class PageActions(Choosing):
    """The actions ``show_findings`` and ``show_outline``."""

    def open_form(self, entry: Entry, prepared: Prepared, start: Key | None = None) -> None:
        """Change the values of a workflow; to be given by the screen."""

    def action_show_findings(self) -> None:
        """The findings of the workflow under the cursor; of several marked ones a table."""
        chosen = self.chosen_entries()
        if not chosen:
            self.console.tell("No workflow", "Choose a workflow first.", severity="warning")
        elif len(chosen) > 1:
            self._compare(chosen)
        else:
            self._show_findings(chosen[0])

    def _show_findings(self, entry: Entry) -> None:
        from comfy_tui.screens.findings import FindingsScreen

        page = FindingsScreen(self.desk, entry, self.known_of(entry))

        def left(_: None) -> None:
            self.show_again()
            if page.wanted is not None:
                self._run(partial(self._go, entry, page.wanted, outline=True))

        self.app.push_screen(page, left)

    def _compare(self, entries: tuple[Entry, ...]) -> None:
        from comfy_tui.screens.compare import CompareScreen

        page = CompareScreen(self.desk, entries)

        def left(_: None) -> None:
            self.show_again()
            if page.wanted is not None:
                entry, place = page.wanted
                self._run(partial(self._go, entry, place, outline=True))

        self.app.push_screen(page, left)

    def action_show_outline(self) -> None:
        """The outline of the workflow under the cursor."""
        entry = self.current_entry()
        if entry is None:
            self.console.tell("No workflow", "Choose a workflow first.", severity="warning")
        else:
            self._show_outline(entry, self.known_of(entry))

    def show_outline_at(self, entry: Entry, node_id: str) -> None:
        """The outline of a workflow with the cursor on a node; enter on a value there goes to the form."""
        self._show_outline(entry, self.known_of(entry), node_id)

    def _show_outline(self, entry: Entry, prepared: Prepared | None, node_id: str = "") -> None:
        from comfy_tui.screens.outline import OutlineScreen

        page = OutlineScreen(self.desk, entry, prepared, node_id)

        def left(_: None) -> None:
            if page.wanted is not None:
                self._run(partial(self._go, entry, page.wanted, outline=False))

        self.app.push_screen(page, left)

    async def _go(self, entry: Entry, place: Place, *, outline: bool) -> None:
        """To a value in the form; to the node in the outline where it has none."""
        prepared = await self.desk.open(entry, with_nodes=True)
        node_id, name = place
        if prepared.prompt is not None:
            found = [field.key for field in fields(prepared.prompt) if field.node_id == node_id]
            exact = next((key for key in found if key[1] == name), None)
            if exact is not None or (found and name is None):
                self.open_form(entry, prepared, exact or found[0])
                return
        if outline:
            self._show_outline(entry, prepared, node_id)
        else:
            words = f"Node {clean(node_id, 60)} has no value that can be changed here."
            self.console.tell("Nothing to change", words)
