"""A workflow in words: what it makes, what can be changed, and whether the server would take it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from textual.content import Content

from comfy_tui.inventory.nodes import FRESH_S
from comfy_tui.inventory.prepare import Prepared, Standing
from comfy_tui.library.entry import Entry
from comfy_tui.monitor.state import Problem
from comfy_tui.text import cell_len, clean, clean_lines, count_of, format_age, format_bytes, shorten
from comfy_tui.widgets.chrome import clock_text
from comfy_tui.workflow.diagnostic import Diagnostic, Severity
from comfy_tui.workflow.edits import Edits
from comfy_tui.workflow.formats import WorkflowKind
from comfy_tui.workflow.parameters import Field, FieldKind, PromptSummary, fields, summarize
from comfy_tui.workflow.typed import write_value

FORMATS = {WorkflowKind.API: "API format", WorkflowKind.EDITOR: "editor's format"}
BAD, GOOD, WARN, DIM = "bold $text-error", "bold $text-success", "bold $text-warning", "$text-muted"
_GLYPHS = {Severity.ERROR: "✗", Severity.WARNING: "!", Severity.INFO: "·"}
_LOOKS = {Severity.ERROR: BAD, Severity.WARNING: WARN, Severity.INFO: DIM}
_SHOWN_DIAGNOSTICS = 40
_SHOWN_FIELDS = 40
_PROMPT_LINES = 3
_LABEL_WIDTH = 17


class Page:
    """Text with the theme's colours, piece by piece; never markup."""

    def __init__(self) -> None:
        self._parts: list[tuple[str, str]] = []

    def append(self, text: str, style: str = "") -> None:
        """Add clean text."""
        self._parts.append((text, style))

    def content(self) -> Content:
        """All of it."""
        return Content.assemble(*self._parts)


@dataclass(frozen=True, slots=True)
class Preview:
    """What there is to show of one workflow."""

    entry: Entry
    prepared: Prepared | None = None
    problem: Problem | None = None
    #: What is being done, while there is nothing to show yet.
    waiting: str = ""
    edits: Edits = field(default_factory=Edits)
    #: Why nothing is known of the server's nodes.
    unknown_because: str = ""
    #: Made once, off the event loop: from the prompt with its edits.
    shown: tuple[Field, ...] = ()
    summary: PromptSummary | None = None
    #: The nodes of a graph that could not be converted.
    graph_nodes: int = 0

    @classmethod
    def of(cls, entry: Entry, prepared: Prepared, edits: Edits, unknown_because: str = "") -> Preview:
        """Make it from a prepared workflow; for a thread."""
        if prepared.prompt is None:
            listed = (prepared.file.graph or {}).get("nodes")
            count = len(listed) if isinstance(listed, list) else 0
            return cls(entry, prepared, edits=edits, unknown_because=unknown_because, graph_nodes=count)
        prompt = prepared.edited(edits)
        return cls(
            entry,
            prepared,
            edits=edits,
            unknown_because=unknown_because,
            shown=tuple(found for found in fields(prompt) if found.kind is not FieldKind.OTHER),
            summary=summarize(prompt),
        )


def preview_text(preview: Preview, width: int, now_s: float) -> Content:
    """All of it, as lines of at most ``width`` columns where it is ours to break them."""
    entry = preview.entry
    text = Page()
    text.append(shorten(clean(entry.name), width) + "\n", "bold")
    text.append(shorten(clean(_place(entry, now_s)), width) + "\n", DIM)
    if preview.waiting:
        text.append(clean(preview.waiting) + "\n")
    if preview.problem is not None:
        _append_problem(text, preview.problem)
    if preview.prepared is not None:
        _append_verdict(text, preview.prepared, preview, now_s)
        _append_facts(text, preview, width)
        _append_diagnostics(text, preview.prepared.diagnostics)
        _append_fields(text, preview, width)
    return text.content()


def _place(entry: Entry, now_s: float) -> str:
    words = [entry.place]
    if entry.size_bytes is not None:
        words.append(format_bytes(entry.size_bytes))
    if entry.modified_at_s:
        words.append(format_age(max(0.0, now_s - entry.modified_at_s)))
    return " · ".join(words)


def _append_problem(text: Page, problem: Problem) -> None:
    text.append(f"✗ {clean(problem.title)}\n", BAD)
    for part in (problem.message, problem.hint):
        if part:
            text.append(clean_lines(part, 600) + "\n")


def _append_verdict(text: Page, prepared: Prepared, preview: Preview, now_s: float) -> None:
    since = f" as of {clock_text(prepared.checked_at_s)}" if prepared.checked_at_s is not None else ""
    warnings = len(prepared.warnings)
    also = f", {count_of(warnings, 'warning')}" if warnings else ""
    match prepared.standing:
        case Standing.VALID:
            text.append(f"● valid{since}{also}\n", GOOD)
        case Standing.ERRORS:
            text.append(f"✗ {count_of(len(prepared.errors), 'error')}{since}{also}\n", BAD)
        case Standing.UNKNOWN:
            reason = clean(preview.unknown_because or "the server's node definitions are not known yet")
            text.append(f"? not checked: {reason}\n", WARN)
        case Standing.NOT_READY:
            text.append("✗ cannot be queued yet: ", BAD)
            text.append(f"{clean(prepared.why_not)}.\n")
            if preview.unknown_because:
                text.append(f"  {clean(preview.unknown_because)}\n")
    age = age_words(prepared, now_s)
    if age:
        text.append(f"  {age}\n", WARN)
    if prepared.diagnostics:
        text.append(f"  d shows {count_of(len(prepared.diagnostics), 'finding')} and what to do\n", DIM)
    for note in prepared.file.notes[:5]:
        text.append(f"· {clean(note)}\n", DIM)


def age_words(prepared: Prepared, now_s: float) -> str:
    """What a verdict is worth that is not of this hour's word of the server; empty for one that is."""
    if prepared.standing not in (Standing.VALID, Standing.ERRORS):
        return ""
    at_s = prepared.checked_at_s
    if at_s is None:
        return "by kept node definitions of an unknown age: the server may have changed"
    if not prepared.by_kept and now_s - at_s < FRESH_S:
        return ""
    day = time.strftime("%Y-%m-%d", time.localtime(at_s))
    return f"by what the server said {format_age(max(0.0, now_s - at_s))} ({day}); it may have changed since"


def _append_facts(text: Page, preview: Preview, width: int) -> None:
    assert preview.prepared is not None
    words = [FORMATS[preview.prepared.file.kind]]
    summary = preview.summary
    if summary is not None:
        words.append(count_of(summary.node_count, "node"))
        words.append("→ " + (", ".join(clean(name, 60) for name in summary.outputs[:6]) or "no output"))
    else:
        words.append(count_of(preview.graph_nodes, "node"))
    text.append(shorten(" · ".join(words), width) + "\n")
    if summary is not None and summary.models:
        text.append("models  ", DIM)
        text.append(", ".join(clean(name, 100) for name in summary.models[:8]) + "\n")
    if preview.edits.changed:
        text.append(f"* edited: {edits_words(preview.edits)}\n", "bold")


def edits_words(edits: Edits) -> str:
    """The changes in a few words: ``2 values, seeds random, 3 copies``."""
    words = []
    if edits.values:
        words.append(count_of(len(edits.values), "value"))
    if edits.seed is not None:
        words.append(f"seeds {edits.seed.value}")
    if edits.count != 1:
        words.append(count_of(edits.count, "copy", "copies"))
    return ", ".join(words)


def _append_diagnostics(text: Page, diagnostics: Iterable[Diagnostic]) -> None:
    order = list(Severity)
    ordered = sorted(diagnostics, key=lambda d: order.index(d.severity))
    for diagnostic in ordered[:_SHOWN_DIAGNOSTICS]:
        text.append(f"{_GLYPHS[diagnostic.severity]} ", _LOOKS[diagnostic.severity])
        text.append(diagnostic_words(diagnostic) + "\n")
    if len(ordered) > _SHOWN_DIAGNOSTICS:
        text.append(f"... and {len(ordered) - _SHOWN_DIAGNOSTICS} more\n", DIM)


def diagnostic_words(diagnostic: Diagnostic) -> str:
    """Where, what and what to do, on one line; clean."""
    place = ""
    if diagnostic.node_id is not None:
        name = diagnostic.node_title or diagnostic.class_type or "node"
        place = f"{name} ({diagnostic.node_id})"
    if diagnostic.input:
        place += f", {diagnostic.input}" if place else diagnostic.input
    words = f"{place}: {diagnostic.message}" if place else diagnostic.message
    if diagnostic.suggestions:
        words += f" Did you mean {', '.join(diagnostic.suggestions[:3])}?"
    if diagnostic.hint:
        words += f" {diagnostic.hint}"
    return clean(words, 500)


def _append_fields(text: Page, preview: Preview, width: int) -> None:
    edited: Mapping[Any, Any] = preview.edits.values
    for shown in preview.shown[:_SHOWN_FIELDS]:
        mark = "*" if shown.key in edited else " "
        name = shown.kind.value if shown.kind is not FieldKind.SIZE else shown.input
        name = shown.input if shown.kind is FieldKind.SAMPLER else name
        text.append(f"{mark}{shorten(clean(name), 15):<15} ", DIM)
        text.append(value_lines(shown.value, width - _LABEL_WIDTH) + "\n")
    if len(preview.shown) > _SHOWN_FIELDS:
        text.append(f"... and {len(preview.shown) - _SHOWN_FIELDS} more; e shows all\n", DIM)


def value_lines(value: Any, width: int) -> str:
    """A value on a few lines, the later ones below the first."""
    width = max(8, width)
    text = clean_lines(write_value(value), 2000)
    lines = [part for line in text.split("\n") for part in _wrapped(line, width)]
    if len(lines) > _PROMPT_LINES:
        lines = [*lines[: _PROMPT_LINES - 1], shorten(lines[_PROMPT_LINES - 1] + " " * width + "…", width)]
    return ("\n" + " " * _LABEL_WIDTH).join(lines)


def _wrapped(line: str, width: int) -> Iterator[str]:
    """The pieces of a line, broken at blanks where that is possible."""
    piece = ""
    for word in line.split(" "):
        longer = f"{piece} {word}" if piece else word
        if cell_len(longer) <= width:
            piece = longer
            continue
        if piece:
            yield piece
        piece = word
        while cell_len(piece) > width:
            head = shorten(piece, width + 1)[:-1]
            yield head
            piece = piece[len(head) :] if head else ""
    yield piece
