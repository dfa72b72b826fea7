"""``comfy-tui status``: what a server says of itself, once, for a person or for a script."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from comfy_tui.commands.common import Command, add_server, say_error, settle, tell
from comfy_tui.config import ServerProfile
from comfy_tui.errors import EXIT_OK, ComfyError
from comfy_tui.text import clean, count_of, format_bytes

if TYPE_CHECKING:
    from comfy_tui.comfy.types import Device, SystemStats

_UNKNOWN = "unknown"
#: Every key of ``status --json``, with its meaning; sizes are bytes, what the server did not say is null.
JSON_KEYS: dict[str, str] = {
    "ok": "whether the server answered",
    "error": "null, or an object: code, title, message, hint",
    "server": "the name of the server in the config, or host:port",
    "url": "its address",
    "source": "where the address came from",
    "response_ms": "milliseconds until the server told its state",
    "comfyui_version": "text",
    "python_version": "text",
    "pytorch_version": "text",
    "os": "text",
    "ram_total_bytes": "number",
    "ram_free_bytes": "number",
    "devices": "a list of objects: name, type, index, vram_total_bytes, vram_free_bytes, "
    "torch_vram_total_bytes, torch_vram_free_bytes",
    "queue_running": "jobs that run",
    "queue_pending": "jobs that wait",
}


@dataclass(frozen=True, slots=True)
class Status:
    """One look at a server."""

    stats: SystemStats
    running: int
    pending: int
    response_s: float


def print_status(server: ServerProfile, source: str, *, as_json: bool = False) -> int:
    """Ask the server, print what it said to stdout; return the exit code."""
    import asyncio

    try:
        status = asyncio.run(_ask(server))
    except ComfyError as error:
        if as_json:
            tell(json.dumps(_as_dict(server, source, None, error)))
        say_error(error)
        return error.exit_code
    if as_json:
        tell(json.dumps(_as_dict(server, source, status, None), allow_nan=False))
    else:
        tell("\n".join(_lines(server, source, status)))
    return EXIT_OK


async def _ask(server: ServerProfile) -> Status:
    from comfy_tui.comfy.client import ComfyClient

    async with ComfyClient(server) as client:
        stats = await client.system_stats()
        queue = await client.queue()
        # Of the second answer: the first one carries the making of the connection.
        response_s = client.response_time_s or 0.0
    return Status(stats, len(queue.running), len(queue.pending), response_s)


def _as_dict(
    server: ServerProfile, source: str, status: Status | None, error: ComfyError | None
) -> dict[str, Any]:
    """The object of ``--json``: always the same keys."""
    out: dict[str, Any] = dict.fromkeys(JSON_KEYS)
    out |= {"ok": status is not None, "server": server.name, "url": server.url, "source": source}
    out["devices"] = []
    if error is not None:
        words = {"title": error.title, "message": error.message, "hint": error.hint}
        out["error"] = {"code": error.code, **words}
    if status is not None:
        stats = status.stats
        plain = ("comfyui_version", "python_version", "pytorch_version", "os")
        out |= {key: getattr(stats, key) for key in (*plain, "ram_total_bytes", "ram_free_bytes")}
        out["response_ms"] = round(status.response_s * 1000, 1)
        out["devices"] = [_device(device) for device in stats.devices]
        out |= {"queue_running": status.running, "queue_pending": status.pending}
    return out


def _device(device: Device) -> dict[str, Any]:
    memory = ("vram_total_bytes", "vram_free_bytes", "torch_vram_total_bytes", "torch_vram_free_bytes")
    return {key: getattr(device, key) for key in ("name", "type", "index", *memory)}


def _lines(server: ServerProfile, source: str, status: Status) -> list[str]:
    """The status as a person reads it."""
    stats = status.stats
    rows = [
        ("server", f"{server.name}  {server.url}  ({source})"),
        ("ComfyUI", stats.comfyui_version or _UNKNOWN),
        ("Python", stats.python_version or _UNKNOWN),
        ("PyTorch", stats.pytorch_version or _UNKNOWN),
        ("system", stats.os or _UNKNOWN),
        ("RAM", _used(stats.ram_total_bytes, stats.ram_free_bytes)),
    ]
    for device in stats.devices:
        memory = f"VRAM {_used(device.vram_total_bytes, device.vram_free_bytes)}"
        rows.append(("device", f"{device.name}  {memory}" if device.has_vram else f"{device.name}  no VRAM"))
    jobs = f"{count_of(status.running, 'job')} running, {count_of(status.pending, 'job')} pending"
    rows += [("queue", jobs), ("answered", f"in {status.response_s * 1000:.0f} ms")]
    return [f"{name:<9} {clean(text)}" for name, text in rows]


def _used(total_bytes: int | None, free_bytes: int | None) -> str:
    if total_bytes is None or free_bytes is None:
        return _UNKNOWN
    used = max(0, total_bytes - free_bytes)
    return f"{format_bytes(used)} of {format_bytes(total_bytes)} used"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_server(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object, for scripts")


def _run(args: argparse.Namespace) -> int:
    settings = settle(args, server=args.server)
    return print_status(settings.server, settings.server_source, as_json=args.json)


COMMAND = Command(
    "status",
    "print what the server says of itself, and leave",
    _add_arguments,
    _run,
    "Exit code 0: it answered; 3: nothing answers there; 2: the config or the arguments are wrong.",
)
