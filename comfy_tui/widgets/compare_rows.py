"""Several workflows beside each other: which can run here, and what each lacks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from comfy_tui.inventory.prepare import Prepared, Standing
from comfy_tui.library.entry import Entry
from comfy_tui.monitor.state import Problem
from comfy_tui.text import clean
from comfy_tui.widgets.finding_rows import verdict_words
from comfy_tui.widgets.line_view import Line
from comfy_tui.widgets.row import Cell, Column, Row
from comfy_tui.workflow.advice import Advice, AdviceKind

COLUMNS = (
    Column("Workflow"),
    Column("Here", 12),
    Column("Nodes", 5, right=True),
    Column("Models", 6, right=True),
    Column("Files", 5, right=True),
    Column("Other", 5, right=True),
    Column("Lacks", drop=1),
)
_MODELS = (AdviceKind.CHOOSE_MODEL, AdviceKind.DOWNLOAD_MODEL, AdviceKind.FIND_MODEL)
_MISSING_CLASS = ("missing_node_type", "invalid_prompt")


@dataclass(frozen=True, slots=True)
class Compared:
    """One workflow of the table."""

    entry: Entry
    prepared: Prepared | None = None
    advices: tuple[Advice, ...] = ()
    problem: Problem | None = None

    @property
    def nodes(self) -> tuple[str, ...]:
        """The missing node types."""
        if self.prepared is None:
            return ()
        found = (d.class_type for d in self.prepared.diagnostics if d.code in _MISSING_CLASS)
        return tuple(dict.fromkeys(name for name in found if name))

    @property
    def models(self) -> tuple[str, ...]:
        """The missing model files."""
        return tuple(dict.fromkeys(a.what for a in self.advices if a.kind in _MODELS))

    @property
    def files(self) -> tuple[str, ...]:
        """The missing input files."""
        return tuple(dict.fromkeys(a.what for a in self.advices if a.kind is AdviceKind.UPLOAD_FILE))

    @property
    def others(self) -> int:
        """How many errors are none of these."""
        if self.prepared is None:
            return 0
        told = {
            (node, advice.input)
            for advice in self.advices
            if advice.kind in _MODELS or advice.kind is AdviceKind.UPLOAD_FILE
            for node in advice.nodes
        }
        return sum(
            d.code not in _MISSING_CLASS and (d.node_id, d.input) not in told for d in self.prepared.errors
        )


def rows_of(compared: Iterable[Compared]) -> list[Row]:
    """A row a workflow."""
    return [_row(one) for one in compared]


def _row(one: Compared) -> Row:
    name = clean(one.entry.name, 200)
    if one.prepared is None:
        if one.problem is None:
            return Row(one.entry.key, (name, Cell("waits", "dim")))
        return Row(
            one.entry.key,
            (name, Cell("✗ unreadable", "bad"), "", "", "", "", clean(one.problem.message, 300)),
        )
    lacks = clean(", ".join((*one.nodes, *one.models, *one.files)), 300)
    counts = (len(one.nodes), len(one.models), len(one.files), one.others)
    numbers = (Cell(str(count), "bad" if count else "dim") for count in counts)
    return Row(one.entry.key, (name, _standing(one.prepared), *numbers, lacks))


def _standing(prepared: Prepared) -> Cell:
    match prepared.standing:
        case Standing.VALID:
            return Cell("● valid", "good")
        case Standing.ERRORS:
            return Cell("✗ breaks it" if prepared.breaks_server else "✗ errors", "bad")
        case Standing.UNKNOWN:
            return Cell("? unknown", "warn")
    return Cell("? not ready", "warn")


def detail_lines(one: Compared) -> list[Line]:
    """What one workflow lacks, in full."""
    lines = [Line(clean(one.entry.place, 400), "dim")]
    if one.problem is not None:
        return [*lines, Line(clean(f"{one.problem.title}: {one.problem.message}", 1000), "bad")]
    if one.prepared is None:
        return lines
    lines.append(Line(verdict_words(one.prepared), "strong"))
    for title, names in (
        ("missing nodes", one.nodes),
        ("missing models", one.models),
        ("missing files", one.files),
    ):
        if names:
            lines.append(Line(f"{title}: {clean(', '.join(names), 2000)}"))
    if one.others:
        lines.append(Line(f"other errors: {one.others}"))
    for advice in one.advices:
        if advice.commands:
            lines.append(Line(clean(advice.commands[0], 2000), "accent", 2))
    return lines
