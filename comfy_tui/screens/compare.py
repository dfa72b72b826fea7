"""The page of several workflows: which can run here, and what each lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widgets import Static

from comfy_tui.errors import ComfyError
from comfy_tui.inventory.adviser import needs_server
from comfy_tui.inventory.prepare import Standing
from comfy_tui.library.entry import Entry
from comfy_tui.monitor.state import Problem
from comfy_tui.screens.base import ConsoleScreen
from comfy_tui.screens.findings import FindingsScreen, Place
from comfy_tui.screens.script_actions import ScriptActions
from comfy_tui.screens.workflow_desk import Desk
from comfy_tui.text import clean, count_of, shorten
from comfy_tui.widgets.bindings import bindings
from comfy_tui.widgets.compare_rows import COLUMNS, Compared, detail_lines, rows_of
from comfy_tui.widgets.line_view import LineView
from comfy_tui.widgets.row_list import RowList
from comfy_tui.workflow.advice import Advice


class CompareScreen(ConsoleScreen, ScriptActions):
    """A table of workflows; they are read and judged one after the other.

    Args:
        desk: what the Workflows screen works on.
        entries: the workflows.
    """

    MODE = "workflows"
    AREA = "compare"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(binding for binding in bindings("app") if binding.id in ("app.back", "app.refresh")),
        *bindings("compare"),
        *(binding for binding in bindings("list") if binding.id == "list.copy"),
        Binding("q", "go_back", "Back", show=True),
    ]
    DEFAULT_CSS = """
    CompareScreen {
        & #head { height: 2; padding: 0 1; }
        & #table { height: 1fr; }
        & #details { height: 40%; border-top: solid $panel; }
        & #details:focus { border-top: solid $primary; }
    }
    """

    def __init__(self, desk: Desk, entries: Sequence[Entry]) -> None:
        super().__init__()
        self.desk = desk
        #: Where the person wants to go when the page is closed.
        self.wanted: tuple[Entry, Place] | None = None
        self._compared = [Compared(entry) for entry in entries]
        self._stage = ""

    def compose_body(self) -> ComposeResult:
        """A line of numbers, the table, and what one lacks."""
        yield Static(id="head", markup=False)
        with Container():
            yield RowList(COLUMNS, markable=True, id="table")
            yield LineView(id="details")

    def on_mount(self) -> None:
        """Show the names at once; read one after the other."""
        self.query_one("#table").focus()
        self._paint()
        self._look()

    @work(group="compare", exclusive=True)
    async def _look(self) -> None:
        total = len(self._compared)
        before = self.desk.node_info()
        for number, one in enumerate(list(self._compared)):
            self._stage = f"reading {number + 1} of {total} ..."
            self._compared[number] = await self._judged(one.entry)
            self._paint()
        self._stage = "asking the server ..."
        self._paint_head()
        await self.desk.fetch_nodes()
        if self.desk.node_info() is not before:
            for number, one in enumerate(list(self._compared)):
                self._compared[number] = await self._judged_again(one)
            self._paint()
        for number, one in enumerate(list(self._compared)):
            self._compared[number] = await self._with_files(one)
        found = [d for one in self._compared if one.prepared for d in one.prepared.diagnostics]
        notes: list[str] = []
        if self.desk.client is not None and needs_server(found):
            notes = await self.learn(found)
            for number, one in enumerate(list(self._compared)):
                self._compared[number] = await self._advised(one)
        self._stage = f"! not known: {clean('; '.join(notes), 300)}" if notes else ""
        self._paint()

    async def _judged(self, entry: Entry) -> Compared:
        try:
            prepared = await self.desk.open(entry)
        except ComfyError as error:
            return Compared(entry, problem=Problem.of(error))
        return await self._advised(Compared(entry, prepared))

    async def _judged_again(self, one: Compared) -> Compared:
        if one.prepared is None:
            return one
        ready = await self.desk.judge_again(one.entry, one.prepared)
        return await self._advised(replace(one, prepared=ready))

    async def _with_files(self, one: Compared) -> Compared:
        """With the server's word on files that its node definitions do not list."""
        if one.prepared is None:
            return one
        ready = await self.desk.look_for_files(one.entry, one.prepared)
        return one if ready is one.prepared else await self._advised(replace(one, prepared=ready))

    async def _advised(self, one: Compared) -> Compared:
        if one.prepared is None:
            return one
        edits = self.desk.edits_of(one.entry)
        advices = await self.desk.adviser.advise(one.prepared, edits, self.surroundings)
        return replace(one, advices=advices)

    # -- painting ------------------------------------------------------------------------------

    def _paint(self) -> None:
        self._paint_head()
        self.query_one("#table", RowList).set_rows(rows_of(self._compared))
        self._paint_details()

    def _paint_head(self) -> None:
        width = max(20, self.size.width - 2)
        ready = [one for one in self._compared if one.prepared is not None]
        good = sum(one.prepared is not None and one.prepared.standing is Standing.VALID for one in ready)
        words = f"{count_of(len(self._compared), 'workflow')}: {good} valid here"
        text = Text(f"{shorten(words, width)}\n{shorten(self._stage, width)}", no_wrap=True)
        text.stylize("bold", 0, len(words))
        self.query_one("#head", Static).update(text)

    def _paint_details(self) -> None:
        one = self.current
        self.query_one("#details", LineView).set_lines(detail_lines(one) if one is not None else ())

    @property
    def current(self) -> Compared | None:
        """The workflow under the cursor."""
        key = self.query_one("#table", RowList).current_key
        return next((one for one in self._compared if one.entry.key == key), None)

    def on_row_list_highlighted(self, message: RowList.Highlighted) -> None:
        """Show what it lacks."""
        message.stop()
        self._paint_details()

    # -- actions -------------------------------------------------------------------------------

    def on_row_list_opened(self, message: RowList.Opened) -> None:
        """The findings of the workflow."""
        message.stop()
        one = self.current
        if one is None or one.problem is not None:
            return
        page = FindingsScreen(self.desk, one.entry, one.prepared)

        def left(_: None) -> None:
            if page.wanted is not None:
                self.wanted = (one.entry, page.wanted)
                self.dismiss(None)
            else:
                self._look()

        self.app.push_screen(page, left)

    def all_advices(self) -> Sequence[Advice]:
        """Those of the marked workflows, else of all; each thing once."""
        marked = self.query_one("#table", RowList).marked
        chosen = [one for one in self._compared if not marked or one.entry.key in marked]
        seen: dict[tuple[object, ...], Advice] = {}
        for one in chosen:
            for advice in one.advices:
                seen.setdefault((advice.kind, advice.what, advice.folder, advice.commands), advice)
        return tuple(seen.values())

    def script_name(self) -> str:
        """Of all."""
        return "workflows need"

    def action_copy_row(self) -> None:
        """Copy what is said of the workflow."""
        one = self.current
        if one is not None:
            lines = [clean(one.entry.name), *(line.text for line in detail_lines(one))]
            self.console.copy("\n".join(lines), "row")

    def action_refresh_now(self) -> None:
        """Ask the server and read them all again."""
        self.console.action_refresh_now()
        self.desk.nodes.forget()
        self.desk.adviser.forget()
        self._look()

    def action_go_back(self) -> None:
        """Back to the list."""
        self.dismiss(None)
