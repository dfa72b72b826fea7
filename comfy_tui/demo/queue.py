"""Prompts that wait, the one that runs, and those that ran."""

from __future__ import annotations

import copy
import heapq
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .record import Fate, Record, Taken

HISTORY_LIMIT = 10_000
_SECRETS = ("auth_token_comfy_org", "api_key_comfy_org")


def without_secrets(extra_data: dict[str, Any]) -> dict[str, Any]:
    """The data without the keys that only paid nodes may see."""
    return {key: value for key, value in extra_data.items() if key not in _SECRETS}


@dataclass
class Job:
    """One prompt in the queue."""

    number: int | float
    prompt_id: str
    prompt: dict[str, Any]
    extra_data: dict[str, Any]
    outputs: list[str]
    taken: Taken | None = None

    def came_to(self, fate: Fate) -> None:
        """Note it in the server's record."""
        if self.taken is not None:
            self.taken.fate = fate
            self.taken.ran |= fate is Fate.RUNNING

    def __lt__(self, other: Job) -> bool:
        return (self.number, self.prompt_id) < (other.number, other.prompt_id)

    def wire(self) -> list[Any]:
        """The five-element list that queue and history show."""
        return [self.number, self.prompt_id, self.prompt, self.extra_data, self.outputs]

    @property
    def client_id(self) -> str | None:
        """The socket that hears of this job in private."""
        found = self.extra_data.get("client_id")
        return found if isinstance(found, str) else None


@dataclass
class Outcome:
    """How a job ended, as the history tells it."""

    status_str: str = "success"
    completed: bool = True
    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def fate(self) -> Fate:
        """How it ended, in a word."""
        if any(name == "execution_interrupted" for name, _ in self.messages):
            return Fate.CANCELLED
        return Fate.COMPLETED if self.status_str == "success" else Fate.FAILED

    def wire(self, job: Job) -> dict[str, Any]:
        """The history entry."""
        messages = [[name, data] for name, data in self.messages]
        status = {"status_str": self.status_str, "completed": self.completed, "messages": messages}
        return {"prompt": job.wire(), "outputs": self.outputs, "status": status, "meta": self.meta}


class JobQueue:
    """The queue and the history, used by the event loop and by the worker thread.

    Args:
        on_change: called after every change that a ``status`` message announces.
        record: notes every prompt and its fate.
    """

    def __init__(self, on_change: Callable[[], None], record: Record | None = None) -> None:
        self._on_change = on_change
        self._record = record or Record()
        self._changed = threading.Condition(threading.RLock())
        self._pending: list[Job] = []
        self._running: Job | None = None
        self._history: dict[str, dict[str, Any]] = {}
        self._wishes: set[str] = set()
        self._granting = False
        self._stopped = False
        self._counter = 0
        self.interrupt_requested = False

    # What the event loop asks.

    def take_number(self, body: Any) -> int | float:
        """The priority of a new prompt; raises what a bad number raises."""
        if "number" in body:
            return float(body["number"])
        number = self._counter
        if "front" in body and bool(body["front"]):
            number = -number
        self._counter += 1
        return number

    def put(self, job: Job) -> None:
        """Add a prompt."""
        with self._changed:
            job.taken = self._record.take(job.prompt_id, job.prompt)
            heapq.heappush(self._pending, job)
            self._changed.notify_all()
        self._on_change()

    @property
    def remaining(self) -> int:
        """Running and pending prompts."""
        with self._changed:
            return len(self._pending) + (self._running is not None)

    @property
    def running(self) -> Job | None:
        """The job at work."""
        return self._running

    def pending(self) -> list[Job]:
        """Waiting jobs, in heap order like the real server: only the first place is meaningful."""
        with self._changed:
            return list(self._pending)

    def clear(self) -> None:
        """Drop everything that waits."""
        with self._changed:
            for job in self._pending:
                job.came_to(Fate.REMOVED)
            self._pending.clear()
            self._changed.notify_all()
        self._on_change()

    def delete(self, prompt_id: Any) -> bool:
        """Drop one waiting prompt."""
        with self._changed:
            for index, job in enumerate(self._pending):
                if job.prompt_id == prompt_id:
                    job.came_to(Fate.REMOVED)
                    del self._pending[index]
                    heapq.heapify(self._pending)
                    break
            else:
                return False
            self._changed.notify_all()
        self._on_change()
        return True

    def interrupt(self) -> None:
        """Ask the running prompt to stop at its next step."""
        with self._changed:
            self.interrupt_requested = True
            self._changed.notify_all()

    def wish(self, name: str) -> None:
        """Ask the worker to free something when it is between prompts."""
        with self._changed:
            self._wishes.add(name)
            self._changed.notify_all()

    def wait_idle(self, timeout_s: float) -> bool:
        """Block until nothing runs and nothing waits; false if that took too long."""
        with self._changed:
            return self._changed.wait_for(self._is_idle, timeout_s)

    def _is_idle(self) -> bool:
        return self._stopped or not (self.remaining or self._wishes or self._granting)

    # History.

    def history(self, max_items: int | None = None, offset: int = -1) -> dict[str, Any]:
        """Finished prompts, oldest first, cut the way the real server cuts."""
        with self._changed:
            ids = list(self._history)
            if offset < 0 and max_items is not None:
                offset = max(0, len(ids) - max_items)
            chosen: dict[str, Any] = {}
            for index, prompt_id in enumerate(ids):
                if index < offset:
                    continue
                chosen[prompt_id] = self._history[prompt_id]
                if max_items is not None and len(chosen) >= max_items:
                    break
            return chosen

    def history_entry(self, prompt_id: str) -> dict[str, Any] | None:
        """One finished prompt."""
        with self._changed:
            return self._history.get(prompt_id)

    def clear_history(self) -> None:
        """Forget all finished prompts."""
        with self._changed:
            self._history.clear()

    def delete_history(self, prompt_id: Any) -> None:
        """Forget one finished prompt."""
        with self._changed:
            self._history.pop(prompt_id, None)

    # What the worker thread asks.

    def next(self) -> tuple[Job | None, set[str]]:
        """Wait for a job or a wish; neither means that the server stops."""
        with self._changed:
            self._granting = False
            self._changed.notify_all()
            while not (self._stopped or self._pending or self._wishes):
                self._changed.wait()
            if self._stopped:
                return None, set()
            wishes, self._wishes = self._wishes, set()
            if wishes:
                self._granting = True
                return None, wishes
            self._running = heapq.heappop(self._pending)
            self.interrupt_requested = False
            job = self._running
            job.came_to(Fate.RUNNING)
        self._on_change()
        return job, set()

    def finish(self, job: Job, outcome: Outcome) -> None:
        """Move the running job into the history."""
        with self._changed:
            self._running = None
            if not self._stopped:
                job.came_to(outcome.fate)
            while len(self._history) >= HISTORY_LIMIT:
                del self._history[next(iter(self._history))]
            entry = outcome.wire(job)
            entry["prompt"] = copy.deepcopy(entry["prompt"])
            entry["prompt"][3] = without_secrets(entry["prompt"][3])
            self._history[job.prompt_id] = entry
            self._changed.notify_all()
        self._on_change()

    def wait(self, seconds: float | None, *, watch_interrupt: bool = False) -> None:
        """Pause the worker; ends early when the server stops or, if watched, at an interruption."""

        def over() -> bool:
            return self._stopped or (watch_interrupt and self.interrupt_requested)

        with self._changed:
            self._changed.wait_for(over, seconds)

    @property
    def stopped(self) -> bool:
        """Whether the server is going away."""
        return self._stopped

    def stop(self) -> None:
        """End every wait."""
        with self._changed:
            self._stopped = True
            for job in (*self._pending, *([self._running] if self._running else ())):
                job.came_to(Fate.FORGOTTEN)
            self._changed.notify_all()
