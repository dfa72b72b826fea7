"""A blocked node is told once, and is not the end of its job."""

from __future__ import annotations

import json

from comfy_tui.comfy.events import read_event
from comfy_tui.comfy.types import JobState
from comfy_tui.monitor.blocked import Blocked
from comfy_tui.monitor.changes import Changes
from comfy_tui.monitor.state import Job, Jobs

JOBS = Jobs(running=(Job("p", JobState.RUNNING, 1, "my job", True),), read_at_s=1.0)


def event(node_id: str, **changes: str) -> str:
    data = {
        "prompt_id": "p",
        "node_id": node_id,
        "node_type": "X",
        "executed": [],
        "exception_message": "Execution Blocked: the mask is empty",
        "exception_type": "ExecutionBlocked",
        "traceback": [],
        "current_inputs": [],
        "current_outputs": [],
        **changes,
    }
    return json.dumps({"type": "execution_error", "data": data})


def test_once_for_all_nodes_behind_it() -> None:
    blocked = Blocked()
    first = read_event(event("4"))
    assert first is not None
    notice = blocked.take(first, JOBS)
    assert notice is not None
    assert notice.title == "A node blocked its followers: my job"
    assert notice.message.startswith("node 4: the mask is empty.")
    [told] = Changes("box").feed(notice)
    assert (told.kind, told.prompt_id) == ("blocked", "p")
    second = read_event(event("5"))
    assert second is not None
    assert blocked.take(second, JOBS) is None


def test_a_failure_is_none() -> None:
    failed = read_event(event("4", exception_type="ValueError", exception_message="no"))
    assert failed is not None
    assert Blocked().take(failed, JOBS) is None
