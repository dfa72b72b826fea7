"""Sees every slice that a session publishes: lists what happened, and raises the alerts."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from comfy_tui.monitor.changes import Changes
from comfy_tui.monitor.journal.row import JournalEvent
from comfy_tui.monitor.state import Happened, Update

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

    def take(self, update: Update) -> None:
        """Look at a slice."""
        events = self._changes.feed(update)
        for event in events:
            self.happened(event)

    def happened(self, event: JournalEvent) -> None:
        """List an event, and keep it."""
        self._record(event)
        self._count += 1
        self._events.appendleft((self._count, event))
        self._publish(tuple(self._events))
