"""What may be queued, what is asked before it, and what an export holds."""

from __future__ import annotations

from collections.abc import Callable

from comfy_tui.inventory.nodes import NodeInfo
from comfy_tui.inventory.prepare import Prepared, Standing
from comfy_tui.library.entry import Entry
from comfy_tui.library.export import Export
from comfy_tui.text import clean, count_of
from comfy_tui.widgets.workflow_preview import diagnostic_words
from comfy_tui.workflow.checking import BREAKS_SERVER
from comfy_tui.workflow.diagnostic import Severity
from comfy_tui.workflow.edits import Edits, Key
from comfy_tui.workflow.formats import WorkflowKind
from comfy_tui.workflow.parameters import FieldKind, fields
from comfy_tui.workflow.typed import find_spec
from comfy_tui.workflow.writeback import write_back

_SHOWN = 8
_LOST_SHOWN = 4


def why_never(prepared: Prepared, nodes_problem: str = "") -> str:
    """Why this is not sent whatever a person answers; empty where it can be sent."""
    if prepared.prompt is None:
        return " - ".join(
            part for part in (f"cannot be queued yet: {prepared.why_not}", nodes_problem) if part
        )
    if prepared.breaks_server:
        harm = next(d for d in prepared.errors if d.code == BREAKS_SERVER)
        return f"not sent, it would break the server: {diagnostic_words(harm)}"
    return "" if prepared.prompt else "it has no nodes"


def queue_question(
    ready: list[tuple[Entry, Prepared]],
    edits_of: Callable[[Entry], Edits],
    *,
    several: bool,
    nodes_problem: str = "",
) -> tuple[str, str, str] | None:
    """The question before queueing: title, message, yes; None where nothing is to be asked.

    Where the node definitions could not be read anew, the verdict is of an earlier time and said to be.
    """
    refused = [(entry, prepared) for entry, prepared in ready if prepared.standing is Standing.ERRORS]
    lines: list[str] = []
    for entry, prepared in refused:
        if several:
            lines.append(f"{clean(entry.name, 80)}:")
        lines += [diagnostic_words(error) for error in prepared.errors[:_SHOWN]]
        if len(prepared.errors) > _SHOWN:
            lines.append(f"... and {len(prepared.errors) - _SHOWN} more")
    will = "will" if not nodes_problem else "may"
    if refused and nodes_problem:
        lines.append(f"Judged by what was known before: {nodes_problem}")
    if not several:
        return (f"The server {will} refuse it", "\n".join(lines), "Queue anyway") if refused else None
    names = []
    for entry, _ in ready:
        count = edits_of(entry).count
        names.append(clean(entry.name, 80) + (f" x {count}" if count > 1 else ""))
    if refused:
        lines.insert(0, f"\nThe server {will} refuse {len(refused)} of them:")
    shown = [*names[:_SHOWN], f"... and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else names
    return (f"Queue {count_of(len(ready), 'workflow')}?", "\n".join((*shown, *lines)), "Queue them")


def seed_limits(prepared: Prepared, info: NodeInfo | None) -> dict[Key, int]:
    """The largest seed of each input, where its node's definition tells."""
    limits: dict[Key, int] = {}
    if info is None or prepared.prompt is None:
        return limits
    for field in fields(prepared.prompt):
        if field.kind is FieldKind.SEED:
            spec = find_spec(info.definition(field.class_type), field.input, {})
            most = spec.options.get("max") if spec is not None else None
            if isinstance(most, int) and not isinstance(most, bool):
                limits[field.key] = most
    return limits


def export_of(prepared: Prepared, edits: Edits) -> Export:
    """What to write where there is no choice: a prompt with the changes, or a graph as it is."""
    if prepared.file.kind is WorkflowKind.API:
        return api_export(prepared, edits)
    note = ""
    if edits.values:
        note = "Your changes are not in it: without node definitions they cannot be applied."
    return Export(prepared.file.graph or {}, note, incomplete=bool(note))


def api_export(prepared: Prepared, edits: Edits) -> Export:
    """The prompt with the changes; layout and notes are not in it."""
    return Export(prepared.edited(edits) if edits.values else prepared.prompt or {})


def editor_export(prepared: Prepared, edits: Edits, info: NodeInfo | None) -> Export:
    """The editor's document with the changes written back where the editor keeps them; for a thread."""
    if not edits.values or info is None:
        return export_of(prepared, edits)
    made = write_back(prepared.file.graph or {}, edits.values, info.converter)
    lost = [said for said in made.diagnostics if said.severity is not Severity.INFO]
    lines = []
    if made.written:
        lines.append(f"{count_of(len(made.written), 'changed value')} written into it.")
    if lost:
        lines.append(f"Not written: {count_of(len(lost), 'value')}; API format (a) holds all of them.")
        lines += [diagnostic_words(said) for said in lost[:_LOST_SHOWN]]
    lines += [diagnostic_words(said) for said in made.diagnostics if said.severity is Severity.INFO][:2]
    return Export(made.workflow, "\n".join(lines), incomplete=bool(lost))
