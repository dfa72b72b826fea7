"""Follows the events of one running prompt: which node, how far, how fast, how many are done."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from comfy_tui.comfy.events import (
    Cached,
    Event,
    Executing,
    Interrupted,
    NodeFailed,
    NodeProgress,
    NodeStep,
    PreviewFrame,
    ProgressState,
    Started,
    Succeeded,
)
from comfy_tui.comfy.types import JobState
from comfy_tui.monitor.eta import StepRate
from comfy_tui.monitor.log_steps import LogStep
from comfy_tui.monitor.state import Preview, Progress
from comfy_tui.text import clean
from comfy_tui.workflow.parameters import nodes

#: The titles of so many prompts are kept: those that vanish from the queue have no end.
_KNOWN_PROMPTS = 500


@dataclass(frozen=True, slots=True)
class End:
    """A prompt has ended, and how, where the socket told that."""

    prompt_id: str
    outcome: JobState | None


class ProgressTracker:
    """Turns events into a :class:`Progress`; knows the node titles of prompts that we submitted.

    Args:
        clock: the time in Unix seconds, for what is shown.
        tick: a clock that never jumps, for what is measured.
    """

    def __init__(
        self, clock: Callable[[], float] = time.time, tick: Callable[[], float] = time.monotonic
    ) -> None:
        self.progress = Progress()
        self._clock, self._tick = clock, tick
        self._titles: OrderedDict[str, dict[str, str]] = OrderedDict()
        self._done: set[str] = set()
        self._cached: set[str] = set()
        self._values: dict[str, float] = {}
        self._outcome: JobState | None = None
        self._rate = StepRate()
        self._previews = 0

    def know(self, prompt_id: str, prompt: Mapping[str, Any]) -> None:
        """Remember the titles of a prompt's nodes until it has ended."""
        self._titles[prompt_id] = {node_id: clean(title, 60) for node_id, _, _, title in nodes(prompt)}
        while len(self._titles) > _KNOWN_PROMPTS:
            self._titles.popitem(last=False)

    def forget(self, prompt_id: str) -> None:
        """The prompt has ended."""
        self._titles.pop(prompt_id, None)
        if self.progress.prompt_id == prompt_id:
            self._reset(Progress())

    def feed(self, event: Event) -> End | None:
        """Take an event in; returns the end of a prompt where it is one."""
        match event:
            case Executing(prompt_id=prompt_id, node_id=None):
                outcome = self._outcome if self.progress.prompt_id == prompt_id else None
                self.forget(prompt_id)
                return End(prompt_id, outcome)
            case Executing(prompt_id=prompt_id, node_id=str(node_id), display_id=display_id):
                self._begin(prompt_id)
                self._show(node_id, display_id, "", 0, 0)
            case Started(prompt_id=prompt_id):
                self._begin(prompt_id)
            case Cached(prompt_id=prompt_id, node_ids=node_ids):
                self._begin(prompt_id)
                self._cached.update(node_ids)
                self._count()
            case ProgressState(prompt_id=prompt_id, nodes=states):
                self._begin(prompt_id)
                self._take_states(states)
            case NodeStep(prompt_id=prompt_id, node_id=node_id, value=value, max=maximum):
                self._begin(prompt_id)
                self._show(node_id, "", "", value, maximum)
            case Succeeded() | NodeFailed() | Interrupted():
                self._take_outcome(event)
            case PreviewFrame(prompt_id=prompt_id, image=image):
                if self.progress.prompt_id and prompt_id in ("", self.progress.prompt_id):
                    self._previews += 1
                    self.progress = replace(self.progress, preview=Preview(self._previews, image))
        return None

    def feed_log(self, prompt_id: str, step: LogStep) -> None:
        """Take a bar of the log in, for the one job that runs; what the socket tells of it counts more."""
        mine = self.progress.prompt_id == prompt_id
        if mine and not self.progress.from_log:
            return
        if not mine:
            self._reset(Progress(prompt_id=prompt_id, from_log=True))
        self.progress = replace(
            self.progress,
            value=step.value,
            max=step.max,
            per_s=step.per_s,
            steps_left_s=(step.max - step.value) / step.per_s if step.per_s else None,
            at_s=self._clock(),
        )

    def _take_outcome(self, event: Succeeded | NodeFailed | Interrupted) -> None:
        self._begin(event.prompt_id)
        if isinstance(event, Succeeded):
            self._outcome = JobState.COMPLETED
        elif isinstance(event, Interrupted):
            self._outcome = JobState.CANCELLED
        elif not event.blocked:
            self._outcome = JobState.FAILED

    def _begin(self, prompt_id: str) -> None:
        if self.progress.prompt_id != prompt_id or self.progress.from_log:
            total = len(self._titles.get(prompt_id, ()))
            self._reset(Progress(prompt_id=prompt_id, nodes_total=total, at_s=self._clock()))

    def _reset(self, progress: Progress) -> None:
        self._done, self._cached, self._values = set(), set(), {}
        self._outcome = None
        self._rate.clear()
        self.progress = progress

    def _take_states(self, states: Iterable[NodeProgress]) -> None:
        titles = self._titles.get(self.progress.prompt_id)
        running: list[NodeProgress] = []
        for state in states:
            if not state.finished:
                running.append(state)
            elif state.node_id in titles if titles else not state.parent_id:
                self._done.add(state.node_id)
        self._count()
        # Nodes may run side by side: the one that moved, else the one that was shown, else the latest.
        moved = [state for state in running if self._values.get(state.node_id) != state.value]
        same = [state for state in running if state.node_id == self.progress.node_id]
        self._values = {state.node_id: state.value for state in running}
        if running:
            at = (moved or same or running)[-1]
            self._show(at.node_id, at.display_id, at.real_id, at.value, at.max)

    def _count(self) -> None:
        known = self._titles.get(self.progress.prompt_id, {}).keys()
        done, cached = self._done | self._cached, self._cached
        if known:
            done, cached = done & known, cached & known
        self.progress = replace(self.progress, nodes_done=len(done), nodes_cached=len(cached))

    def _show(self, node_id: str, display_id: str, real_id: str, value: float, maximum: float) -> None:
        if not maximum and node_id == self.progress.node_id:
            return  # it is said to run again, with nothing new
        now = self._clock()
        if maximum > 1:
            self._rate.feed(node_id, value, maximum, self._tick())
        titles = self._titles.get(self.progress.prompt_id, {})
        named = next((name for name in (display_id, real_id, node_id) if name in titles), "")
        title = titles[named] if named else f"node {clean(display_id or node_id, 20)}"
        if not named and not display_id and node_id == self.progress.node_id:
            title = self.progress.node_title  # it was told before which node this one stands for
        bar = maximum > 1
        self.progress = replace(
            self.progress,
            node_id=node_id,
            node_title=title,
            value=value if bar else 0,
            max=maximum if bar else 0,
            per_s=self._rate.per_s if bar else None,
            steps_left_s=self._rate.left_s(self._tick()) if bar else None,
            at_s=now,
        )
