"""Reads the workflow files that a command line names."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from comfy_tui.errors import WorkflowError
from comfy_tui.workflow.formats import (
    SIZE_LIMIT,
    WorkflowFile,
    WorkflowKind,
    is_editor,
    is_prompt,
    load_json,
    parse_file,
    read_workflow,
)
from comfy_tui.workflow.metadata import media_format

_WRAPPERS = ("prompt", "workflow", "extra_data")


def read_file(path: str, *, as_sent: bool = False) -> WorkflowFile:
    """Read a workflow file in any format.

    Args:
        path: the file, as named on the command line; ``-`` is what comes in on stdin.
        as_sent: leave an API-format prompt as it is, broken parts too, and take one whose nodes have
            no class for a prompt still: to be judged as the server would judge it.

    Raises:
        WorkflowError: it cannot be read, or is no workflow.
    """
    text = _text(path)
    if isinstance(text, WorkflowFile):
        return text
    notes: list[str] = []
    value = load_json(text, name=path, notes=notes)
    prompt = _broken_prompt(value) if as_sent else None
    if prompt is not None:
        return WorkflowFile(WorkflowKind.API, dict(prompt), notes=tuple(notes), name=path)
    file = read_workflow(value, name=path, notes=tuple(notes))
    whole = _whole_prompt(value) if as_sent else None
    if file.kind is WorkflowKind.API and whole is not None and len(whole) != len(file.prompt or {}):
        return replace(file, prompt=dict(whole), notes=tuple(notes))
    return file


def _text(path: str) -> bytes | WorkflowFile:
    """The text of a file, or the workflow inside a picture, video or sound."""
    try:
        if path == "-":
            return _read(sys.stdin.buffer, path)
        with Path(path).open("rb") as file:
            return _read(file, path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise WorkflowError("The file cannot be read", f"{path}: {reason}", "Check the path.") from error


def _read(file: BinaryIO, path: str) -> bytes | WorkflowFile:
    """Of media that can be read at any place only parts are read, however large they are."""
    if not file.seekable():
        text = file.read(SIZE_LIMIT + 1)
        return text if media_format(text) is None else parse_file(text, name=path)
    if media_format(file) is not None:
        return parse_file(file, name=path)
    file.seek(0)
    return file.read(SIZE_LIMIT + 1)


def _whole_prompt(value: Any) -> Mapping[str, Any] | None:
    """A prompt with all its entries: the document itself, or the ``prompt`` of a request."""
    if is_prompt(value):
        return value  # type: ignore[no-any-return]
    inner = value.get("prompt") if isinstance(value, Mapping) else None
    return inner if is_prompt(inner) else None


def _broken_prompt(value: Any) -> Mapping[str, Any] | None:
    """A document that is a prompt by its looks, though none of its nodes names a class."""
    if not isinstance(value, Mapping) or is_editor(value) or is_prompt(value):
        return None
    inner = value.get("prompt")
    if isinstance(inner, Mapping):
        return inner if not is_prompt(inner) and not value.get("workflow") and _like_nodes(inner) else None
    if any(key in value for key in _WRAPPERS):
        return None
    return value if _like_nodes(value) else None


def _like_nodes(value: Mapping[str, Any]) -> bool:
    """Whether all entries are objects with inputs, or are named by numbers as nodes are; nothing is, too."""
    return all(
        isinstance(node, Mapping) and (isinstance(node.get("inputs"), Mapping) or name.isdecimal())
        for name, node in value.items()
    )
