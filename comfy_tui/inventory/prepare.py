"""Makes a workflow file ready to queue: the one place where formats, conversion and checks meet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from comfy_tui.errors import WorkflowError
from comfy_tui.inventory.nodes import NodeInfo
from comfy_tui.workflow.advice.replacement import replace_nodes
from comfy_tui.workflow.checking import BREAKS_SERVER
from comfy_tui.workflow.conversion import Control
from comfy_tui.workflow.definition import Definitions
from comfy_tui.workflow.diagnostic import Diagnostic, Severity
from comfy_tui.workflow.edits import Edits
from comfy_tui.workflow.formats import WorkflowFile, WorkflowKind

_REPLACED = "replaced_node"
_MISSING = ("missing_node_type", "invalid_prompt")


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
    #: When the server told the node definitions by which this was judged; None: not judged, or not known.
    checked_at_s: float | None = None
    #: Whether they are kept ones, from before this session: the server may have changed since.
    by_kept: bool = False
    #: Why there is no prompt.
    why_not: str = ""
    #: What the conversion said, and which classes were replaced; it stays when values are changed.
    conversion: tuple[Diagnostic, ...] = ()
    #: Files that its loaders name, of which is not known whether the server has them.
    unknown_files: tuple[tuple[str, str], ...] = ()
    #: Files that its loaders name and that the server lacks, as far as is known.
    missing_files: tuple[tuple[str, str], ...] = ()
    #: The definitions by which the prompt was made.
    made_with: Definitions | None = field(default=None, repr=False, compare=False)

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """What the server would refuse it for."""
        return tuple(d for d in self.diagnostics if d.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What may go wrong."""
        return tuple(d for d in self.diagnostics if d.severity is Severity.WARNING)

    def edited(self, edits: Edits) -> dict[str, Any]:
        """The prompt with a person's changes; empty where there is none."""
        return edits.apply(self.prompt or {}, self.made_with)

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
        return judge(_made(ready, info), info, edits)
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
        return Prepared(
            file, None, file.graph, Standing.NOT_READY, why_not=reason, made_with=info.definitions
        )
    ready = Prepared(
        file,
        made.prompt,
        made.workflow,
        Standing.UNKNOWN,
        controls=made.controls,
        conversion=made.diagnostics,
    )
    return judge(_made(ready, info), info, edits)


def is_outdated(ready: Prepared, info: NodeInfo | None) -> bool:
    """Whether other definitions are known now than those that it was made with."""
    return info is not None and ready.made_with is not info.definitions


def prepare_again(ready: Prepared, info: NodeInfo | None, edits: Edits | None = None) -> Prepared:
    """Judge what was prepared by what is known now; by other definitions it is another prompt."""
    if ready.prompt is None or is_outdated(ready, info):
        return prepare(ready.file, info, edits)
    return judge(ready, info, edits)


def replaced_prompt(prompt: Mapping[str, Any], info: NodeInfo) -> tuple[dict[str, Any], dict[str, str]]:
    """The prompt with the server's own node replacements, and the new class of each replaced node."""
    if not info.replacements:
        return dict(prompt), {}
    return replace_nodes(prompt, info.replacements, info.object_info)


def _made(ready: Prepared, info: NodeInfo | None) -> Prepared:
    """With the server's replacements, each of which is told instead of the class that is missing."""
    if info is None or ready.prompt is None:
        return ready
    prompt, done = replaced_prompt(ready.prompt, info)
    if not done:
        return replace(ready, made_with=info.definitions)
    told = [_replaced(node_id, ready.prompt[node_id], new) for node_id, new in done.items()]
    rest = [d for d in ready.conversion if not (d.code in _MISSING and d.node_id in done)]
    return replace(ready, prompt=prompt, conversion=(*rest, *told), made_with=info.definitions)


def _replaced(node_id: str, node: Mapping[str, Any], new: str) -> Diagnostic:
    meta = node.get("_meta")
    title = meta.get("title") if isinstance(meta, Mapping) else None
    old = str(node.get("class_type"))
    return Diagnostic(
        Severity.INFO,
        _REPLACED,
        f"The server has no {old} any more and names {new} for it, which is queued instead.",
        node_id=node_id,
        node_title=title if isinstance(title, str) and title else None,
        class_type=old,
        hint="Replace it in the editor too, to see its new inputs.",
    )


def judge(ready: Prepared, info: NodeInfo | None, edits: Edits | None = None) -> Prepared:
    """Check the prompt again, with these edits."""
    if ready.prompt is None:
        return ready
    if info is None:
        return replace(
            ready,
            standing=Standing.UNKNOWN,
            diagnostics=ready.conversion,
            checked_at_s=None,
            by_kept=False,
            unknown_files=(),
            missing_files=(),
        )
    prompt = ready.edited(edits) if edits is not None else ready.prompt
    verdict = info.checker.check(prompt)
    # What the conversion lost and the check misses is the same finding: the check's words count.
    told = {_finding(d) for d in verdict.diagnostics}
    rest = tuple(d for d in ready.conversion if _finding(d) not in told)
    refused = not verdict.ok or any(d.severity is Severity.ERROR for d in rest)
    return replace(
        ready,
        standing=Standing.ERRORS if refused else Standing.VALID,
        diagnostics=(*verdict.diagnostics, *rest),
        checked_at_s=info.read_at_s,
        by_kept=not info.is_live,
        unknown_files=verdict.unknown_files,
        missing_files=verdict.missing_files,
    )


def _finding(one: Diagnostic) -> tuple[str, str | None, str | None]:
    """What a diagnostic is about; a missing class has another code on older servers."""
    return (_MISSING[0] if one.code in _MISSING else one.code, one.node_id, one.input)
