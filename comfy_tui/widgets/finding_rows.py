"""What is wrong with a workflow and what to do about it, as rows under headings and as a page of lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from comfy_tui.inventory.prepare import Prepared, Standing
from comfy_tui.text import clean, count_of
from comfy_tui.widgets.filter_bar import matches
from comfy_tui.widgets.line_view import Line
from comfy_tui.widgets.row import Cell, Column, Row
from comfy_tui.workflow.advice import Advice, AdviceKind
from comfy_tui.workflow.checking import BREAKS_SERVER
from comfy_tui.workflow.diagnostic import Diagnostic, Severity

COLUMNS = (Column("", 1), Column("Where", 26), Column("What"))
#: The groups in their order, with their headings.
GROUPS: Mapping[str, str] = {
    "breaks": "Breaks the server: never sent",
    "refused": "The server would refuse",
    "doubt": "May go wrong",
    "known": "Worth knowing",
    "converted": "Changed by the conversion",
    "advice": "What to do",
}
_GLYPHS = {Severity.ERROR: ("✗", "bad"), Severity.WARNING: ("!", "warn"), Severity.INFO: ("·", "dim")}
_MISSING_CLASS = ("missing_node_type", "invalid_prompt")
_TEXT_LIMIT = 2000
_MOST_NEAR = 6


@dataclass(frozen=True, slots=True)
class Finding:
    """One row: a diagnostic with the advice on it, or a piece of advice by itself."""

    key: str
    group: str
    diagnostic: Diagnostic | None
    advices: tuple[Advice, ...] = ()

    @property
    def place(self) -> tuple[str, str | None] | None:
        """The node, and its input, that it is about."""
        if self.diagnostic is not None:
            node = self.diagnostic.node_id
            return (node, self.diagnostic.input) if node is not None else None
        for advice in self.advices:
            if advice.nodes:
                return (advice.nodes[0], advice.input)
        return None


def make_findings(prepared: Prepared, advices: Iterable[Advice]) -> tuple[Finding, ...]:
    """All findings in the order of the groups; the same finding keeps its key."""
    given = tuple(advices)
    by_node: dict[str, list[Advice]] = {}
    for advice in given:
        for node in advice.nodes:
            by_node.setdefault(node, []).append(advice)
    seen: dict[str, int] = {}

    def key_of(*parts: object) -> str:
        text = "|".join(str(part) for part in parts)
        seen[text] = seen.get(text, 0) + 1
        return f"{text}|{seen[text]}"

    converted = {id(one) for one in prepared.conversion}
    found = [
        Finding(key_of(group, one.code, one.node_id, one.input), group, one, _on(one, by_node))
        for one in prepared.diagnostics
        for group in [_group_of(one, id(one) in converted)]
    ]
    found += [Finding(key_of("advice", a.kind, a.what, a.folder), "advice", None, (a,)) for a in given]
    order = list(GROUPS)
    return tuple(sorted(found, key=lambda finding: order.index(finding.group)))


def _group_of(one: Diagnostic, converted: bool) -> str:
    if one.code == BREAKS_SERVER:
        return "breaks"
    if one.severity is Severity.ERROR:
        return "refused"
    if converted:
        return "converted"
    return "doubt" if one.severity is Severity.WARNING else "known"


def _on(one: Diagnostic, by_node: Mapping[str, list[Advice]]) -> tuple[Advice, ...]:
    """The advice that answers a diagnostic."""
    if one.node_id is None:
        return ()
    if one.code in _MISSING_CLASS:
        kinds = (AdviceKind.DOWNLOAD_MODEL, AdviceKind.FIND_MODEL, AdviceKind.CHOOSE_MODEL)
        return tuple(a for a in by_node.get(one.node_id, ()) if a.kind not in kinds)
    return tuple(a for a in by_node.get(one.node_id, ()) if a.input is not None and a.input == one.input)


# -- rows ------------------------------------------------------------------------------------------


def rows_of(findings: Iterable[Finding], wanted: str = "") -> list[Row]:
    """The rows under their headings; with a filter only what matches."""
    rows: list[Row] = []
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.group, []).append(finding)
    for group, members in groups.items():
        made = [row for row in map(_row, members) if matches(wanted, *_texts(row))]
        if made:
            count = f"{len(made)} of {len(members)}" if wanted else str(len(members))
            rows.append(Row(f"#{group}", (f"{GROUPS[group]} ({count})",), heading=True))
            rows += made
    return rows


def _texts(row: Row) -> list[str]:
    return [cell if isinstance(cell, str) else cell.text for cell in row.cells]


def _row(finding: Finding) -> Row:
    one = finding.diagnostic
    if one is None:
        advice = finding.advices[0]
        return Row(
            finding.key, (Cell("→", "accent"), clean(advice.what, 200), clean(advice_words(advice), 400))
        )
    glyph, look = _GLYPHS[one.severity]
    words = clean(one.message, 400)
    if one.suggestions:
        words += f" Did you mean {clean(', '.join(one.suggestions[:3]), 200)}?"
    return Row(finding.key, (Cell(glyph, look), place_words(one), words))


def place_words(one: Diagnostic) -> str:
    """Which input of which node, briefly."""
    if one.node_id is None:
        return clean(one.class_type or "the whole workflow", 80)
    name = one.node_title or one.class_type or "node"
    words = f"{name} ({one.node_id})"
    return clean(f"{words}, {one.input}" if one.input else words, 200)


def advice_words(advice: Advice) -> str:
    """What to do, in a few words: the command where there is one."""
    if advice.kind is AdviceKind.REPLACE_NODE and advice.replacement:
        return f"replace it by {advice.replacement}"
    if advice.kind is AdviceKind.UPLOAD_FILE:
        return f"upload it: i. {advice.message}"
    if advice.kind is AdviceKind.CHOOSE_MODEL or not advice.commands:
        return advice.message
    return advice.commands[0]


# -- the page of one -------------------------------------------------------------------------------


def detail_lines(finding: Finding) -> list[Line]:
    """All that is known of one finding."""
    lines: list[Line] = []
    if finding.diagnostic is not None:
        lines += _diagnostic_lines(finding.diagnostic)
    for advice in finding.advices:
        lines += [Line("")] if lines else []
        lines += _advice_lines(advice)
    return lines


def _diagnostic_lines(one: Diagnostic) -> Iterator[Line]:
    if one.node_id is not None:
        name = one.node_title or one.class_type or "node"
        yield Line(clean(f"{name} ({one.node_id}) · {one.class_type or 'no class'}", 300), "strong")
    elif one.class_type:
        yield Line(clean(one.class_type, 300), "strong")
    if one.input:
        yield Line(f"input {clean(one.input, 200)}")
    look = "bad" if one.severity is Severity.ERROR else ""
    yield Line(clean(one.message, _TEXT_LIMIT), look)
    if one.suggestions:
        yield Line("Did you mean:")
        for near in one.suggestions[:_MOST_NEAR]:
            yield Line(clean(near, 300), "accent", 2)
    if one.hint:
        yield Line(clean(one.hint, _TEXT_LIMIT))
    yield Line(f"{one.severity.value}: {clean(one.code, 80)}", "dim")


def _advice_lines(advice: Advice) -> Iterator[Line]:
    yield Line(clean(advice.message, _TEXT_LIMIT), "strong")
    yield Line(f"told by: {advice.origin.value}", "dim")
    facts = (
        ("pack", advice.pack.name if advice.pack else None),
        ("or", ", ".join(pack.name for pack in advice.others[:5])),
        ("instead", advice.replacement),
        ("file", advice.file_name),
        ("folder", f"models/{advice.folder}" if advice.folder else None),
        ("from", advice.url),
        ("sha256", advice.sha256),
        ("there is", advice.has),
        ("needed", advice.needs),
        ("for node", ", ".join(advice.nodes[:8])),
    )
    for label, text in facts:
        if text:
            yield Line(f"{label:<9}{clean(text, _TEXT_LIMIT)}")
    if advice.near:
        yield Line("The server has:")
        for near in advice.near[:_MOST_NEAR]:
            same = ", the same file name" if near.same_file else ""
            yield Line(f"{clean(near.name, 300)} in {clean(near.folder, 100)}{same}", "accent", 2)
    if advice.doubt:
        yield Line(f"! Look first: {clean(advice.doubt, _TEXT_LIMIT)}.", "warn")
    for number, command in enumerate(advice.commands):
        yield Line("run in ComfyUI's folder (y copies):" if not number else "or:", "dim")
        yield Line(clean(command, 4000), "accent", 2)
    if advice.link:
        yield Line("look at:", "dim")
        yield Line(clean(advice.link, _TEXT_LIMIT), "accent", 2)


def texts_to_copy(finding: Finding) -> list[tuple[str, str]]:
    """What can be copied of it, with a word for each: commands, links, else its own words."""
    found: dict[str, str] = {}
    for advice in finding.advices:
        for command in advice.commands:
            found.setdefault(command, "command")
        for link, what in ((advice.link, "link"), (advice.url, "URL")):
            if link:
                found.setdefault(link, what)
    if not found and finding.diagnostic is not None:
        found["\n".join(line.text for line in _diagnostic_lines(finding.diagnostic))] = "finding"
    if not found:
        found["\n".join(line.text for line in detail_lines(finding))] = "advice"
    return [(what, text) for text, what in found.items()]


def verdict_words(prepared: Prepared) -> str:
    """The standing in a few words."""
    warnings = len(prepared.warnings)
    also = f", {count_of(warnings, 'warning')}" if warnings else ""
    match prepared.standing:
        case Standing.VALID:
            return f"● valid{also}"
        case Standing.ERRORS if prepared.breaks_server:
            return f"✗ breaks the server, {count_of(len(prepared.errors), 'error')}{also}"
        case Standing.ERRORS:
            return f"✗ {count_of(len(prepared.errors), 'error')}{also}"
        case Standing.UNKNOWN:
            return "? not checked: the server's node definitions are not known"
    return f"✗ cannot be queued yet: {clean(prepared.why_not)}"
