"""The workflow that travels along with a prompt: it comes to say what the prompt says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from comfy_tui.errors import WorkflowError
from comfy_tui.workflow.conversion import Converter
from comfy_tui.workflow.diagnostic import Diagnostic, Severity
from comfy_tui.workflow.writeback import write_back

Key = tuple[str, str]


def travelling(
    workflow: Mapping[str, Any] | None,
    prompt: Mapping[str, Any],
    keys: Iterable[Key],
    converter: Converter,
) -> tuple[Mapping[str, Any] | None, tuple[Diagnostic, ...]]:
    """The workflow with the prompt's values of some inputs, and a warning for each that it cannot hold.

    Args:
        workflow: the editor's document that belongs to the prompt; it is not changed.
        prompt: what is queued.
        keys: the inputs whose values are not those of the document.
        converter: of the server.
    """
    changes = {
        (node_id, name): prompt[node_id]["inputs"][name]
        for node_id, name in keys
        if name in prompt.get(node_id, {}).get("inputs", ())
    }
    if not changes or workflow is None:
        return workflow, ()
    try:
        written = write_back(workflow, changes, converter)
    except WorkflowError as error:
        why = error.message or error.title
        lost = [
            Diagnostic(Severity.WARNING, "not_written", why, node_id=node_id, input=name)
            for node_id, name in changes
        ]
        return workflow, tuple(lost)
    return written.workflow, tuple(one for one in written.diagnostics if one.severity is Severity.WARNING)
