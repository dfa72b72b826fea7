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
from comfy_tui.monitor.journal import Journal
from comfy_tui.monitor.journal.job_read import one
from comfy_tui.monitor.outputs import Output
from comfy_tui.workflow.metadata import read_media
from comfy_tui.workflow.provenance import Provenance, provenance

#: The largest file that is fetched for its metadata.
FILE_LIMIT_BYTES = 128 * 1024 * 1024
HISTORY, JOURNAL, FILE = "the server's history", "the journal", "the file itself"


@dataclass(frozen=True, slots=True)
class Making:
    """The prompt and the workflow that made an output, and what they say."""

    #: :data:`HISTORY`, :data:`JOURNAL` or :data:`FILE`.
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


async def from_journal(journal: Journal, server: str, output: Output) -> Making:
    """What this console wrote down when it saw the job.

    Raises:
        ComfyError: it did not see the job's prompt.
    """
    known = await journal.call(one, server, output.job.prompt_id)
    if known is None or not known.prompt:
        raise ComfyError("The journal does not have the prompt of this job", "", "Its file may hold it.")
    told = await asyncio.to_thread(provenance, known.prompt, output.node_id)
    return Making(JOURNAL, known.prompt, known.workflow, told)


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


@dataclass(frozen=True, slots=True)
class Sources:
    """Where it is looked for what made an output: whatever of these there is."""

    #: The server that has the output.
    client: ComfyClient
    #: Of the watched server.
    control: Control
    journal: Journal | None = None
    #: Where the file was saved.
    saved: Path | None = None


async def making_of(sources: Sources, output: Output, source: str = "") -> Making:
    """From the source that was asked for, else from the history, the journal, or the file.

    Raises:
        ComfyError: none of them has it.
    """
    if source != FILE:
        try:
            return await _from_records(sources, output)
        except ComfyError:
            if source or output.file is None:
                raise
    if output.file is None:
        raise ComfyError("A text of a node is not a file", "there is nothing in it to read")
    return await from_file(sources.client, output.file, sources.saved)


async def _from_records(sources: Sources, output: Output) -> Making:
    """What a remembered job was is not asked of a server: it would say that it does not know."""
    if not output.remembered:
        try:
            return await from_history(sources.control, output)
        except ComfyError:
            if sources.journal is None:
                raise
    if sources.journal is None:
        raise ComfyError("There is no journal", "nothing is kept of this job")
    return await from_journal(sources.journal, sources.client.profile.url, output)
