"""What made an output, from the server's history or from the file itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.types import OutputFile
from comfy_tui.errors import ComfyError, WorkflowError
from comfy_tui.monitor.control import Control
from comfy_tui.monitor.outputs import Output
from comfy_tui.workflow.metadata import read_media
from comfy_tui.workflow.provenance import Provenance, provenance

#: The largest file that is fetched for its metadata.
FILE_LIMIT_BYTES = 128 * 1024 * 1024
HISTORY, FILE = "the server's history", "the file itself"


@dataclass(frozen=True, slots=True)
class Making:
    """The prompt and the workflow that made an output, and what they say."""

    #: :data:`HISTORY` or :data:`FILE`.
    source: str
    prompt: Mapping[str, Any]
    workflow: Mapping[str, Any] | None
    told: Provenance


async def from_history(control: Control, output: Output) -> Making:
    """Read the job again.

    Raises:
        ComfyError: the server does not have it any more.
    """
    record = await control.record(output.job.prompt_id)
    if not record.prompt:
        raise ComfyError("The server did not send the prompt of this job", "", "Its file may hold it.")
    told = await asyncio.to_thread(provenance, record.prompt, output.node_id)
    return Making(HISTORY, record.prompt, record.workflow, told)


async def from_file(client: ComfyClient, file: OutputFile, saved: Path | None = None) -> Making:
    """Read what ComfyUI wrote into the file: the saved one, else it is fetched.

    Raises:
        ComfyError: it cannot be fetched, or holds nothing.
    """
    if saved is not None:
        try:
            return await asyncio.to_thread(_read_saved, saved, file)
        except (OSError, WorkflowError):
            pass  # it may have been saved without its metadata
    content = await client.view_bytes(file, limit_bytes=FILE_LIMIT_BYTES)
    return await asyncio.to_thread(_read, content, file)


def _read_saved(saved: Path, file: OutputFile) -> Making:
    with saved.open("rb") as opened:
        return _read(opened, file)


def _read(content: bytes | BinaryIO, file: OutputFile) -> Making:
    texts = read_media(content, file.filename)
    prompt = _parsed(texts.get("prompt", ""))
    workflow = _parsed(texts.get("workflow", ""))
    if not prompt:
        raise WorkflowError(
            "The file holds no prompt",
            f"{file.filename} has a workflow, and no prompt that says which values it ran with"
            if workflow
            else f"{file.filename} has neither a prompt nor a workflow that can be read",
            "e opens its workflow." if workflow else "",
        )
    return Making(FILE, prompt, workflow, provenance(prompt, file.node_id))


def _parsed(text: str) -> Mapping[str, Any] | None:
    try:
        value = json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


async def making_of(
    client: ComfyClient, control: Control, output: Output, source: str = "", saved: Path | None = None
) -> Making:
    """From the source that was asked for, else from the history, else from the file."""
    if source != FILE:
        try:
            return await from_history(control, output)
        except ComfyError:
            if source or output.file is None:
                raise
    if output.file is None:
        raise ComfyError("A text of a node is not a file", "there is nothing in it to read")
    return await from_file(client, output.file, saved)
