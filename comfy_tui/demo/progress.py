"""How far a running prompt is, and what a running node may ask of the server."""

from __future__ import annotations

import time
from typing import Any

from PIL import Image

from .nodes.base import Interrupted, Stopping
from .queue import Job
from .state import DemoState

#: The new version sends a bar at most this often, and not for less than this part of it.
_MIN_PAUSE_S = 0.1
_MIN_PART = 0.005
#: Nodes that print their bar into the log.
_BARS = ("KSampler", "KSamplerAdvanced")


class Progress:
    """The bars of all nodes that a prompt has touched."""

    def __init__(self, state: DemoState, job: Job) -> None:
        self._state = state
        self._job = job
        self._nodes: dict[str, dict[str, Any]] = {}
        self._sent: dict[str, tuple[float, float]] = {}
        self._began: dict[str, float] = {}

    def begin(self, node_id: str) -> None:
        """A node starts."""
        self._set(node_id, 0.0, 1.0, "running")
        self._send_state()

    def finish(self, node_id: str, *, cached: bool = False) -> None:
        """A node has ended well."""
        maximum = 1 if cached else self._nodes[node_id]["max"]
        self._set(node_id, maximum, maximum, "finished")
        self._send_state()

    def step(self, node_id: str, value: int, maximum: int, preview: Image.Image | None) -> None:
        """A node got further."""
        if not self._wanted_preview():
            preview = None
        self._set(node_id, value, maximum, "running")
        if preview is None and not self._due(node_id, value, maximum):
            return
        self._sent[node_id] = (time.monotonic(), value)
        if self._job.prompt[node_id]["class_type"] in _BARS:
            began = self._began.setdefault(node_id, time.monotonic())
            self._state.logs.bar(value, maximum, time.monotonic() - began)
        hub, client_id = self._state.hub, self._job.client_id
        self._send_state()
        if preview is not None:
            named = ("node_id", "prompt_id", "display_node_id", "parent_node_id", "real_node_id")
            entry = self._nodes[node_id]
            hub.send_preview(preview, {key: entry[key] for key in named}, client_id)
        data = {"value": value, "max": maximum, "prompt_id": self._job.prompt_id, "node": node_id}
        hub.send("progress", data, client_id)
        if preview is not None:
            hub.send_plain_preview(preview, client_id)

    def _wanted_preview(self) -> bool:
        method = "default" if self._state.legacy else self._job.extra_data.get("preview_method") or "default"
        return self._state.options.previews if method == "default" else method != "none"

    def _due(self, node_id: str, value: float, maximum: float) -> bool:
        if self._state.legacy or node_id not in self._sent or value >= maximum:
            return True
        when, before = self._sent[node_id]
        return time.monotonic() - when >= _MIN_PAUSE_S and abs(value - before) >= maximum * _MIN_PART

    def _set(self, node_id: str, value: float, maximum: float, state: str) -> None:
        self._nodes[node_id] = {
            "value": value,
            "max": maximum,
            "state": state,
            "node_id": node_id,
            "prompt_id": self._job.prompt_id,
            "display_node_id": node_id,
            "parent_node_id": None,
            "real_node_id": node_id,
        }

    def _send_state(self) -> None:
        data = {"prompt_id": self._job.prompt_id, "nodes": self._nodes}
        self._state.hub.send("progress_state", data, self._job.client_id)


class NodeContext:
    """The server as a running node sees it."""

    def __init__(self, state: DemoState, job: Job, node_id: str, progress: Progress) -> None:
        self._state = state
        self._progress = progress
        self._node_id = node_id
        self._bar_began_s = self._bar_at_s = 0.0
        self.folders = state.folders
        self.memory = state.memory
        self.prompt = job.prompt
        png = job.extra_data.get("extra_pnginfo")
        self.extra_pnginfo: dict[str, Any] = png if isinstance(png, dict) else {}

    def progress(self, value: int, maximum: int, preview: Image.Image | None = None) -> None:
        """Report a step; raises if somebody asked the prompt to stop."""
        self._look()
        self._progress.step(self._node_id, value, maximum, preview)

    def bar(self, value: int, maximum: int) -> None:
        """Draw a sampler's bar in the log, as tqdm does: at most ten times a second, and at the end."""
        now = time.monotonic()
        if value <= 1:
            self._bar_began_s, self._bar_at_s = now, 0.0
        if now - self._bar_at_s < _MIN_PAUSE_S and value < maximum:
            return
        self._bar_at_s = now
        spent = max(1e-6, now - self._bar_began_s)
        rate, filled = value / spent, value * 10 // maximum
        drawn = f"{value * 100 // maximum:3d}%|{'█' * filled}{' ' * (10 - filled)}| {value}/{maximum}"
        left = int((maximum - value) / rate)
        times = f"{int(spent) // 60:02}:{int(spent) % 60:02}<{left // 60:02}:{left % 60:02}"
        self._state.logs.write_bar(f"{drawn} [{times}, {rate:5.2f}it/s]")

    def sleep(self, seconds: float) -> None:
        """Take time, divided by the speed of the server."""
        self._state.queue.wait(seconds / max(self._state.speed, 1e-6))
        if self._state.queue.stopped:
            raise Stopping

    def hang(self, *, ignore_interrupt: bool) -> None:
        """Do not come back until interrupted, or never."""
        while True:
            self._state.queue.wait(None, watch_interrupt=not ignore_interrupt)
            self._look()

    def send_text(self, text: str) -> None:
        """Show a text on the node, on every socket."""
        self._state.hub.send_text(self._node_id, self._state.dress(text))

    def _look(self) -> None:
        if self._state.queue.stopped:
            raise Stopping
        if self._state.queue.interrupt_requested:
            raise Interrupted
