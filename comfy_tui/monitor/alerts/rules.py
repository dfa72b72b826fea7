"""The rules: slices of state and events in, alerts out, each once for its cause."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence

from comfy_tui.alert_settings import AlertSettings
from comfy_tui.monitor.alerts.alert import Alert
from comfy_tui.monitor.journal.row import JournalEvent
from comfy_tui.monitor.state import Connection, Health, Job, Jobs, Link, Progress, Update
from comfy_tui.text import clean, count_of, format_duration

#: So many causes are known at most; one that lasts is not forgotten for newer ones.
_REMEMBERED = 500
#: A card counts as emptier only so far below the limit: memory that swings around it is one cause.
_BACK_PERCENT = 5.0


class Rules:
    """Watches one server for what the rules say.

    Args:
        settings: the rules.
        server: its name.
        long_job_s: a job that runs longer is a long one.
        clock: the time in Unix seconds.
    """

    def __init__(
        self,
        settings: AlertSettings,
        server: str,
        *,
        long_job_s: float = 600.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._server = clean(server, 60)
        self._long_job_s = long_job_s
        self._clock = clock
        self._given: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._jobs = Jobs()
        self._progress = Progress()
        self._gone_since_s: float | None = None
        self._was_online = False
        self._told_gone = False
        self._busy_since_s: float | None = None
        self._ended_in_spell = 0
        #: By device: since when it is over the limit.
        self._full_since_s: dict[int, float] = {}
        self._full_told: set[int] = set()

    def feed(self, update: Update, events: Sequence[JournalEvent]) -> list[Alert]:
        """The alerts that a slice, and the events made of it, give."""
        found = [alert for event in events for alert in self._event(event, update)]
        match update:
            case Connection():
                found += self._connection(update)
            case Health() if update.stats is not None and update.problem is None:
                found += self._health(update)
            case Jobs() if update.read_at_s is not None and update.problem is None:
                found += self._queue(update, events)
                self._jobs = update
            case Progress():
                self._progress = update
        return [alert for alert in found if self._is_new(alert)]

    def disk(self, folder: str, free_gb: float) -> list[Alert]:
        """The alert for a disk with so little left."""
        limit = self._settings.number("disk", "free_gb")
        if free_gb >= limit:
            if free_gb > 1.2 * limit:
                self._given.pop(("disk", folder), None)
            return []
        title, words = "The disk is nearly full", f"{free_gb:.1f} GB are free at {clean(folder, 200)}"
        return [
            alert for alert in self._alert("disk", folder, title, words, "warning") if self._is_new(alert)
        ]

    def _is_new(self, alert: Alert) -> bool:
        key = (alert.rule, alert.cause)
        if key in self._given:
            self._given.move_to_end(key)
            return False
        self._given[key] = None
        if len(self._given) > _REMEMBERED:
            self._given.popitem(last=False)
        return True

    def _alert(
        self,
        rule: str,
        cause: str,
        title: str,
        message: str,
        severity: str = "information",
        **more: str | bool,
    ) -> list[Alert]:
        if not self._settings.rule(rule).on:
            return []
        words = (clean(title, 120), clean(message, 400))
        return [Alert(rule, cause, *words, severity, self._server, **more)]  # type: ignore[arg-type]

    # -- jobs ----------------------------------------------------------------------------------

    def _event(self, event: JournalEvent, update: Update) -> list[Alert]:
        if event.kind in ("lost", "gone"):
            # The console shows what it publishes itself.
            return self._alert(
                "lost", event.prompt_id or f"{event.at_s}", event.title, event.text, "warning", toasted=True
            )
        job = update.find(event.prompt_id) if isinstance(update, Jobs) and event.prompt_id else None
        if job is None or not job.ours:
            return []
        if event.kind == "done":
            ran_s = job.elapsed_s(self._clock()) or 0.0
            if ran_s >= self._settings.number("done", "after_s"):
                title = f"Done: {job.title}"
                return self._alert("done", job.prompt_id, title, event.text, prompt_id=job.prompt_id)
        if event.kind == "failed":
            return self._alert(
                "failed", job.prompt_id, f"Failed: {job.title}", event.text, "error", prompt_id=job.prompt_id
            )
        return []

    def _queue(self, jobs: Jobs, events: Sequence[JournalEvent]) -> Iterator[Alert]:
        now = self._clock()
        for job in jobs.running:
            yield from self._long(job, now)
        ended = sum(event.kind in ("done", "failed", "cancelled") for event in events)
        busy = bool(jobs.running or jobs.pending)
        if self._busy_since_s is not None:
            self._ended_in_spell += ended
            spell_s = now - self._busy_since_s
            enough = self._ended_in_spell > 1 and spell_s >= self._settings.number("queue_empty", "after_s")
            # A server that forgot its queue has not done it.
            if not busy and enough and not any(event.kind in ("lost", "gone") for event in events):
                words = f"{count_of(self._ended_in_spell, 'job')} ended in {format_duration(spell_s)}"
                yield from self._alert("queue_empty", f"{self._busy_since_s}", "The queue is empty", words)
        if not busy:
            self._busy_since_s, self._ended_in_spell = None, 0
        elif self._busy_since_s is None:
            self._busy_since_s = now

    def _long(self, job: Job, now_s: float) -> list[Alert]:
        elapsed_s = job.elapsed_s(now_s)
        if elapsed_s is None or elapsed_s < self._long_job_s:
            return []
        known = f"{job.title} has run for {format_duration(elapsed_s)}"
        if self._progress.prompt_id == job.prompt_id and self._progress.node_title:
            known += f", now at {self._progress.node_title}"
        words = known + ". Nothing is done about it by itself; x cancels it."
        return self._alert("long", job.prompt_id, "A long job", words, "warning", prompt_id=job.prompt_id)

    # -- the server ----------------------------------------------------------------------------

    def _connection(self, connection: Connection) -> list[Alert]:
        now = self._clock()
        if connection.link is Link.ONLINE:
            told, since_s = self._told_gone, self._gone_since_s
            self._was_online, self._told_gone, self._gone_since_s = True, False, None
            if told and since_s is not None:
                words = f"after {format_duration(now - since_s)}"
                return self._alert("server", f"back {since_s}", f"{self._server} answers again", words)
            return []
        if not self._was_online or connection.link is Link.CONNECTING:
            return []
        if self._gone_since_s is None:
            self._gone_since_s = now
        if now - self._gone_since_s < self._settings.number("server", "after_s") or self._told_gone:
            return []
        self._told_gone = True
        problem = connection.problem
        words = f"{problem.title}: {problem.message}" if problem is not None else "no answer"
        title = f"{self._server} does not answer"
        return self._alert("server", f"gone {self._gone_since_s}", title, words, "error")

    def _health(self, health: Health) -> Iterator[Alert]:
        limit, for_s = (self._settings.number("vram", key) for key in ("percent", "for_s"))
        now = self._clock()
        for index, device in enumerate(health.stats.devices if health.stats is not None else ()):
            used, total = device.vram_used_bytes, device.vram_total_bytes
            if not device.has_vram or used is None or not total:
                continue
            percent = 100 * used / total
            if percent <= limit:
                self._full_since_s.pop(index, None)
                if percent <= limit - _BACK_PERCENT:
                    self._full_told.discard(index)
                continue
            since_s = self._full_since_s.setdefault(index, now)
            if now - since_s >= for_s and index not in self._full_told:
                self._full_told.add(index)
                words = f"{percent:.0f} % of {clean(device.name, 60)} for {format_duration(now - since_s)}"
                yield from self._alert(
                    "vram", f"{index} {since_s}", "GPU memory is nearly full", words, "warning"
                )
