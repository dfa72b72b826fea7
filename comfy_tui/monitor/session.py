"""Everything about one server: asks it, keeps what it said, acts on it.

It knows no screen: what changes is handed to ``publish`` as a frozen slice of state.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.events import Event, Greeted, QueueChanged, Started
from comfy_tui.comfy.types import Submitted, SystemStats
from comfy_tui.config import ServerProfile
from comfy_tui.errors import ApiError, ComfyError, ConfigError, Refused, TimedOut, Unreachable
from comfy_tui.monitor.attendant import Attendant
from comfy_tui.monitor.blocked import Blocked
from comfy_tui.monitor.control import Cancelled, Control, used_ram_bytes, used_vram_bytes
from comfy_tui.monitor.doubles import Doubles
from comfy_tui.monitor.freeing import Freeing
from comfy_tui.monitor.gpu_watch import GpuWatch, others_words
from comfy_tui.monitor.jobs import JobTracker
from comfy_tui.monitor.journal import Journal
from comfy_tui.monitor.journal.shelf import Shelf
from comfy_tui.monitor.keeping import Keeping
from comfy_tui.monitor.live import Live
from comfy_tui.monitor.poller import Poller
from comfy_tui.monitor.progress_feed import ProgressFeed
from comfy_tui.monitor.register import Register
from comfy_tui.monitor.standstill import Signs
from comfy_tui.monitor.state import (
    Connection,
    GpuUse,
    Health,
    Jobs,
    Link,
    Problem,
    Source,
    Standstill,
    Update,
)
from comfy_tui.monitor.submit import Outbox, Submission
from comfy_tui.monitor.usual import Usual
from comfy_tui.options import Pace
from comfy_tui.text import clean

__all__ = ["Attendant", "Session", "short_id"]

T = TypeVar("T")
#: How many polls the memory history holds.
HISTORY_POINTS = 120
#: Details of ended jobs that did not fit into a poll come with another one, after so long.
_REST_S = 1.0


class Session:
    """One server, watched.

    Args:
        profile: its address and credentials.
        publish: takes each slice that has changed; called on the event loop.
        install_id: marks the jobs of this person's consoles.
        interval_s: seconds between two polls.
        history_items: how many ended jobs are kept.
        readonly: change nothing on the server.
        clock: the time in Unix seconds.
        pace: how patient it is.
        journal: keeps every job; without one, it lasts as long as this session.
    """

    def __init__(
        self,
        profile: ServerProfile,
        publish: Callable[[Update], None],
        *,
        install_id: str,
        interval_s: float = 5.0,
        history_items: int = 50,
        readonly: bool = False,
        clock: Callable[[], float] = time.time,
        pace: Pace = Pace(),
        journal: Journal | None = None,
    ) -> None:
        self.profile = profile
        self.client = ComfyClient(profile, timeout_s=pace.timeout_s, readonly=readonly)
        self.connection = Connection(profile.name, profile.url, readonly=readonly or profile.readonly)
        self.health = Health()
        self.jobs = Jobs()
        self._publish = publish
        self._clock = clock
        self.live = Live(
            self.client,
            on_event=self._take_event,
            on_change=self._set_source,
            on_gap=self._gap,
            reconnect_s=pace.reconnect_s,
            deaf_s=pace.deaf_s,
        )
        #: How often the socket may have missed something.
        self.gaps = 0
        self.journal = journal or Journal(None)
        self._own_journal = journal is None
        self.shelf = Shelf(self.journal, profile.url, profile.name, clock=clock)
        self._blocked = Blocked()
        self._tracker = JobTracker(
            self.client,
            install_id=install_id,
            history_items=history_items,
            clock=clock,
            on_read=lambda record: self.register.learned(record),
            told=lambda: self.live.source is Source.LIVE,
        )
        self.register = Register(
            self.client, self.shelf, job_of=self._tracker.job_of, interval_s=interval_s, clock=clock
        )
        self._outbox = Outbox(
            self.client,
            client_id=lambda: self.live.client_id,
            install_id=install_id,
            shelf=self.shelf,
            on_sending=lambda submission: self._progress.know(submission, self.live.client_id),
            on_accepted=self.register.accepted,
            look_delays_s=pace.look_delays_s,
        )
        self.control = Control(self.client, self._outbox, self.submit, self.register)
        #: What a person does with jobs that the journal keeps; see :meth:`keep`.
        self._keeping = Keeping(self.client, self.shelf, self._outbox, self.register)
        self._progress = ProgressFeed(publish)
        self._usual = Usual(self.shelf)
        self._doubles = Doubles(self.client, publish)
        self._poller = Poller(self._tick, interval_s)
        self._last_point_s = 0.0
        self._freeing = Freeing(self.control)
        self._gpu = GpuWatch(profile.url, self._take_gpu)
        self.standstill = Standstill()
        self._signs = Signs(patience_s=pace.standstill_s, cancel_patience_s=pace.cancel_s, clock=clock)

    # -- life ----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Watch until cancelled, then close the connections."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._poller.run())
                group.create_task(self.live.run())
        finally:
            self._progress.close()
            await self._gpu.close()
            await self.client.close()
            if self._own_journal:
                await self.journal.close()

    def poke(self) -> None:
        """Ask the server as soon as possible: something was done to its jobs."""
        self._tracker.hurry()
        self._poller.poke()

    def refresh(self) -> None:
        """Ask the server for everything that is shown, as soon as possible."""
        self._tracker.hurry(history=True)
        self._poller.poke()

    def pause(self, paused: bool) -> None:
        """Stop asking, or go on."""
        self._poller.pause(paused)
        self._set_connection(paused=paused)

    # -- polling -------------------------------------------------------------------------------

    async def _tick(self) -> bool:
        asked_at_s = self._clock()
        health, jobs = await asyncio.gather(_outcome(self.client.system_stats), _outcome(self._tracker.read))
        self._take_health(health)
        await self._take_jobs(jobs, asked_at_s)
        errors = [result for result in (health, jobs) if isinstance(result, ComfyError)]
        if len(errors) == 2:
            self._lost(errors[0])
            return False
        if self.connection.link is not Link.ONLINE:
            self.live.hurry()
        self._set_connection(
            link=Link.ONLINE,
            problem=None,
            retry_at_s=None,
            last_answer_s=self._clock(),
            response_time_s=self.client.response_time_s,
        )
        if self._tracker.unfinished:
            self._poller.hasten(_REST_S)
        freed = self._freeing.polled(self.jobs, self.health.stats)
        if freed is not None:
            self._publish(freed)
        return True

    def _lost(self, error: ComfyError) -> None:
        """Nothing was answered: keep what is known, with its age, and say when we ask again."""
        offline = isinstance(error, Unreachable | TimedOut)
        self._tracker.forget()
        self._set_connection(
            link=Link.OFFLINE if offline else Link.FAULTY,
            problem=Problem.of(error),
            retry_at_s=self._clock() + self._poller.wait_after_failure_s(),
        )

    def _take_health(self, result: SystemStats | ComfyError) -> None:
        if isinstance(result, ComfyError):
            self._set_health(replace(self.health, problem=Problem.of(result)))
            return
        now = self._clock()
        self._signs.vram(used_vram_bytes(result))
        past = self.health.vram_past
        shares = tuple(_share(device.vram_used_bytes, device.vram_total_bytes) for device in result.devices)
        if len(past) != len(shares):
            past = tuple(() for _ in shares)
        ram = _share(used_ram_bytes(result), result.ram_total_bytes)
        ram_past = self.health.ram_past
        # Pokes come in bursts: the past has a point for each interval, not for each question.
        if not ram_past or now - self._last_point_s >= 0.8 * self._poller.interval_s:
            self._last_point_s = now
            past = tuple((*old, share)[-HISTORY_POINTS:] for old, share in zip(past, shares, strict=True))
            ram_past = (*ram_past, ram)[-HISTORY_POINTS:]
        self._set_health(
            Health(stats=result, read_at_s=now, vram_past=past, ram_past=ram_past, gpu=self.health.gpu)
        )
        self._gpu.polled(result)

    async def _take_jobs(self, result: Jobs | ComfyError, asked_at_s: float) -> None:
        if isinstance(result, ComfyError):
            self.register.missed(result)
            await self.register.refresh()
            self._set_jobs(self._with_kept(replace(self.jobs, problem=Problem.of(result))))
            return
        # At once: what comes by the socket from here on is newer than this answer.
        self.live.polled(tuple(job.prompt_id for job in (*result.running, *result.pending)))
        self._progress.polled(result)
        for notice in await self.register.take(result, asked_at_s):
            self._publish(notice)
        if self.health.stats is not None:
            self.register.take_memory(self.health.stats, result)
        self._set_jobs(self._with_kept(await self._usual.told(result)))
        self._look_for_signs(result)
        await self._doubles.take_out(result, self._tracker.twice)

    def _look_for_signs(self, jobs: Jobs) -> None:
        """Publish what speaks for a job that stands still."""
        told = self.live.source is Source.LIVE and any(
            job.client_id == self.live.client_id for job in jobs.running
        )
        found = self._signs.polled(jobs, told=told, hears_logs=bool(self.live.hears_logs))
        if found != self.standstill:
            self.standstill = found
            self._publish(found)

    # -- the socket ----------------------------------------------------------------------------

    def _gap(self) -> None:
        self.gaps += 1
        self._tracker.changed()
        self._poller.poke()

    def _set_source(self, source: Source, why: str) -> None:
        self._set_connection(source=source, source_why=why)

    def _take_event(self, event: Event) -> None:
        self._signs.take(event)
        if notice := self._blocked.take(event, self.jobs):
            self._publish(notice)
        match event:
            case Greeted() | QueueChanged():
                self._tracker.changed()
                if event.remaining != len(self.jobs.running) + len(self.jobs.pending):
                    self._poller.poke()
                return
            case Started(prompt_id=prompt_id):
                self._tracker.began(prompt_id)
        before = self._progress.progress.prompt_id
        ended = self._progress.take(event, self.jobs)
        if ended or self._progress.progress.prompt_id != before:
            # It runs now, by the socket; as many are left as before, so that nothing else asks.
            self._tracker.changed()
            self._poller.poke()

    # -- actions -------------------------------------------------------------------------------

    async def submit(self, submission: Submission) -> Submitted:
        """Queue a prompt; see :class:`~comfy_tui.monitor.submit.Outbox`."""
        try:
            return await self._outbox.submit(submission)
        except Refused:
            self._progress.forget(submission.prompt_id)
            raise
        finally:
            await self.show_kept()

    async def send_again(self, prompt_id: str) -> Submitted | None:
        """Send an unconfirmed submission again, after looking for it."""
        try:
            return await self._outbox.send_again(prompt_id)
        finally:
            await self.show_kept()

    async def discard_unsent(self, prompt_id: str) -> None:
        """Forget an unconfirmed submission."""
        await self._outbox.discard(prompt_id)
        await self.show_kept()

    async def keep(self, call: Callable[[Keeping], Awaitable[T]]) -> T:
        """Do something with kept jobs, then show what is kept now."""
        try:
            return await call(self._keeping)
        finally:
            await self.show_kept()

    async def keep_unsent(self, submission: Submission, error: ComfyError) -> None:
        """Keep a submission until the server is back and a person says so."""
        await self.keep(lambda keeping: keeping.keep(submission, error))

    async def show_kept(self) -> None:
        """Publish what the journal keeps for a person, and ask the server soon."""
        if not self.journal.closed:
            await self.register.refresh()
            self._set_jobs(self._with_kept(self.jobs))
            self.poke()

    def _with_kept(self, jobs: Jobs) -> Jobs:
        return replace(jobs, unsent=self.register.unsent, kept=self.register.kept)

    async def delete_history(self, prompt_ids: Sequence[str]) -> None:
        """Delete ended jobs from the server's history; files stay where they are."""
        await self.client.delete_history(prompt_ids)
        await self.shelf.dismiss(prompt_ids)  # nor are they listed from the journal any more
        self.refresh()  # older servers do not tell that an older entry is gone

    async def free(self, *, unload_models: bool, free_memory: bool) -> str:
        """Free memory; returns what became of it in words, read from the server."""
        try:
            words = await self._freeing.free(self.jobs, unload_models=unload_models, free_memory=free_memory)
            return words + others_words(await self._gpu.look_now(self.health.stats))
        finally:
            self._poller.poke()

    def _take_gpu(self, use: GpuUse | None) -> None:
        if use != self.health.gpu:
            self._set_health(replace(self.health, gpu=use))

    async def cancel(self, prompt_ids: Iterable[str]) -> Cancelled:
        """Cancel exactly these jobs; one that does not stop is told of in :attr:`standstill`."""
        try:
            cancelled = await self.control.cancel(prompt_ids)
            self._signs.cancel_asked(cancelled.interrupted)
            return cancelled
        finally:
            self.poke()

    # -- publishing ----------------------------------------------------------------------------

    def _set_connection(self, **changes: Any) -> None:
        self.connection = replace(self.connection, **changes)
        self._publish(self.connection)

    def _set_health(self, health: Health) -> None:
        self.health = health
        self._publish(health)

    def _set_jobs(self, jobs: Jobs) -> None:
        self.jobs = jobs
        self._publish(jobs)


async def _outcome(call: Callable[[], Awaitable[T]]) -> T | ComfyError:
    """A call's result or its expected error, as a value."""
    try:
        return await call()
    except (ApiError, ConfigError) as error:
        return error


def _share(part: int | None, whole: int | None) -> float:
    return part / whole if part is not None and whole else 0.0


def short_id(prompt_id: str) -> str:
    """The first eight characters of a prompt id."""
    return clean(prompt_id, 200)[:8]
