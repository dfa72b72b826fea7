"""The page of a workflow's outline: what runs, in which order, with which values."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from comfy_tui.errors import ComfyError
from comfy_tui.inventory.nodes import NodeInfo
from comfy_tui.inventory.prepare import Prepared
from comfy_tui.library.entry import Entry
from comfy_tui.screens.acting import Acting
from comfy_tui.screens.base import ConsoleScreen
from comfy_tui.screens.findings import Place
from comfy_tui.screens.workflow_desk import Desk
from comfy_tui.text import clean, count_of, shorten
from comfy_tui.widgets.bindings import bindings
from comfy_tui.widgets.chrome import EmptyState
from comfy_tui.widgets.filter_bar import Filterable, FilterBar
from comfy_tui.widgets.outline_rows import COLUMNS, FoldList, OutlineRows, make_rows, node_key
from comfy_tui.widgets.row_list import RowList
from comfy_tui.workflow.edits import Edits
from comfy_tui.workflow.outline import Outline, outline_of


class OutlineScreen(ConsoleScreen, Filterable, Acting):
    """The nodes of a workflow with their values and links; subgraphs folded.

    Args:
        desk: what the Workflows screen works on.
        entry: the workflow.
        prepared: what is known of it already.
        node_id: the node to begin with.
    """

    MODE = "workflows"
    AREA = "outline"
    FILTERED = "#outline"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(binding for binding in bindings("app") if binding.id == "app.back"),
        *bindings("outline"),
        *(binding for binding in bindings("list") if binding.id == "list.copy"),
        Binding("right,l", "unfold", show=False),
        Binding("left,h", "fold", show=False),
        Binding("q", "go_back", "Back", show=True),
    ]
    DEFAULT_CSS = """
    OutlineScreen {
        & #head { height: 1; padding: 0 1; }
        & #outline { height: 1fr; }
        & #empty { display: none; }
    }
    """

    def __init__(self, desk: Desk, entry: Entry, prepared: Prepared | None, node_id: str = "") -> None:
        super().__init__()
        self.desk = desk
        self.entry = entry
        #: Where the person wants to go when the page is closed.
        self.wanted: Place | None = None
        self._prepared = prepared
        self._outline = Outline()
        self._begin = node_id
        self._unfolded: set[str] | None = set()
        self._made = OutlineRows()

    def compose_body(self) -> ComposeResult:
        """A line about the workflow, and the nodes."""
        yield Static(id="head", markup=False)
        yield FilterBar("filter: words of a node, its values or links")
        yield FoldList(COLUMNS, id="outline")
        yield EmptyState(id="empty")

    def on_mount(self) -> None:
        """Make the outline, in a thread."""
        self.query_one("#outline").focus()
        self._say("reading ...")
        self._read()

    @work(group="outline", exclusive=True)
    async def _read(self) -> None:
        try:
            if self._prepared is None:
                self._prepared = await self.desk.open(self.entry, with_nodes=True)
            edits, info = self.desk.edits_of(self.entry), self.desk.node_info()
            self._outline = await asyncio.to_thread(make_outline, self._prepared, edits, info)
        except ComfyError as error:
            self._nothing(error.title, f"{error.message} {error.hint}")
            return
        if self._begin and self._unfolded is not None:
            self._unfolded |= set(self._outline.path_to(self._begin))
        await self._make(self._begin)

    async def _make(self, node_id: str = "") -> None:
        unfolded = frozenset(self._unfolded) if self._unfolded is not None else None
        made = await asyncio.to_thread(make_rows, self._outline, unfolded, self.filter_text)
        self._made = made
        rows = self.query_one("#outline", RowList)
        rows.set_rows(made.rows)
        if node_id:
            rows.select(node_key(node_id))
        shown = count_of(made.nodes, "node")
        inside = sum(1 + node.inner_count for node in self._outline.nodes) + self._outline.left_out
        self._say(f"{shown} of {inside}" if made.nodes != inside else shown)
        if not made.rows:
            self._nothing("No node matches" if self.filter_text else "There are no nodes", "esc goes back")
        else:
            rows.display, self.query_one("#empty").display = True, False

    def _nothing(self, title: str, hint: str) -> None:
        empty = self.query_one("#empty", EmptyState)
        self.query_one("#outline").display, empty.display = False, True
        empty.say(title, hint)

    def _say(self, words: str) -> None:
        width = max(20, self.size.width - 2)
        text = Text(shorten(f"{clean(self.entry.name, 200)} · {words}", width), no_wrap=True)
        text.stylize("bold", 0, len(clean(self.entry.name, 200)))
        self.query_one("#head", Static).update(text)

    @work(group="outline", exclusive=True)
    async def _make_again(self, node_id: str = "") -> None:
        await self._make(node_id)

    def filter_changed(self) -> None:
        """Show only what matches, inside subgraphs too."""
        self._make_again()

    # -- actions -------------------------------------------------------------------------------

    def on_fold_list_folded(self, message: FoldList.Folded) -> None:
        """Fold or unfold the subgraph of the row."""
        message.stop()
        self._fold(None)

    def action_fold(self) -> None:
        """Fold the subgraph of the row."""
        self._fold(False)

    def action_unfold(self) -> None:
        """Unfold the subgraph of the row."""
        self._fold(True)

    def _fold(self, unfold: bool | None) -> None:
        spot = self._made.spots.get(self.query_one("#outline", RowList).current_key)
        if spot is None or not spot.node.is_group:
            return
        if self._unfolded is None:
            self._unfolded = set(_groups(self._outline))
        if unfold is None:
            unfold = spot.node.id not in self._unfolded
        if unfold:
            self._unfolded.add(spot.node.id)
        else:
            self._unfolded.discard(spot.node.id)
        self._make_again(spot.node.id)

    def action_toggle_all(self) -> None:
        """Unfold all subgraphs, or fold them."""
        self._unfolded = set() if self._unfolded is None else None
        self._make_again()

    def on_row_list_opened(self, message: RowList.Opened) -> None:
        """A node or a value: to its field; a link: to where it comes from; a subgraph: unfold."""
        message.stop()
        spot = self._made.spots.get(message.key)
        if spot is None:
            return
        if spot.source:
            self._go_to(spot.source)
        elif spot.node.is_group and spot.input is None:
            self._fold(None)
        else:
            self.wanted = (spot.node.id, spot.input)
            self.dismiss(None)

    def _go_to(self, node_id: str) -> None:
        if self.query_one("#outline", RowList).select(node_key(node_id)):
            return
        if self._unfolded is not None:
            self._unfolded |= set(self._outline.path_to(node_id))
        if self.filter_text:
            self.query_one(FilterBar).clear_and_hide()
            self.filter_text = ""
        self._make_again(node_id)

    def action_copy_row(self) -> None:
        """Copy the row's text."""
        rows = self.query_one("#outline", RowList)
        row = next((row for row in rows.rows if row.key == rows.current_key), None)
        if row is not None and not row.heading:
            cell = row.cells[0]
            self.console.copy((cell if isinstance(cell, str) else cell.text).strip(), "row")

    def action_go_back(self) -> None:
        """Clear the filter; where there is none, leave the page."""
        if self.query_one(FilterBar).display:
            super().action_go_back()
        else:
            self.dismiss(None)


def make_outline(prepared: Prepared, edits: Edits, info: NodeInfo | None) -> Outline:
    """The outline with the changes in it; for a thread."""
    prompt = prepared.edited(edits)
    return outline_of(prompt, prepared.workflow, info.definitions if info is not None else None)


def _groups(outline: Outline) -> list[str]:
    return [line.node.id for line in outline.lines(None) if line.node.is_group]
