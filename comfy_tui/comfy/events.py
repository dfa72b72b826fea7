"""The websocket of a ComfyUI server: typed events, read without pause so that no other client stalls.

The facts are in comfyui-api, section 7.  Losing the socket loses nothing but detail: polling goes on.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from comfy_tui.config import ServerProfile

#: Seconds between our pings: the server sends none (section 7.1).
PING_S = 20.0
#: The largest message: pictures come this way too (and are not read), but nothing sensible is larger.  The
#: limit holds while a message is unpacked, so that no compressed megabyte becomes gigabytes.
MESSAGE_LIMIT_BYTES = 128 * 1024 * 1024
#: The longest frame that is looked into: what is read of a workflow of 5000 nodes is a megabyte, and it is
#: parsed while keys wait.
_EVENT_LIMIT = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class NodeProgress:
    """One node's progress in ``progress_state``."""

    node_id: str
    value: float
    max: float
    finished: bool


@dataclass(frozen=True, slots=True)
class QueueChanged:
    """``status``: something was queued, taken or finished."""

    remaining: int | None


@dataclass(frozen=True, slots=True)
class Executing:
    """``executing``: a node of a prompt starts; ``node_id`` None when the prompt has ended."""

    prompt_id: str
    node_id: str | None


@dataclass(frozen=True, slots=True)
class ProgressState:
    """``progress_state``: every node touched so far, ids as in the prompt that was sent."""

    prompt_id: str
    nodes: tuple[NodeProgress, ...]


@dataclass(frozen=True, slots=True)
class Cached:
    """``execution_cached``: these nodes need not run."""

    prompt_id: str
    node_ids: tuple[str, ...]


Event = QueueChanged | Executing | ProgressState | Cached


async def listen(profile: ServerProfile, client_id: str) -> AsyncGenerator[Event]:
    """Connect and give events until the connection ends; raises what :func:`read_frames` raises."""
    async with aclosing(read_frames(profile, client_id)) as frames:
        async for frame in frames:
            event = read_event(frame)
            if event is not None:
                yield event


async def read_frames(profile: ServerProfile, client_id: str) -> AsyncGenerator[str]:
    """Connect and give the text frames as they came, until the connection ends.

    Raises:
        OSError, websockets.WebSocketException: it could not connect, or the connection broke.
        ConfigError: the credentials or the certificates cannot be had, or the proxy cannot be used.
    """
    import asyncio

    from comfy_tui.comfy.connect import Connect
    from comfy_tui.comfy.reach import is_loopback, ssl_context, unusable_proxy

    headers = {name: value.reveal() for name, value in await asyncio.to_thread(profile.credentials)}
    url = "ws" + profile.url.removeprefix("http") + "/ws?clientId=" + quote(client_id, safe="")
    try:
        socket = await Connect(
            url,
            additional_headers=headers,
            max_size=MESSAGE_LIMIT_BYTES,
            ping_interval=PING_S,
            ping_timeout=PING_S,
            proxy=None if is_loopback(profile.url) else True,
            ssl=ssl_context(profile) if url.startswith("wss:") else None,
            user_agent_header=None,
        )
    except ImportError:  # a SOCKS proxy
        raise unusable_proxy() from None
    async with socket:
        hello = {"type": "feature_flags", "data": {"supports_preview_metadata": True}}
        await socket.send(json.dumps(hello))
        async for message in socket:
            if isinstance(message, str):
                yield message


def read_event(message: str) -> Event | None:
    """Read a text frame; None for what is unknown, malformed or immense."""
    if len(message) > _EVENT_LIMIT:
        return None
    try:
        frame = json.loads(message)
    except (ValueError, RecursionError):
        return None
    if not isinstance(frame, Mapping) or not isinstance(frame.get("data"), Mapping):
        return None
    data = frame["data"]
    prompt_id = data.get("prompt_id")
    match frame.get("type"):
        case "status":
            return QueueChanged(_remaining(data))
        case "executing" if isinstance(prompt_id, str):
            node = data.get("display_node") or data.get("node")
            return Executing(prompt_id, node if isinstance(node, str) else None)
        case "progress_state" if isinstance(prompt_id, str):
            return ProgressState(prompt_id, tuple(_nodes(data.get("nodes"))))
        case "execution_cached" if isinstance(prompt_id, str) and isinstance(data.get("nodes"), list):
            return Cached(prompt_id, tuple(str(node) for node in data["nodes"]))
    return None


def _remaining(data: Mapping[str, Any]) -> int | None:
    status = data.get("status")
    info = status.get("exec_info") if isinstance(status, Mapping) else None
    count = info.get("queue_remaining") if isinstance(info, Mapping) else None
    return count if isinstance(count, int) and not isinstance(count, bool) else None


def _nodes(data: Any) -> list[NodeProgress]:
    found: list[NodeProgress] = []
    for node_id, entry in data.items() if isinstance(data, Mapping) else ():
        if isinstance(entry, Mapping):
            shown = entry.get("display_node_id")
            found.append(
                NodeProgress(
                    node_id=shown if isinstance(shown, str) else str(node_id),
                    value=_real(entry.get("value")),
                    max=_real(entry.get("max")),
                    finished=entry.get("state") == "finished",
                )
            )
    return found


def _real(value: Any) -> float:
    # An integer may be too large to become a float.
    return float(value) if isinstance(value, int | float) and -1e15 < value < 1e15 else 0.0
