"""What a ComfyUI server tells over its websocket, as typed events.

The facts are in comfyui-api, section 7.  Everything here is pure: :mod:`comfy_tui.comfy.socket` connects.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

#: The longest frame that is looked into: what is read of a workflow of 5000 nodes is a megabyte.
EVENT_LIMIT_BYTES = 4 * 1024 * 1024
#: The largest preview that is kept; a server shrinks them to 512 pixels.
PREVIEW_LIMIT_BYTES = 8 * 1024 * 1024
_PREVIEW, _PREVIEW_WITH_METADATA = 1, 4
#: How a JPEG and a PNG begin.
_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
#: The server keeps 300 pieces; what is longer than so many characters is a picture or a tensor as text.
_LOG_ENTRIES = 2_000
_LOG_PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class NodeProgress:
    """One node's progress in ``progress_state``.

    ``node_id`` is the node that runs: for one that a node expanded into, an id that the prompt does not
    have. ``display_id`` and ``real_id`` name the prompt's own node for it; empty where not told.
    """

    node_id: str
    value: float
    max: float
    finished: bool
    display_id: str = ""
    real_id: str = ""
    parent_id: str = ""


@dataclass(frozen=True, slots=True)
class Greeted:
    """The first message of a connection: from here on nothing is missed."""

    remaining: int | None


@dataclass(frozen=True, slots=True)
class QueueChanged:
    """``status``: something was queued, taken or finished."""

    remaining: int | None


@dataclass(frozen=True, slots=True)
class Started:
    """``execution_start``: the prompt begins."""

    prompt_id: str


@dataclass(frozen=True, slots=True)
class Executing:
    """``executing``: a node of a prompt starts; ``node_id`` None when the prompt has ended.

    ``display_id`` is the prompt's own node for one that it expanded into.
    """

    prompt_id: str
    node_id: str | None
    display_id: str = ""


@dataclass(frozen=True, slots=True)
class ProgressState:
    """``progress_state``: every node touched so far, ids as in the prompt that was sent."""

    prompt_id: str
    nodes: tuple[NodeProgress, ...]


@dataclass(frozen=True, slots=True)
class NodeStep:
    """``progress``: a step of one node; all that servers without ``progress_state`` tell."""

    prompt_id: str
    node_id: str
    value: float
    max: float


@dataclass(frozen=True, slots=True)
class Cached:
    """``execution_cached``: these nodes need not run."""

    prompt_id: str
    node_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Succeeded:
    """``execution_success``; the history has it when ``executing`` with no node follows."""

    prompt_id: str


@dataclass(frozen=True, slots=True)
class NodeFailed:
    """``execution_error``; not the end where ``blocked``: then the rest of the prompt goes on (6.4)."""

    prompt_id: str
    node_id: str
    exception_type: str
    message: str
    blocked: bool


@dataclass(frozen=True, slots=True)
class Interrupted:
    """``execution_interrupted``: somebody cancelled it."""

    prompt_id: str
    node_id: str


@dataclass(frozen=True, slots=True)
class PreviewFrame:
    """A picture on the way; without ids (empty) it belongs to the node that ran last."""

    image: bytes = field(repr=False)
    prompt_id: str = ""
    node_id: str = ""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A piece of the server's log as it was written: not always a line; colours and all.

    ``at`` is the server's own ISO time, without a zone.
    """

    at: str
    text: str


@dataclass(frozen=True, slots=True)
class LogLines:
    """``logs``: what was written since the last one; only for those who subscribed."""

    entries: tuple[LogEntry, ...]


@dataclass(frozen=True, slots=True)
class ManagerStatus:
    """``cm-queue-status``: an old Manager's queue, told to everybody (manager-and-models, section 2.3).

    ``target`` is the ``ui_id`` of the task that it is at; empty where it is at none. ``results`` are what it
    says of ended tasks by their ``ui_id``, as it sends them.
    """

    target: str
    results: Mapping[str, Any]


PromptEvent = (
    Started
    | Executing
    | ProgressState
    | NodeStep
    | Cached
    | Succeeded
    | NodeFailed
    | Interrupted
    | PreviewFrame
)
Event = Greeted | QueueChanged | LogLines | ManagerStatus | PromptEvent


def read_event(message: str) -> Event | None:
    """Read a text frame; None for what is unknown, malformed or immense."""
    if len(message) > EVENT_LIMIT_BYTES:
        return None
    try:
        frame = json.loads(message)
    except (ValueError, RecursionError):
        return None
    if not isinstance(frame, Mapping) or not isinstance(frame.get("data"), Mapping):
        return None
    data = frame["data"]
    match frame.get("type"):
        case "status":
            count = _remaining(data)
            return Greeted(count) if "sid" in data else QueueChanged(count)
        case "logs":
            return LogLines(tuple(read_log_entries(data)))
        case "cm-queue-status":
            return _manager_status(data)
    prompt_id = data.get("prompt_id")
    return _prompt_event(frame.get("type"), prompt_id, data) if isinstance(prompt_id, str) else None


def _manager_status(data: Mapping[str, Any]) -> ManagerStatus:
    target = _text(data.get("target")) if data.get("status") == "in_progress" else ""
    told = (data.get(key) for key in ("nodepack_result", "model_result"))
    results = {ui_id: said for found in told if isinstance(found, Mapping) for ui_id, said in found.items()}
    return ManagerStatus(target, results)


def _prompt_event(kind: Any, prompt_id: str, data: Mapping[str, Any]) -> PromptEvent | None:
    match kind:
        case "execution_start":
            return Started(prompt_id)
        case "executing":
            node = data.get("node")
            if node is not None and not isinstance(node, str):
                return None
            return Executing(prompt_id, node, _text(data.get("display_node")))
        case "progress_state":
            return ProgressState(prompt_id, tuple(_nodes(data.get("nodes"))))
        case "progress":
            value, maximum = _real(data.get("value")), _real(data.get("max"))
            return NodeStep(prompt_id, _text(data.get("node")), value, maximum)
        case "execution_cached" if isinstance(data.get("nodes"), list):
            return Cached(prompt_id, tuple(str(node) for node in data["nodes"]))
        case "execution_success":
            return Succeeded(prompt_id)
        case "execution_interrupted":
            return Interrupted(prompt_id, _text(data.get("node_id")))
        case "execution_error":
            exception = _text(data.get("exception_type"))
            return NodeFailed(
                prompt_id,
                _text(data.get("node_id")),
                exception,
                _text(data.get("exception_message")).strip(),
                blocked=exception == "ExecutionBlocked",
            )
    return None


def read_picture(frame: bytes) -> PreviewFrame | None:
    """Read a binary frame; None for what holds no JPEG or PNG of a sensible size (section 7.5)."""
    if not 8 < len(frame) <= PREVIEW_LIMIT_BYTES:
        return None
    kind, second = int.from_bytes(frame[:4], "big"), int.from_bytes(frame[4:8], "big")
    if kind == _PREVIEW:
        return _picture(frame[8:], {})
    if kind != _PREVIEW_WITH_METADATA or second > len(frame) - 8:
        return None
    try:
        about = json.loads(frame[8 : 8 + second])
    except (ValueError, RecursionError):
        return None
    return _picture(frame[8 + second :], about) if isinstance(about, Mapping) else None


def _picture(image: bytes, about: Mapping[str, Any]) -> PreviewFrame | None:
    if not image.startswith(_BEGINNINGS):
        return None
    node = _text(about.get("display_node_id")) or _text(about.get("node_id"))
    return PreviewFrame(image, _text(about.get("prompt_id")), node)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def read_log_entries(data: Any) -> Iterator[LogEntry]:
    """The pieces in the data of ``logs`` and in the answer of ``/internal/logs/raw``, the newest ones."""
    entries = data.get("entries") if isinstance(data, Mapping) else None
    for entry in entries[-_LOG_ENTRIES:] if isinstance(entries, list) else ():
        if isinstance(entry, Mapping) and isinstance(entry.get("m"), str):
            yield LogEntry(_text(entry.get("t"))[:40], entry["m"][:_LOG_PIECE])


def _remaining(data: Mapping[str, Any]) -> int | None:
    status = data.get("status")
    info = status.get("exec_info") if isinstance(status, Mapping) else None
    count = info.get("queue_remaining") if isinstance(info, Mapping) else None
    return count if isinstance(count, int) and not isinstance(count, bool) else None


def _nodes(data: Any) -> Iterator[NodeProgress]:
    for node_id, entry in data.items() if isinstance(data, Mapping) else ():
        if isinstance(entry, Mapping):
            yield NodeProgress(
                node_id=str(node_id),
                value=_real(entry.get("value")),
                max=_real(entry.get("max")),
                finished=entry.get("state") == "finished",
                display_id=_text(entry.get("display_node_id")),
                real_id=_text(entry.get("real_node_id")),
                parent_id=_text(entry.get("parent_node_id")),
            )


def _real(value: Any) -> float:
    # An integer may be too large to become a float.
    return float(value) if isinstance(value, int | float) and -1e15 < value < 1e15 else 0.0
