"""The worker: one thread, one prompt at a time, smallest number first."""

from __future__ import annotations

import threading
import time
import traceback
from typing import Any

from .cache import Cache, signatures
from .memory import OutOfMemory
from .nodes import NODES
from .nodes.base import Interrupted, Stopping
from .progress import NodeContext, Progress
from .queue import Job, Outcome
from .state import DemoState
from .validation import type_name

_ADVICE = (
    "The (simulated) card has no room for this.\n\n"
    "TIPS: choose a smaller size or batch, or free the memory of models that are not in use."
)


class Worker(threading.Thread):
    """Takes jobs from the queue until the server stops."""

    def __init__(self, state: DemoState) -> None:
        super().__init__(name="demo-worker", daemon=True)
        self._state = state
        self._cache = Cache(keep_only_last=state.legacy)

    def run(self) -> None:
        """Work."""
        queue = self._state.queue
        while True:
            job, wishes = queue.next()
            if job is None and not wishes:
                return
            if wishes:
                self._free(wishes)
                continue
            assert job is not None
            if self._state.worker_dies or kills_worker(job):
                queue.wait(None)
                return
            try:
                self._run_job(job)
            except Stopping:
                return

    def _free(self, wishes: set[str]) -> None:
        self._state.memory.unload()
        if "free_memory" in wishes:
            self._cache.clear()

    def _run_job(self, job: Job) -> None:
        hub = self._state.hub
        started = time.monotonic()
        hub.client_id, hub.node_id = job.client_id, None
        outcome = Run(self._state, self._cache, job).execute()
        self._state.logs.write(f"Prompt executed in {time.monotonic() - started:.2f} seconds (demo)")
        hub.node_id = None
        self._state.queue.finish(job, outcome)
        if job.client_id is not None:
            hub.send("executing", {"node": None, "prompt_id": job.prompt_id}, job.client_id)
        hub.client_id = None


def kills_worker(job: Job) -> bool:
    """Whether this prompt, although accepted, ends the worker thread of a real server."""
    if not isinstance(job.extra_data, dict):
        return True
    for node in job.prompt.values():
        if not isinstance(node.get("inputs"), dict):
            return True
    for node_id in _reachable(job):
        for value in job.prompt[node_id]["inputs"].values():
            if _is_link(value) and value[0] not in job.prompt:
                return True
    return False


def _reachable(job: Job) -> set[str]:
    found: set[str] = set()
    todo = list(job.outputs)
    while todo:
        node_id = todo.pop()
        if node_id in found or node_id not in job.prompt:
            continue
        found.add(node_id)
        todo += [value[0] for value in job.prompt[node_id]["inputs"].values() if _is_link(value)]
    return found


def _is_link(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str)


class Run:
    """One prompt being executed."""

    def __init__(self, state: DemoState, cache: Cache, job: Job) -> None:
        self._state = state
        self._cache = cache
        self._job = job
        self._outcome = Outcome()
        self._progress = Progress(state, job)
        self._executed: list[str] = []
        self._keys: dict[str, str] = {}

    def execute(self) -> Outcome:
        """Run what is not cached, and tell everybody who should know."""
        job = self._job
        self._tell("execution_start", {"prompt_id": job.prompt_id})
        self._keys = signatures(job.prompt, self._state.folders)
        cached = [node_id for node_id in job.prompt if self._keys.get(node_id) in self._cache]
        self._cache.begin(self._keys.values())
        self._tell("execution_cached", {"nodes": cached, "prompt_id": job.prompt_id})
        for node_id in job.outputs:
            if node_id in cached:
                self._report_cached(node_id)
        pending = self._plan(set(cached))
        while pending:
            ready = [node_id for node_id, needs in pending.items() if not needs]
            if not ready:
                self._fail_cycle(next(iter(pending)))
                return self._outcome
            node_id = self._pick(ready, pending)
            if not self._run_node(node_id):
                return self._outcome
            del pending[node_id]
            for needs in pending.values():
                needs.discard(node_id)
        self._tell("execution_success", {"prompt_id": job.prompt_id})
        return self._outcome

    def _plan(self, cached: set[str]) -> dict[str, set[str]]:
        """Nodes to run, in the order found from the outputs, with the nodes that each waits for."""
        plan: dict[str, set[str]] = {}
        todo = [node_id for node_id in reversed(self._job.outputs) if node_id not in cached]
        while todo:
            node_id = todo.pop()
            if node_id in plan:
                continue
            links = [v[0] for v in self._job.prompt[node_id]["inputs"].values() if _is_link(v)]
            plan[node_id] = {source for source in links if source not in cached}
            todo += list(plan[node_id])
        return plan

    def _pick(self, ready: list[str], pending: dict[str, set[str]]) -> str:
        """The next node: an output if one is ready, else one that an output waits for, else any."""
        outputs = set(self._job.outputs)
        for node_id in ready:
            if node_id in outputs:
                return node_id
        for node_id in ready:
            if any(node_id in needs for other, needs in pending.items() if other in outputs):
                return node_id
        return ready[0]

    def _report_cached(self, node_id: str) -> None:
        ui = self._cache.get(self._keys[node_id]).ui
        client_id = self._job.client_id
        if client_id is not None:
            self._send_executed(node_id, ui)
        if ui is not None and (client_id is not None or self._state.legacy):
            self._keep(node_id, ui)
        self._progress.finish(node_id, cached=True)

    def _run_node(self, node_id: str) -> bool:
        """Run one node; false if that was the end of the prompt."""
        class_type = self._job.prompt[node_id]["class_type"]
        self._progress.begin(node_id)
        self._state.hub.node_id = node_id
        if self._job.client_id is not None:
            data = {"node": node_id, "display_node": node_id, "prompt_id": self._job.prompt_id}
            self._state.hub.send("executing", data, self._job.client_id)
        values: dict[str, Any] = {}
        try:
            if self._state.queue.interrupt_requested:
                raise Interrupted
            values = self._inputs(node_id)
            context = NodeContext(self._state, self._job, node_id, self._progress)
            result = NODES[class_type].run(context, values)
        except Interrupted:
            self._fail_interrupted(node_id, class_type)
            return False
        except Exception as error:
            self._fail(node_id, class_type, error, values)
            return False
        self._cache.put(self._keys[node_id], result)
        if result.ui is not None:
            if self._job.client_id is not None:
                self._send_executed(node_id, result.ui)
            self._keep(node_id, result.ui)
        self._progress.finish(node_id)
        self._executed.append(node_id)
        return True

    def _inputs(self, node_id: str) -> dict[str, Any]:
        """Literals and linked values; undeclared links arrive at the node too, and break it."""
        node = self._job.prompt[node_id]
        declared = NODES[node["class_type"]]
        names = {*declared.required, *declared.optional}
        values: dict[str, Any] = {}
        for name, value in node["inputs"].items():
            if _is_link(value):
                values[name] = self._cache.get(self._keys[value[0]]).values[value[1]]
                if name not in names:
                    raise TypeError(f"{node['class_type']}.run() got an unexpected keyword argument '{name}'")
            elif name in names:
                values[name] = value
        return values

    def _fail_interrupted(self, node_id: str, class_type: str) -> None:
        self._outcome.status_str, self._outcome.completed = "error", False
        data = {
            "prompt_id": self._job.prompt_id,
            "node_id": node_id,
            "node_type": class_type,
            "executed": list(self._executed),
        }
        self._state.logs.write("Processing interrupted")
        self._tell("execution_interrupted", data, to_all=True)

    def _fail(self, node_id: str, class_type: str, error: Exception, values: dict[str, Any]) -> None:
        self._outcome.status_str, self._outcome.completed = "error", False
        message = f"{self._state.dress(str(error))}\n"
        if isinstance(error, OutOfMemory):
            message += _ADVICE
            self._state.memory.unload()
        data = {
            "prompt_id": self._job.prompt_id,
            "node_id": node_id,
            "node_type": class_type,
            "executed": list(self._executed),
            "exception_message": message,
            "exception_type": self._state.dress(type_name(error)),
            "traceback": [self._state.dress(line) for line in traceback.format_tb(error.__traceback__)],
            "current_inputs": {name: [_as_json(value)] for name, value in values.items()},
            "current_outputs": list(self._job.prompt),
        }
        self._state.logs.write(f"!!! Exception during processing !!! {error}", "ERROR")
        self._state.logs.write("".join(traceback.format_exception(error)).rstrip("\n"), "ERROR")
        self._tell("execution_error", data)

    def _fail_cycle(self, node_id: str) -> None:
        """A cycle through an undeclared input. The status stays "success", as in a real server."""
        data = {
            "prompt_id": self._job.prompt_id,
            "node_id": node_id,
            "node_type": self._job.prompt[node_id]["class_type"],
            "executed": list(self._executed),
            "exception_message": "Dependency cycle detected",
            "exception_type": "graph.DependencyCycleError",
            "traceback": [],
            "current_inputs": {},
            "current_outputs": [],
        }
        self._tell("execution_error", data)

    def _keep(self, node_id: str, ui: dict[str, Any]) -> None:
        self._outcome.outputs[node_id] = ui
        self._outcome.meta[node_id] = {
            "node_id": node_id,
            "display_node": node_id,
            "parent_node": None,
            "real_node_id": node_id,
        }

    def _send_executed(self, node_id: str, ui: dict[str, Any] | None) -> None:
        data = {"node": node_id, "display_node": node_id, "output": ui, "prompt_id": self._job.prompt_id}
        self._state.hub.send("executed", data, self._job.client_id)

    def _tell(self, event: str, data: dict[str, Any], *, to_all: bool = False) -> None:
        data = {**data, "timestamp": int(time.time() * 1000)}
        self._outcome.messages.append((event, data))
        if self._job.client_id is not None or to_all:
            self._state.hub.send(event, data, self._job.client_id)


def _as_json(value: Any) -> Any:
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)
