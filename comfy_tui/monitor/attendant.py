"""Sees every slice that a session publishes: lists what happened, and raises the alerts."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable

from comfy_tui.monitor.changes import Changes
from comfy_tui.monitor.journal.row import JournalEvent
from comfy_tui.monitor.memory_log import MemoryLog, MemoryThen
from comfy_tui.monitor.state import Happened, Health, Job, Update

#: So many events are kept in memory; the journal keeps more.
KEPT_EVENTS = 300


class Attendant:
    """Watches over one server.

    Args:
        server: its name.
        publish: takes the list of events when it has changed.
        record: keeps an event beyond this run.
        clock: the time in Unix seconds.
    """

    def __init__(
        self,
        server: str,
        publish: Callable[[Happened], None],
        record: Callable[[JournalEvent], None],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._changes = Changes(server, clock)
        self._publish = publish
        self._record = record
        self._events: deque[tuple[int, JournalEvent]] = deque(maxlen=KEPT_EVENTS)
        self._count = 0
        self._memory = MemoryLog(clock)
        #: When the end of a job was seen, by our clock.
        self._ends: OrderedDict[str, float] = OrderedDict()

    def take(self, update: Update) -> None:
        """Look at a slice."""
        if isinstance(update, Health) and update.stats is not None and update.read_at_s is not None:
            self._memory.add(update.stats, update.read_at_s)
        events = self._changes.feed(update)
        for event in events:
            self.happened(event)

    def happened(self, event: JournalEvent) -> None:
        """List an event, and keep it."""
        if event.prompt_id and event.kind in ("done", "failed", "cancelled"):
            self._ends[event.prompt_id] = event.at_s
            if len(self._ends) > KEPT_EVENTS:
                self._ends.popitem(last=False)
        self._record(event)
        self._count += 1
        self._events.appendleft((self._count, event))
        self._publish(tuple(self._events))

    def memory_of(self, job: Job) -> MemoryThen | None:
        """The memory when the job ended, where this run of the console saw it end."""
        end_s = self._ends.get(job.prompt_id)
        if end_s is None:
            return None
        ran_s = job.elapsed_s(end_s)
        return self._memory.at(end_s, end_s - ran_s if ran_s is not None else None)
