"""Opening the workflow of a run in the Workflows screen, with the values that it ran with."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from comfy_tui.errors import ComfyError, ExportError
from comfy_tui.library.recent import add_recent
from comfy_tui.library.run_file import write_run
from comfy_tui.screens.workflow_desk import Desk, path_entry
from comfy_tui.text import count_of
from comfy_tui.workflow.edits import Edits, Key
from comfy_tui.workflow.parameters import fields

if TYPE_CHECKING:
    from comfy_tui.app import ComfyApp
    from comfy_tui.library.entry import Entry


async def open_run(
    console: ComfyApp,
    name: str,
    prompt_id: str,
    prompt: Mapping[str, Any],
    workflow: Mapping[str, Any] | None,
    node_id: str = "",
) -> None:
    """Go to the Workflows screen, to this run's workflow.

    The editor's document is opened where it makes the same prompt, its values set to those of the run;
    else the prompt itself is, which is what ran.  With a node, its outline is opened there.

    Raises:
        ComfyError: it cannot be kept or read.
    """
    from comfy_tui.screens.workflows import WorkflowsScreen

    await console.switch_mode("workflows")
    target = next(one for one in console.screen_stack if isinstance(one, WorkflowsScreen))
    words = "the values of that run are in the file"
    entry = None
    if workflow is not None:
        entry = await _kept(name, prompt_id, workflow)
        values = await _values_of_run(target.desk, entry, prompt)
        if values is None:
            entry = None
        elif values:
            target.desk.set_edits(entry, Edits(values=values))
            words = f"{count_of(len(values), 'value')} of that run set; u forgets them"
    if entry is None:
        entry = await _kept(f"{name} as it ran", prompt_id, prompt)
        if workflow is not None:
            words = "as the server ran it: the editor's document does not make the same prompt here"
    assert entry.path is not None
    await asyncio.to_thread(add_recent, entry.path)
    await target.add_recent_entry(entry)
    target.show_again()
    if node_id:
        target.show_outline_at(entry, node_id)
        return
    open_pages = len(console.screen_stack) > 1
    more = " Close the page above the list to see it." if open_pages else " Q queues it, e changes values."
    console.tell("Workflow of that run", f"{entry.name}: {words}.{more}")


async def _kept(name: str, prompt_id: str, content: Mapping[str, Any]) -> Entry:
    """The document as a file that can be opened like any other."""
    try:
        return path_entry(await asyncio.to_thread(write_run, name, prompt_id, content))
    except OSError as error:
        raise ExportError(
            "The workflow cannot be kept", f"{error.filename}: {error.strerror}", "Is the disk full?"
        ) from error


async def _values_of_run(desk: Desk, entry: Entry, prompt: Mapping[str, Any]) -> dict[Key, Any] | None:
    """The values in which the run differs from the document; None where the document is another graph."""
    try:
        prepared = await desk.open(entry, with_nodes=True)
    except ComfyError:
        return None
    made = prepared.prompt
    if made is None or _shape(made) != _shape(prompt):
        return None
    now = {field.key: field.value for field in fields(made)}
    ran = {field.key: field.value for field in fields(prompt)}
    if now.keys() != ran.keys():
        return None
    return {
        key: value for key, value in ran.items() if value != now[key] or type(value) is not type(now[key])
    }


def _shape(prompt: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The nodes and their links."""
    shape = {}
    for node_id, node in prompt.items():
        inputs = node.get("inputs") if isinstance(node, Mapping) else None
        links = {}
        if isinstance(inputs, Mapping):
            links = {name: value for name, value in inputs.items() if isinstance(value, list)}
        shape[str(node_id)] = (node.get("class_type") if isinstance(node, Mapping) else None, links)
    return shape
