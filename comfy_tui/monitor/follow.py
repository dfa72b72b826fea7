"""Follows queued prompts to their end: by the socket as it happens, and by asking, which always works."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.events import Event, Greeted, LogLines, PromptEvent, QueueChanged
from comfy_tui.comfy.socket import listen, socket_errors
from comfy_tui.comfy.types import JobRecord
from comfy_tui.errors import ApiError, ComfyError
from comfy_tui.monitor.log_steps import last_step
from comfy_tui.monitor.progress import ProgressTracker
from comfy_tui.monitor.state import Progress

#: Seconds between two questions about a prompt.
POLL_S = 1.5
#: So many answers in a row without the prompt mean that the server has lost it.
LOST_AFTER = 3
#: After so many seconds without any answer nobody follows any more.
GIVE_UP_S = 300.0
#: So long is waited for the socket before the first prompt is sent.
CONNECT_S = 3.0
#: A queue of many prompts is a large answer: asking takes at most this share of the time.
_BUSY_SHARE = 0.1
_SOON_S = 0.3
#: Events that nobody has taken yet; who takes them may wait for whoever reads what it says.
_MOST_EVENTS = 5000
_RECONNECT_S = (1.0, 2.0, 5.0, 15.0)


@dataclass(frozen=True, slots=True)
class Waiting:
    """It is in the queue, behind so many others."""

    before: int


@dataclass(frozen=True, slots=True)
class Running:
    """It runs; how far, where the socket told it."""

    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The server does not answer; None when it does again."""

    error: ApiError | None


@dataclass(frozen=True, slots=True)
class Ended:
    """The server is done with it."""

    record: JobRecord


@dataclass(frozen=True, slots=True)
class Lost:
    """Neither in the queue nor in the history; ``was_away`` tells that the server had been gone."""

    was_away: bool


Step = Waiting | Running | NoAnswer | Ended | Lost


class Follower:
    """Follows the prompts that were queued with one client id, one after the other.

    Use it as ``async with``: it is connected, where that is possible, when the block begins, so that
    no event of a prompt that is sent in it is missed.

    Args:
        client: the server.
        client_id: with which the prompts are sent.
        logs: also read steps from the server's log, for prompts that somebody else has sent.
    """

    def __init__(self, client: ComfyClient, *, client_id: str, logs: bool = False) -> None:
        self._client = client
        self._logs = logs
        self._client_id = client_id
        self._events: asyncio.Queue[Event] = asyncio.Queue(_MOST_EVENTS)
        #: Events of prompts that are not followed yet.
        self._later: dict[str, list[Event]] = {}
        self._connected = asyncio.Event()
        self._is_open = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._listen())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._connected.wait(), CONNECT_S)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def expect(self, prompt_id: str) -> None:
        """Keep what happens to a prompt until it is followed; to be called before it is sent."""
        self._later.setdefault(prompt_id, [])

    async def follow(self, prompt_id: str, prompt: Mapping[str, Any]) -> AsyncGenerator[Step]:
        """Give what happens to a prompt; the last step is :class:`Ended` or :class:`Lost`.

        There is no limit to how long it may take.

        Raises:
            ApiError: the server has not answered for :data:`GIVE_UP_S`.
        """
        tracker = ProgressTracker()
        tracker.know(prompt_id, prompt)
        look = _Look(self._client, prompt_id)
        over = False
        last: Step | None = None
        while last is None or not (over or time.monotonic() >= look.due_s):
            event = await self._next_event(prompt_id, look.due_s)
            if isinstance(event, Greeted | QueueChanged):
                look.hurry()
            elif isinstance(event, LogLines):
                bar = last_step(event.entries) if look.runs_alone else None
                if bar is not None:
                    tracker.feed_log(prompt_id, bar)
                    yield Running(tracker.progress)
            elif event is not None and not over:
                before = tracker.progress
                over = tracker.feed(event) is not None
                if over:
                    look.now()
                elif tracker.progress != before:
                    yield Running(tracker.progress)
            elif last is None and time.monotonic() >= look.due_s:
                for step in await look.ask():
                    if not isinstance(step, Ended | Lost):
                        yield step
                        continue
                    last = step
                    # The answer may be quicker than the events before it.
                    look.due_s = time.monotonic() + (_SOON_S if self._is_open else 0.0)
        self._later.pop(prompt_id, None)
        yield last

    async def _next_event(self, prompt_id: str, until_s: float) -> Event | None:
        """The next event of this prompt, or of the queue; None when it is time to ask."""
        kept = self._later.get(prompt_id)
        if kept:
            return kept.pop(0)
        while True:
            patience = until_s - time.monotonic()
            if patience <= 0 and self._events.empty():
                return None
            try:
                # What has come is taken first, however late it is.
                event = self._events.get_nowait()
            except asyncio.QueueEmpty:
                try:
                    event = await asyncio.wait_for(self._events.get(), patience)
                except TimeoutError:
                    return None
            if not isinstance(event, PromptEvent) or event.prompt_id in ("", prompt_id):
                return event
            if event.prompt_id in self._later:  # some events of other people's prompts come to everybody
                self._later[event.prompt_id].append(event)

    async def _listen(self) -> None:
        """Keep the socket open under the one id that the prompts were sent with."""
        failures = 0
        subscribing: asyncio.Task[None] | None = None  # held, so that it is not collected before its end
        while True:
            with contextlib.suppress(*socket_errors()):
                async with contextlib.aclosing(listen(self._client.profile, self._client_id)) as events:
                    async for event in events:
                        failures, self._is_open = 0, True
                        self._connected.set()
                        if isinstance(event, Greeted) and self._logs:
                            subscribing = asyncio.create_task(self._subscribe())
                        if self._events.full():
                            self._events.get_nowait()  # asking finds what this one told
                        self._events.put_nowait(event)
            self._is_open = False
            self._connected.set()  # nobody waits for what does not come
            await asyncio.sleep(_RECONNECT_S[min(failures, len(_RECONNECT_S) - 1)])
            failures += 1
            if subscribing is not None:
                subscribing.cancel()

    async def _subscribe(self) -> None:
        with contextlib.suppress(ComfyError):  # without it nothing else is missing
            await self._client.subscribe_logs(self._client_id)


class _Look:
    """Asks for one prompt, again and again, and draws the conclusions."""

    def __init__(self, client: ComfyClient, prompt_id: str) -> None:
        self._client = client
        self._prompt_id = prompt_id
        self._missing = 0
        self._away_since_s: float | None = None
        self._was_away = False
        self._running = False
        #: Whether it runs, and nothing else does: then bars in the log are its own.
        self.runs_alone = False
        self._not_before_s = 0.0
        #: When to ask next, by the monotonic clock.
        self.due_s = 0.0

    def now(self) -> None:
        """It has ended: its record is there, or will be in a moment."""
        self.due_s = 0.0

    def hurry(self) -> None:
        """The queue has changed: ask soon, if it may have begun to run by that."""
        if not self._running:
            self.due_s = min(self.due_s, max(time.monotonic(), self._not_before_s))

    async def ask(self) -> list[Step]:
        """Ask once."""
        began = time.monotonic()
        try:
            found = await self._find()
        except ApiError as error:
            self.due_s = time.monotonic() + POLL_S
            return self._no_answer(error)
        cost = time.monotonic() - began
        self._running = isinstance(found, Running)
        self._not_before_s = time.monotonic() + max(_SOON_S, cost / _BUSY_SHARE)
        self.due_s = time.monotonic() + max(POLL_S, cost / _BUSY_SHARE)
        steps: list[Step] = []
        if self._away_since_s is not None:
            self._away_since_s = None
            steps.append(NoAnswer(None))
        self._missing = self._missing + 1 if found is None else 0
        if found is not None:
            steps.append(found)
        elif self._missing >= LOST_AFTER:
            steps.append(Lost(self._was_away))
        return steps

    def _no_answer(self, error: ApiError) -> list[Step]:
        now = time.monotonic()
        if self._away_since_s is not None:
            if now - self._away_since_s >= GIVE_UP_S:
                raise error
            return []
        self._away_since_s, self._was_away = now, True
        return [NoAnswer(error)]

    async def _find(self) -> Step | None:
        record = await self._client.history_entry(self._prompt_id)
        if record is None:
            queue = await self._client.queue()
            self.runs_alone = [job.prompt_id for job in queue.running] == [self._prompt_id]
            if any(job.prompt_id == self._prompt_id for job in queue.running):
                return Running()
            for place, job in enumerate(queue.pending):
                if job.prompt_id == self._prompt_id:
                    return Waiting(place + len(queue.running))
            # It may have ended between the two questions.
            record = await self._client.history_entry(self._prompt_id)
        return Ended(record) if record is not None else None
