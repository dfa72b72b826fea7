"""Everything that the routes and the worker of one demo server share."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from .folders import Folders
from .hostile import hostile_name, hostile_text
from .logs import Logs
from .manager import DemoManager, Disk
from .memory import Memory
from .models import MODELS, folder_names
from .nodes import EXTRA_CLASSES, NODES
from .options import MAX_UPLOAD_BYTES, DemoOptions
from .queue import JobQueue
from .record import Record
from .websocket import Hub


class DemoState:
    """One server's queue, sockets, folders, memory and logs."""

    def __init__(self, options: DemoOptions, disk: Disk | None = None, record: Record | None = None) -> None:
        self.options = options
        self.legacy = options.legacy
        self.dress: Callable[[str], str] = hostile_text if options.hostile else _plain
        self.folders = Folders(options.folder, hostile_name if options.hostile else _plain)
        self.memory = Memory(options.vram_bytes)
        self.logs = Logs(options.legacy, self.dress)
        self.hub = Hub(self.features, lambda: self.queue.remaining)
        self.queue = JobQueue(self.hub.send_status, record)
        self.manager = DemoManager(options, disk or Disk(), self.hub) if options.manager else None
        self.hub.on_gone = self.logs.subscribers.discard
        self.logs.on_write = self._announce_log
        self.port = 0
        self.speed = options.speed
        #: Set by a test: the next prompt never ends, whatever is asked.
        self.worker_dies = False

    def _announce_log(self, entry: dict[str, str]) -> None:
        for client_id in list(self.logs.subscribers):
            self.hub.send("logs", {"entries": [entry], "size": {"cols": 80, "rows": 24}}, client_id)

    def features(self) -> dict[str, Any]:
        """What ``/features`` and the socket handshake say."""
        found: dict[str, Any] = {"supports_preview_metadata": True, "max_upload_size": MAX_UPLOAD_BYTES}
        if not self.legacy:
            found.update(extension={"manager": {"supports_v4": True}}, node_replacements=True, assets=False)
        return found

    def now_ms(self) -> int:
        """The time as the protocol counts it."""
        return int(time.time() * 1000)

    # Models and nodes.

    def names(self, folder: str) -> list[str]:
        """Model names of a folder, or the pictures in the input folder."""
        if folder == "input":
            return self.folders.pictures()
        more = self.manager.disk.models.get(folder, ()) if self.manager is not None else ()
        return sorted(self.dress(name) for name in (*MODELS.get(folder, {}), *more))

    def has_node(self, name: str) -> bool:
        """Whether a class is loaded: those of packs only where a Manager installed them before the start."""
        if name in EXTRA_CLASSES:
            return self.manager is not None and name not in self.manager.hidden_classes
        return name in NODES

    def folder_names(self) -> list[str]:
        """The model folders."""
        return folder_names(legacy=self.legacy)

    def definition(self, name: str) -> dict[str, Any]:
        """One entry of ``/object_info``."""
        return NODES[name].definition(self, legacy=self.legacy, dress=self.dress)

    # Statistics.

    def system_stats(self) -> dict[str, Any]:
        """What ``/system_stats`` says."""
        total, free = _ram_bytes()
        version = self.dress(self.options.version)
        system: dict[str, Any] = {
            "os": os.name if self.legacy else sys.platform,
            "ram_total": total,
            "ram_free": free,
            "comfyui_version": version,
            "required_frontend_version": self.dress("0.0.0-demo"),
            "installed_templates_version": self.dress("0.0.0-demo"),
            "required_templates_version": self.dress("0.0.0-demo"),
        }
        if not self.legacy:
            package = {
                "name": self.dress("comfyui-frontend-package"),
                "installed": None,
                "required": "0.0.0-demo",
            }
            system["comfy_package_versions"] = [package]
        system.update(
            python_version=self.dress(sys.version),
            pytorch_version=self.dress("none (demo)"),
            embedded_python=False,
        )
        if not self.legacy:
            system["deploy_environment"] = self.dress("comfy-tui-demo")
        system["argv"] = [self.dress(word) for word in self._argv()]
        return {"system": system, "devices": [self._device(total, free)]}

    def _argv(self) -> list[str]:
        words = ["comfy_tui.demo", "--port", str(self.port), "--speed", f"{self.options.speed:g}"]
        if self.options.device == "cpu":
            words.append("--cpu")
        if self.options.previews:
            words += ["--preview-method", "auto"]
        if self.options.manager.startswith("v4"):
            words.append("--enable-manager")
        return words + (["--legacy"] if self.legacy else [])

    def _device(self, ram_total: int, ram_free: int) -> dict[str, Any]:
        if self.options.device == "cpu":
            numbers = {"vram_total": ram_total, "vram_free": ram_free}
            torch = {"torch_vram_total": ram_total, "torch_vram_free": ram_free}
            return {"name": self.dress("cpu"), "type": "cpu", "index": None, **numbers, **torch}
        reserved = self.memory.reserved_bytes
        return {
            "name": self.dress("cuda:0 Demo GPU (simulated) : native"),
            "type": "cuda",
            "index": 0,
            "vram_total": self.memory.total_bytes,
            "vram_free": self.memory.free_bytes,
            "torch_vram_total": reserved,
            "torch_vram_free": max(0, reserved - self.memory.used_bytes),
        }


def _plain(text: str) -> str:
    return text


def _ram_bytes() -> tuple[int, int]:
    """Total and available memory of this machine; made up where the system does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            found = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if "kB" in line}
        return found["MemTotal"], found["MemAvailable"]
    except (OSError, KeyError, ValueError):
        total = 32 * 1024**3 if platform.system() else 0
        return total, total // 2


STATE: web.AppKey[DemoState] = web.AppKey("state", DemoState)


def state_of(request: web.Request) -> DemoState:
    """The server that a request came to."""
    return request.app[STATE]
