"""Sees every slice that a session publishes: lists what happened, and raises the alerts."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable

from comfy_tui.alert_settings import AlertSettings
from comfy_tui.comfy.reach import is_loopback
from comfy_tui.comfy.types import SystemStats
from comfy_tui.config import ServerProfile
from comfy_tui.monitor.alerts.alert import Alert
from comfy_tui.monitor.alerts.desk import AlertDesk, Voice, disk_folder, free_gb
from comfy_tui.monitor.alerts.rules import Rules
from comfy_tui.monitor.changes import Changes
from comfy_tui.monitor.journal.row import JournalEvent
from comfy_tui.monitor.memory_log import MemoryLog, MemoryThen
from comfy_tui.monitor.state import Happened, Health, Job, Update

#: So many events are kept in memory; the journal keeps more.
KEPT_EVENTS = 300
_DISK_EVERY_S = 60.0


class Attendant:
    """Watches over one server.

    Args:
        profile: the server.
        settings: the alerts.
        voice: how alerts are shown.
        publish: takes the list of events when it has changed.
        record: keeps an event beyond this run.
        long_job_s: a job that runs longer is a long one.
        clock: the time in Unix seconds.
    """

    def __init__(
        self,
        profile: ServerProfile,
        settings: AlertSettings,
        voice: Voice,
        publish: Callable[[Happened], None],
        record: Callable[[JournalEvent], None],
        *,
        long_job_s: float = 600.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._profile = profile
        self._settings = settings
        self._changes = Changes(profile.name, clock)
        self._rules = Rules(settings, profile.name, long_job_s=long_job_s, clock=clock)
        self._desk = AlertDesk(settings, voice, clock=clock)
        self._publish = publish
        self._record = record
        self._clock = clock
        self._events: deque[tuple[int, JournalEvent]] = deque(maxlen=KEPT_EVENTS)
        self._count = 0
        self._memory = MemoryLog(clock)
        #: When the end of a job was seen, by our clock.
        self._ends: OrderedDict[str, float] = OrderedDict()
        self._disk_look: asyncio.Task[None] | None = None
        self._disk_looked_s = 0.0

    async def close(self) -> None:
        """End what is under way."""
        if self._disk_look is not None:
            self._disk_look.cancel()
        await self._desk.close()

    def take(self, update: Update) -> None:
        """Look at a slice."""
        if isinstance(update, Health) and update.stats is not None and update.read_at_s is not None:
            self._memory.add(update.stats, update.read_at_s)
            self._look_at_disk(update.stats)
        events = self._changes.feed(update)
        for event in events:
            self.happened(event)
        for alert in self._rules.feed(update, events):
            self.alert(alert)

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

    def alert(self, alert: Alert) -> None:
        """Send an alert, and list it."""
        self._desk.send(alert)
        self.happened(
            JournalEvent(
                "alert",
                alert.title,
                alert.message,
                alert.severity,
                self._profile.name,
                alert.prompt_id,
                self._clock(),
            )
        )

    def recall(self, events: Iterable[JournalEvent]) -> None:
        """List events of earlier runs behind those of this one.

        Args:
            events: from the journal, oldest first; what this run has written is left out.
        """
        own = {(event.kind, event.at_s, event.title) for _, event in self._events}
        for event in reversed(list(events)):
            if (event.kind, event.at_s, event.title) not in own and len(self._events) < KEPT_EVENTS:
                self._count += 1
                self._events.append((self._count, event))
        self._publish(tuple(self._events))

    def memory_of(self, job: Job) -> MemoryThen | None:
        """The memory when the job ended, where this run of the console saw it end."""
        end_s = self._ends.get(job.prompt_id)
        if end_s is None:
            return None
        ran_s = job.elapsed_s(end_s)
        return self._memory.at(end_s, end_s - ran_s if ran_s is not None else None)

    def _look_at_disk(self, stats: SystemStats) -> None:
        rule = self._settings.rule("disk")
        here = is_loopback(self._profile.url)
        folder = rule.folder or (disk_folder(stats.argv) if here else None)
        if not rule.on or folder is None or self._clock() - self._disk_looked_s < _DISK_EVERY_S:
            return
        self._disk_looked_s = self._clock()

        async def look() -> None:
            free = await free_gb(folder)
            for alert in self._rules.disk(str(folder), free) if free is not None else ():
                self.alert(alert)

        self._disk_look = asyncio.create_task(look())
