"""A pretended ComfyUI-Manager: made-up packs and models, nothing fetched, and the refusals of real ones.

What it does, and what it answers: manager-and-models, section 2, and the recordings beside it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .options import DemoOptions

if TYPE_CHECKING:
    from .websocket import Hub

SECURITY_TEXT = "A security error has occurred. Please check the terminal logs"
#: What one task takes, in seconds, at speed 1.
_TASK_S, _LEAST_S = 2.0, 0.02


@dataclass(frozen=True)
class DemoPack:
    """A pack that the pretended registry has; one that is ``broken`` does not load."""

    id: str
    repository: str
    classes: tuple[str, ...]
    broken: bool = False


PACKS = (
    DemoPack("demo-extra-nodes", "https://github.com/demo/demo-extra-nodes", ("DemoExtraInvert",)),
    DemoPack("demo-broken-pack", "https://github.com/demo/demo-broken-pack", ("DemoBroken",), broken=True),
)
#: The Manager's list of models: the nine keys of section 1.
MODEL_LIST: tuple[dict[str, str], ...] = (
    {
        "name": "Demo soft light (demo)",
        "type": "lora",
        "base": "SDXL",
        "save_path": "loras/demo",
        "description": "A made-up model; nothing is downloaded.",
        "reference": "https://example.invalid/demo",
        "filename": "demo_soft_light.safetensors",
        "url": "https://example.invalid/demo/demo_soft_light.safetensors",
        "size": "144MB",
    },
)


@dataclass
class Disk:
    """What outlives a restart: packs by folder, and downloaded models by folder."""

    packs: dict[str, dict[str, Any]] = field(default_factory=dict)
    models: dict[str, set[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """One thing to do."""

    ui_id: str
    kind: str
    params: dict[str, Any]
    client_id: str = ""


class DemoManager:
    """The Manager of one run of the demo server.

    Args:
        options: of the server: ``manager`` and ``manager_level`` count.
        disk: what outlives a restart.
        hub: the sockets.
    """

    def __init__(self, options: DemoOptions, disk: Disk, hub: Hub) -> None:
        self.kind = options.manager
        self.generation = 3 if self.kind.startswith("v3") else 4
        #: On old versions of ComfyUI the Manager acts as if its level were strong (section 2.4).
        self.outdated = self.generation == 3 and options.legacy
        self.strong = self.outdated or options.manager_level == "strong"
        self.disk = disk
        self.imported = {name: dict(entry) for name, entry in disk.packs.items()}
        self.pending: list[Task] = []
        self.running: Task | None = None
        self.history: dict[str, dict[str, Any]] = {}
        self.reboot: Callable[[], None] = lambda: None
        self._results: dict[str, dict[str, str]] = {"nodepack_result": {}, "model_result": {}}
        self._hub = hub
        self._pause_s = _LEAST_S + _TASK_S / options.speed
        self._worker: asyncio.Task[None] | None = None

    @property
    def hidden_classes(self) -> set[str]:
        """Classes of packs that are not loaded: they came after the start, not at all, or do not load."""
        loaded = {entry["cnr_id"] or name for name, entry in self.imported.items()}
        return {name for pack in PACKS for name in pack.classes if pack.broken or pack.id not in loaded}

    @property
    def processing(self) -> bool:
        """Whether the worker is alive."""
        return self._worker is not None and not self._worker.done()

    def start(self) -> bool:
        """Start the worker; False where it works already."""
        if self.processing:
            return False
        self._worker = asyncio.get_running_loop().create_task(self._work())
        return True

    async def stop(self) -> None:
        """End at once."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)

    def counts(self, client_id: str = "") -> dict[str, Any]:
        """What ``queue/status`` says: the total means something else in each generation."""
        pending = [task for task in self.pending if client_id in ("", task.client_id)]
        running = int(self.running is not None and client_id in ("", self.running.client_id))
        if self.kind == "v4":
            done = sum(client_id in ("", entry["client_id"]) for entry in self.history.values())
            found: dict[str, Any] = {"client_id": client_id} if client_id else {}
            total = len(pending) + running
            found.update(total_count=total, done_count=done, in_progress_count=running)
            processing = running > 0 if client_id else self.processing
            return {**found, "pending_count": len(pending), "is_processing": processing}
        done = sum(len(results) for results in self._results.values())
        return {
            "total_count": done + running + len(pending),
            "done_count": done,
            "in_progress_count": running,
            "is_processing": self.processing,
        }

    async def _work(self) -> None:
        while self.pending:
            task = self.running = self.pending.pop(0)
            self._tell_begin(task)
            await asyncio.sleep(self._pause_s)
            fatal = False
            try:
                said = self._install(task.params) if task.kind == "install" else self._download(task.params)
            except Exception:
                # Here version 4 ends with the rest still waiting (section 2.1).
                said, fatal = f"Exception: (demo) {task.kind}", self.kind == "v4"
            self._tell_end(task, said)
            self.running = None
            if fatal:
                return
        if self.kind == "v4":
            await asyncio.sleep(self._pause_s)
            self._hub.send("cm-queue-status", {"status": "all-done"}, None)
            return
        counts = self.counts()
        totals = {key: counts[key] for key in ("total_count", "done_count")}
        status = "done" if self.generation == 3 else "batch-done"
        self._hub.send("cm-queue-status", {"status": status, **self._results, **totals}, None)
        self._results = {"nodepack_result": {}, "model_result": {}}

    def _tell_begin(self, task: Task) -> None:
        if self.kind == "v4":
            self._hub.send("cm-task-started", {"ui_id": task.ui_id, "kind": task.kind}, task.client_id)
            return
        target = "nodepack_manager" if task.kind == "install" else "model_manager"
        said = {"status": "in_progress", "target": task.ui_id, "ui_target": target}
        counts = {key: value for key, value in self.counts().items() if key in ("total_count", "done_count")}
        self._hub.send("cm-queue-status", {**said, **counts}, None)

    def _tell_end(self, task: Task, said: str) -> None:
        if self.kind != "v4":
            key = "nodepack_result" if task.kind == "install" else "model_result"
            self._results[key][task.ui_id] = said
            return
        good = said == "success"
        status = {"status_str": "success" if good else "error", "completed": True}
        entry = {
            "ui_id": task.ui_id,
            "client_id": task.client_id,
            "kind": task.kind,
            "result": said,
            "status": {**status, "messages": [] if good else [said]},
            "params": task.params,
        }
        self.history[task.ui_id] = json.loads(json.dumps(entry))
        told = {key: entry[key] for key in ("ui_id", "result", "kind", "status")}
        self._hub.send("cm-task-completed", told, task.client_id)

    def _install(self, params: dict[str, Any]) -> str:
        if self.strong:
            return "failed"
        version = params["selected_version"] if params["version"] != "unknown" else "unknown"
        wanted = params["files"][0] if version == "unknown" else params["id"]
        pack = next((pack for pack in PACKS if wanted in (pack.id, pack.repository)), None)
        if pack is None or (version == "unknown" and self.kind == "v4"):
            return f"Cannot resolve install target: '{wanted}@{version}'"
        name = pack.repository.rpartition("/")[2] if version == "unknown" else pack.id
        known = None if version == "unknown" else pack.id
        shown = "1.0.0" if version == "latest" else version
        self.disk.packs[name] = {"ver": shown, "cnr_id": known, "aux_id": None, "enabled": True}
        return "success"

    def _download(self, params: dict[str, Any]) -> str:
        if self.strong:
            return "failed"
        folder, _, below = params["save_path"].partition("/")
        if "missing" in params["url"]:
            return f"Model installation error: {params['url']}"
        name = f"{below}/{params['filename']}" if below else params["filename"]
        self.disk.models.setdefault(folder, set()).add(name)
        return "success"
