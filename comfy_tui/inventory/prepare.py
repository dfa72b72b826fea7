"""Makes a workflow file ready to queue: the one place where formats, conversion and checks meet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from comfy_tui.errors import WorkflowError
from comfy_tui.inventory.nodes import NodeInfo
from comfy_tui.workflow.checking import BREAKS_SERVER, check
from comfy_tui.workflow.conversion import Control
from comfy_tui.workflow.diagnostic import Diagnostic, Severity
from comfy_tui.workflow.edits import Edits
from comfy_tui.workflow.formats import WorkflowFile, WorkflowKind


class Standing(StrEnum):
    """What is known about queueing a workflow."""

    #: The server would take it.
    VALID = "valid"
    #: The server would refuse it, or it would harm the server.
    ERRORS = "errors"
    #: Nothing is known of the server's nodes.
    UNKNOWN = "unknown"
    #: There is no prompt to queue.
    NOT_READY = "not ready"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A workflow with its prompt, where one could be made, and all that is to be said of it."""

    file: WorkflowFile
    prompt: Mapping[str, Any] | None
    workflow: Mapping[str, Any] | None
    standing: Standing
    diagnostics: tuple[Diagnostic, ...] = ()
    controls: tuple[Control, ...] = ()
    #: When the node definitions were read by which this was judged.
    checked_at_s: float | None = None
    #: Why there is no prompt.
    why_not: str = ""
    #: What the conversion said; it stays when values are changed.
    conversion: tuple[Diagnostic, ...] = ()

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """What the server would refuse it for."""
        return tuple(d for d in self.diagnostics if d.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What may go wrong."""
        return tuple(d for d in self.diagnostics if d.severity is Severity.WARNING)

    @property
    def breaks_server(self) -> bool:
        """Whether the server would not survive it."""
        return any(d.code == BREAKS_SERVER for d in self.diagnostics)


def prepare(file: WorkflowFile, info: NodeInfo | None, edits: Edits | None = None) -> Prepared:
    """Make a workflow ready: convert it where it is in the editor's format, apply edits, judge it.

    Args:
        file: what was read.
        info: the server's node classes; None where they are not known.
        edits: a person's changes; they are judged, the result's prompt is without them.
    """
    if file.kind is WorkflowKind.API:
        ready = Prepared(file, file.prompt, file.workflow, Standing.UNKNOWN)
        return judge(ready, info, edits)
    if info is None:
        reason = (
            "it is in the editor's format; to convert it the server's node definitions are needed, "
            "and they are not known yet"
        )
        return Prepared(file, None, file.graph, Standing.NOT_READY, why_not=reason)
    try:
        made = info.converter.convert(file.graph or {})
    except WorkflowError as error:
        reason = f"it cannot be converted: {error.message or error.title}"
        return Prepared(file, None, file.graph, Standing.NOT_READY, why_not=reason)
    ready = Prepared(
        file,
        made.prompt,
        made.workflow,
        Standing.UNKNOWN,
        controls=made.controls,
        conversion=made.diagnostics,
    )
    return judge(ready, info, edits)


def judge(ready: Prepared, info: NodeInfo | None, edits: Edits | None = None) -> Prepared:
    """Check the prompt again, with these edits."""
    if ready.prompt is None:
        return ready
    if info is None:
        return replace(ready, standing=Standing.UNKNOWN, diagnostics=ready.conversion, checked_at_s=None)
    prompt = edits.apply(ready.prompt) if edits is not None else ready.prompt
    verdict = check(prompt, info.object_info, version=info.version)
    # What the conversion lost and the check misses is the same finding: the check's words count.
    told = {(d.code, d.node_id, d.input) for d in verdict.diagnostics}
    rest = tuple(d for d in ready.conversion if (d.code, d.node_id, d.input) not in told)
    refused = not verdict.ok or any(d.severity is Severity.ERROR for d in rest)
    return replace(
        ready,
        standing=Standing.ERRORS if refused else Standing.VALID,
        diagnostics=(*verdict.diagnostics, *rest),
        checked_at_s=info.read_at_s,
    )
