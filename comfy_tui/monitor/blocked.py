"""Nodes that pass on a blocker instead of a value: told, for the history keeps no trace of it (6.4)."""

from __future__ import annotations

from collections import OrderedDict

from comfy_tui.comfy.events import Event, NodeFailed
from comfy_tui.monitor.state import Jobs, Notice
from comfy_tui.monitor.troubleshoot.diagnose import cause_of
from comfy_tui.text import clean

_REMEMBERED = 500
_PREFIX = "Execution Blocked:"


class Blocked:
    """Tells of each blocker once: every node behind it says the same."""

    def __init__(self) -> None:
        self._told: OrderedDict[tuple[str, str], None] = OrderedDict()

    def take(self, event: Event, jobs: Jobs) -> Notice | None:
        """What to tell of an event, if anything."""
        if not isinstance(event, NodeFailed) or not event.blocked:
            return None
        key = (event.prompt_id, event.message)
        if key in self._told:
            return None
        self._told[key] = None
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        job = jobs.find(event.prompt_id)
        name = clean(job.title if job is not None else event.prompt_id[:8], 80)
        words = clean(event.message.strip().removeprefix(_PREFIX).strip(), 300)
        text = f"node {clean(event.node_id, 40)}: {words}. What is behind it does not run; the job goes on."
        return Notice(f"{cause_of('blocked').title}: {name}", text, "warning", "blocked", (event.prompt_id,))
