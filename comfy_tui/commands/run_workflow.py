"""The workflow that travels along with a prompt: what ``run`` was told to change is written into it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from comfy_tui.commands.common import say
from comfy_tui.commands.run_values import Key
from comfy_tui.errors import WorkflowError
from comfy_tui.text import clean
from comfy_tui.workflow.conversion import Converter
from comfy_tui.workflow.diagnostic import Severity
from comfy_tui.workflow.writeback import write_back


class SentWorkflow:
    """Writes the values of one run into its workflows; says once of each what the editor cannot keep.

    Args:
        converter: of the server.
    """

    def __init__(self, converter: Converter) -> None:
        self._converter = converter
        self._told: set[Key] = set()

    def of(
        self, workflow: Mapping[str, Any] | None, prompt: Mapping[str, Any], keys: Iterable[Key]
    ) -> Mapping[str, Any] | None:
        """The workflow with the prompt's values of these inputs, as far as it can hold them."""
        changes = {
            (node_id, name): prompt[node_id]["inputs"][name]
            for node_id, name in keys
            if name in prompt.get(node_id, {}).get("inputs", ())
        }
        if not changes or workflow is None:
            return workflow
        try:
            written = write_back(workflow, changes, self._converter)
        except WorkflowError as error:
            for key in changes:
                self._tell(key, error.message or error.title)
            return workflow
        for one in written.diagnostics:
            if one.severity is Severity.WARNING:
                self._tell((one.node_id or "", one.input or ""), one.message)
        return written.workflow

    def _tell(self, key: Key, why: str) -> None:
        if key not in self._told:
            self._told.add(key)
            place = clean(".".join(key), 120)
            say(f"warning: {place} is queued, but not in the workflow that is sent along: {clean(why, 300)}")
