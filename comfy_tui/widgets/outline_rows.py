"""The outline of a workflow as rows: a node, below it its values and links; subgraphs folded."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from textual.binding import BindingType
from textual.message import Message

from comfy_tui.text import clean, count_of
from comfy_tui.widgets.bindings import bindings
from comfy_tui.widgets.filter_bar import matches
from comfy_tui.widgets.row import Cell, Column, Row
from comfy_tui.widgets.row_list import RowList
from comfy_tui.workflow.outline import NodeState, Outline, OutlineLine, OutlineNode

COLUMNS = (Column("Nodes in the order in which they run"),)
_STEP = 2
_NAME_WIDTH = 20


@dataclass(frozen=True, slots=True)
class Spot:
    """What a row stands for: a node, or its input, or the node that a link comes from."""

    node: OutlineNode
    input: str | None = None
    source: str = ""


@dataclass(slots=True)
class OutlineRows:
    """Rows, and what each stands for."""

    rows: list[Row] = field(default_factory=list)
    spots: dict[str, Spot] = field(default_factory=dict)
    nodes: int = 0


class FoldList(RowList):
    """Rows of which some can be folded with the key that marks rows elsewhere."""

    BINDINGS: ClassVar[list[BindingType]] = [
        replace(binding, description="Fold", tooltip="Fold or unfold the subgraph.")
        for binding in bindings("list")
        if binding.id == "list.mark"
    ]

    class Folded(Message):
        """The row under the cursor is to be folded or unfolded."""

        def __init__(self, fold_list: FoldList, key: str) -> None:
            super().__init__()
            self.fold_list = fold_list
            self.key = key

        @property
        def control(self) -> FoldList:
            """The list that sent this."""
            return self.fold_list

    def __init__(self, columns: Sequence[Column], *, id: str | None = None) -> None:
        super().__init__(columns, markable=True, id=id)

    def action_toggle_mark(self) -> None:
        """Fold or unfold instead of marking."""
        if self.current_key:
            self.post_message(self.Folded(self, self.current_key))


def node_key(node_id: str) -> str:
    """The row of a node."""
    return f"node|{node_id}"


def make_rows(outline: Outline, unfolded: Collection[str] | None, wanted: str = "") -> OutlineRows:
    """All rows; for a thread.

    Args:
        outline: the nodes.
        unfolded: ids of the subgraphs that are shown; None shows all.
        wanted: only nodes that hold these words, with all of theirs; folded or not.
    """
    made = OutlineRows()
    for line in outline.lines(None if wanted else unfolded):
        if wanted and not matches(wanted, *_texts(line.node)):
            continue
        made.nodes += 1
        _add(made, node_key(line.node.id), _node_cell(line), Spot(line.node))
        for key, cell, spot in _inputs(line):
            _add(made, key, cell, spot)
    if outline.left_out:
        words = f"... and {count_of(outline.left_out, 'node')} more, which are not shown"
        made.rows.append(Row("#left-out", (Cell(words, "dim"),)))
    return made


def _add(made: OutlineRows, key: str, cell: Cell, spot: Spot) -> None:
    while key in made.spots:  # ids that are not unique, in broken files
        key += "'"
    made.rows.append(Row(key, (cell,)))
    made.spots[key] = spot


def _node_cell(line: OutlineLine) -> Cell:
    node = line.node
    glyph = "· " if not node.is_group else "▸ " if line.folded else "▾ "
    title = clean(node.title or node.class_type or "node", 120)
    words = f"{' ' * (_STEP * line.depth)}{glyph}{title} ({clean(node.id, 60)})"
    if node.is_group:
        words += f" · subgraph of {count_of(node.inner_count, 'node')}"
    elif node.class_type and node.class_type != node.title:
        words += f" · {clean(node.class_type, 120)}"
    if node.state is not NodeState.ACTIVE:
        return Cell(f"{words} · {node.state.value}", "dim")
    return Cell(words, "accent" if node.is_group else "strong")


def _inputs(line: OutlineLine) -> Iterator[tuple[str, Cell, Spot]]:
    node, indent = line.node, " " * (_STEP * line.depth + 4)
    names = [*(value.name for value in node.values), *(link.name for link in node.links)]
    width = min(_NAME_WIDTH, max((len(clean(name, 60)) for name in names), default=0))
    for value in node.values:
        words = f"{indent}{clean(value.name, 60):<{width}}  {clean(value.text, 300)}"
        yield f"value|{node.id}|{value.name}", Cell(words), Spot(node, value.name)
    for link in node.links:
        words = f"{indent}{clean(link.name, 60):<{width}}  {clean(link.text, 300)}"
        yield f"link|{node.id}|{link.name}", Cell(words, "dim"), Spot(node, link.name, link.node_id)


def _texts(node: OutlineNode) -> Iterator[str]:
    yield from (node.id, node.title, node.class_type)
    for value in node.values:
        yield from (value.name, value.text)
    for link in node.links:
        yield from (link.name, link.text)
