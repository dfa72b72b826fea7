"""Follows the events of one running prompt: which node, how far, how many are done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comfy_tui.comfy.events import Cached, Event, Executing, ProgressState
from comfy_tui.monitor.state import Progress
from comfy_tui.text import clean
from comfy_tui.workflow.parameters import nodes


class ProgressTracker:
    """Turns events into a :class:`Progress`; knows the node titles of prompts that we submitted."""

    def __init__(self) -> None:
        self.progress = Progress()
        self._titles: dict[str, dict[str, str]] = {}
        self._done: set[str] = set()

    def know(self, prompt_id: str, prompt: Mapping[str, Any]) -> None:
        """Remember the titles of a prompt's nodes until it has ended."""
        self._titles[prompt_id] = {node_id: clean(title, 60) for node_id, _, _, title in nodes(prompt)}

    def forget(self, prompt_id: str) -> None:
        """The prompt has ended."""
        self._titles.pop(prompt_id, None)
        if self.progress.prompt_id == prompt_id:
            self.progress = Progress()

    def feed(self, event: Event) -> bool:
        """Take an event in; returns whether a prompt of ours has ended."""
        match event:
            case Executing(prompt_id=prompt_id, node_id=None):
                self.forget(prompt_id)
                return True
            case Executing(prompt_id=prompt_id, node_id=str(node_id)):
                self._begin(prompt_id)
                if node_id != self.progress.node_id:
                    self._show(node_id, 0, 0)
            case Cached(prompt_id=prompt_id, node_ids=node_ids):
                self._begin(prompt_id)
                self._done.update(node_ids)
            case ProgressState(prompt_id=prompt_id, nodes=states):
                self._begin(prompt_id)
                self._done.update(state.node_id for state in states if state.finished)
                running = next((state for state in reversed(states) if not state.finished), None)
                if running is not None:
                    self._show(running.node_id, running.value, running.max)
        return False

    def _begin(self, prompt_id: str) -> None:
        if self.progress.prompt_id != prompt_id:
            self._done = set()
            self.progress = Progress(prompt_id=prompt_id, nodes_total=len(self._titles.get(prompt_id, ())))

    def _show(self, node_id: str, value: float, maximum: float) -> None:
        titles = self._titles.get(self.progress.prompt_id, {})
        self.progress = Progress(
            prompt_id=self.progress.prompt_id,
            node_id=node_id,
            node_title=titles.get(node_id, f"node {clean(node_id, 20)}"),
            value=value,
            max=maximum,
            nodes_done=len(self._done & titles.keys()) if titles else len(self._done),
            nodes_total=len(titles),
        )
