"""Installs what a workflow lacks through a server's Manager, and follows it to its true result.

A plan says what will be asked; the screen asks the person; :meth:`Installer.run` follows the task;
:meth:`Installer.restart` is asked for separately (manager-and-models, section 2).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.events import Event, Greeted, ManagerStatus
from comfy_tui.comfy.http import ConnectionBroke
from comfy_tui.comfy.manager import Manager
from comfy_tui.comfy.manager_queue import ManagerQueue, QueueCounts, TaskEnd, TaskState, read_ends
from comfy_tui.comfy.manager_rules import instead
from comfy_tui.errors import ApiError, BadReply, Refused, ServerError, TimedOut, Unreachable
from comfy_tui.monitor import restart
from comfy_tui.monitor.install_plan import InstallPlan, can_install, make_plan
from comfy_tui.monitor.live import Live
from comfy_tui.monitor.restart import RestartPlan, RestartProgress, RestartResult
from comfy_tui.monitor.state import Source
from comfy_tui.workflow.advice import Advice

__all__ = ["InstallPlan", "InstallProgress", "InstallResult", "Installer", "Outcome", "can_install"]

STEP_S = 1.0
PATIENCE_S = 3600.0
#: After so many idle polls a task that the Manager says nothing about has no result to wait for.
_QUIET_STEPS = 6
#: A Manager whose worker died is started so many times again (section 2.1).
_MOST_STARTS = 3
#: A socket that is not open is waited for so long before an old Manager is asked.
_CONNECT_S = 10.0


class Outcome(StrEnum):
    """What became of an install."""

    #: A model that the server lists now.
    INSTALLED = "installed"
    #: The Manager says success; a pack counts only after a restart.
    NEEDS_RESTART = "restart needed"
    #: The Manager did nothing, because it holds that nothing is to be done.
    SKIPPED = "skipped"
    #: It tried and failed.
    FAILED = "failed"
    #: Its rules forbid it.
    REFUSED = "refused"
    #: It took the task, and what became of it was not told.
    UNKNOWN = "unknown"
    #: Nobody waited for the end; the Manager goes on by itself.
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class InstallProgress:
    """How far it is, after each poll. Counts are of the Manager's whole queue."""

    text: str
    done: int
    total: int
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class InstallResult:
    """How it ended. ``message`` may hold the Manager's own words."""

    outcome: Outcome
    title: str
    message: str = ""
    hint: str = ""

    @property
    def ok(self) -> bool:
        """Whether the Manager says that it did it."""
        return self.outcome in (Outcome.INSTALLED, Outcome.NEEDS_RESTART)

    @property
    def offers_restart(self) -> bool:
        """Whether a restart is the next step, or can tell more."""
        return self.outcome in (Outcome.NEEDS_RESTART, Outcome.SKIPPED, Outcome.UNKNOWN)


class Installer:
    """Installs on one server.

    Args:
        client: the server.
        manager: its Manager, from :meth:`ComfyClient.manager`.
        live: the server's socket: an old Manager tells results only there.
        step_s: seconds between two questions.
        patience_s: after so many seconds a result is not waited for any more.
        clock: a time that only grows.
    """

    def __init__(
        self,
        client: ComfyClient,
        manager: Manager,
        live: Live,
        *,
        step_s: float = STEP_S,
        patience_s: float = PATIENCE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.client = client
        self.manager = manager
        self._live = live
        self._step_s = step_s
        self._patience_s = patience_s
        self._clock = clock

    async def plan(self, advice: Advice, version: str | None = None) -> InstallPlan:
        """What would be asked of the Manager; see :func:`~comfy_tui.monitor.install_plan.make_plan`."""
        return await make_plan(self.client, self.manager, advice, version)

    async def run(
        self, plan: InstallPlan, leave: asyncio.Event | None = None
    ) -> AsyncGenerator[InstallProgress | InstallResult]:
        """Do it, once. Gives progress, and as the last value the result, whatever it is.

        A task cannot be taken back: ``leave``, when set, ends the waiting only.

        Raises:
            ApiError, ReadOnlyError: the Manager could not be asked; nothing was begun.
        """
        if plan.task is None or not plan.possible:
            why = plan.why_not or plan.rule
            yield InstallResult(Outcome.REFUSED, "The Manager cannot do this", why, plan.instead)
            return
        ui_id = str(uuid.uuid4())
        queue = self.client.manager_queue(self.manager, f"comfy-tui-{uuid.uuid4().hex}")
        news = _News(self._live)
        try:
            if not self.manager.keeps_history:
                await news.connected()
            try:
                await queue.install(ui_id, plan.task)
            except Refused as error:
                yield InstallResult(Outcome.REFUSED, error.title, error.message, error.hint)
                return
            except (TimedOut, ConnectionBroke):
                pass  # the Manager may have it all the same: what it says of the task tells
            async for value in self._follow(plan, ui_id, queue, news, leave):
                yield value
        finally:
            news.close()

    async def _follow(
        self,
        plan: InstallPlan,
        ui_id: str,
        queue: ManagerQueue,
        news: _News,
        leave: asyncio.Event | None,
    ) -> AsyncGenerator[InstallProgress | InstallResult]:
        began = self._clock()
        watch = _Watch(queue)
        while True:
            end = news.ended.get(ui_id) or await watch.look(ui_id)
            if end is not None:
                yield await self._conclude(plan, end)
                return
            if watch.silent:
                yield await self._unheard(plan, news)
                return
            elapsed = self._clock() - began
            if elapsed > self._patience_s:
                text = f"The Manager did not tell its result in {self._patience_s:.0f} s; it may go on."
                yield InstallResult(Outcome.UNKNOWN, "No result", text, "Look at the server's log.")
                return
            yield watch.progress(elapsed, at_work=news.at == ui_id)
            if await restart.left(leave, self._step_s):
                text = "What the Manager has begun cannot be taken back; it goes on by itself."
                yield InstallResult(Outcome.LEFT, "Not waited for", text, "Look at the server's log.")
                return

    async def _conclude(self, plan: InstallPlan, end: TaskEnd) -> InstallResult:
        """The Manager's word, in a person's."""
        if end.forbidden:
            return InstallResult(
                Outcome.REFUSED,
                "The Manager does not allow this",
                f"{plan.rule} It gives its reason in the server's log only.",
                plan.instead,
            )
        if end.state is TaskState.ERROR:
            message = end.message or "It does not say why."
            return InstallResult(Outcome.FAILED, f"{plan.what} was not installed", message, _hint(end, plan))
        if not plan.needs_restart:
            return await self._look_for_model(plan, end)
        if end.state is TaskState.SKIPPED:
            message = end.message or "It holds that the pack is there already."
            hint = "If its nodes are missing, restart ComfyUI; else see in its log why the pack did not load."
            return InstallResult(Outcome.SKIPPED, "The Manager did nothing", message, hint)
        text = "Its nodes are there after ComfyUI is restarted, if the pack loads."
        return InstallResult(Outcome.NEEDS_RESTART, f"{plan.what} is on the server", text)

    async def _look_for_model(self, plan: InstallPlan, end: TaskEnd | None) -> InstallResult:
        """Whether the server lists the file: only that is installed."""
        try:
            there = await _lists(self.client, plan.target, plan.what)
        except ApiError as error:
            hint = "Look at its list of models."
            return InstallResult(Outcome.UNKNOWN, "The server cannot be asked for the file", str(error), hint)
        if there and end is not None and end.state is not TaskState.ERROR:
            return InstallResult(Outcome.INSTALLED, f"{plan.what} is in {plan.target}")
        said = "The Manager's result was not heard" if end is None else f"The Manager says {end.state}"
        lists = "lists the file" if there else f"does not list the file in {plan.target}"
        text = f"{said}, and the server {lists}."
        return InstallResult(Outcome.UNKNOWN, "Not certain", text, "Look at the server's log.")

    async def _unheard(self, plan: InstallPlan, news: _News) -> InstallResult:
        """The Manager is idle and has told nothing of our task."""
        if not plan.needs_restart:
            return await self._look_for_model(plan, None)
        if self.manager.keeps_history:
            text = "The Manager does not know the task, or not any more: was ComfyUI restarted meanwhile?"
        elif news.gap:
            text = "The Manager tells a result only once, on the socket, and the socket broke meanwhile."
        else:
            text = "The Manager is idle and has told no result."
        hint = "Look at the server's log, or restart ComfyUI and see whether the nodes are there."
        return InstallResult(Outcome.UNKNOWN, "The result was not heard", text, hint)

    async def plan_restart(self) -> RestartPlan:
        """What a restart would hit: ask the person with it.

        Raises:
            ApiError: the server does not answer.
        """
        return await restart.make_plan(self.client, self.manager)

    async def restart(
        self,
        classes: Sequence[str] = (),
        leave: asyncio.Event | None = None,
        *,
        patience_s: float = restart.PATIENCE_S,
        unseen_s: float = restart.UNSEEN_S,
    ) -> AsyncGenerator[RestartProgress | RestartResult]:
        """Restart ComfyUI, wait until it answers anew, and look for these node classes.

        Gives progress, and as the last value the result.

        Raises:
            Refused: the Manager's rules forbid it; with the rule, and what to do instead.
            ApiError, ReadOnlyError: the Manager could not be asked.
        """
        waiting = restart.Restart(
            self.client,
            self.manager,
            step_s=self._step_s,
            patience_s=patience_s,
            unseen_s=unseen_s,
            clock=self._clock,
        )
        async for value in waiting.run(classes, leave):
            yield value


class _News:
    """What an old Manager tells once, on the console's one socket (manager-and-models, section 2.3).

    Attributes:
        ended: results of tasks so far, by their ``ui_id``.
        at: the task that the Manager is at; empty where it is at none.
    """

    def __init__(self, live: Live) -> None:
        self._live = live
        self._greeted = asyncio.Event()
        self._missed = False
        self.ended: dict[str, TaskEnd] = {}
        self.at = ""
        #: Hears no more.
        self.close = live.hear(self._take)

    @property
    def gap(self) -> bool:
        """Whether something may have been missed since :meth:`connected`."""
        return self._missed or self._live.source is not Source.LIVE

    async def connected(self) -> None:
        """Wait until the socket is open; where it does not open in some seconds there is a gap, no error."""
        if self._live.source is not Source.LIVE:
            self._live.hurry()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._greeted.wait(), _CONNECT_S)
        self._missed = self._live.source is not Source.LIVE

    def _take(self, event: Event) -> None:
        if isinstance(event, Greeted):
            self._missed = True  # connected anew: what was told before it went by
            self._greeted.set()
        elif isinstance(event, ManagerStatus):
            self.ended.update(read_ends(event))
            self.at = event.target


class _Watch:
    """Asks the Manager for a task again and again, and starts it again where its worker died."""

    def __init__(self, queue: ManagerQueue) -> None:
        self._queue = queue
        self._counts: QueueCounts | None = None
        self._problem = ""
        self._quiet = 0
        self._starts = 0

    @property
    def silent(self) -> bool:
        """Whether the Manager has been idle for so long that no result will come."""
        return self._quiet >= _QUIET_STEPS

    async def look(self, ui_id: str) -> TaskEnd | None:
        """The task's end, if the Manager tells it now."""
        try:
            counts = await self._queue.counts()
            end = await self._queue.result(ui_id)  # asked last: what ended meanwhile is in it
        except (Unreachable, TimedOut, ServerError, BadReply, Refused) as error:
            self._problem = error.message or error.title
            return None
        self._counts, self._problem = counts, ""
        if end is not None:
            return end
        idle = not counts.processing and not counts.running
        self._quiet = self._quiet + 1 if idle else 0
        if idle and counts.waiting and self._starts < _MOST_STARTS:
            self._starts += 1
            self._quiet = 0
            await self._start()
        return None

    async def _start(self) -> None:
        try:
            await self._queue.start()
        except ApiError as error:
            self._problem = error.message or error.title

    def progress(self, elapsed_s: float, *, at_work: bool) -> InstallProgress:
        """What was seen last."""
        counts = self._counts
        if self._problem:
            text = f"The server does not tell: {self._problem}"
        elif at_work or (counts is not None and counts.running == 1 and not counts.waiting):
            text = "The Manager is at it"
        else:
            text = "In the Manager's queue"
        if counts is None:
            return InstallProgress(text, 0, 0, elapsed_s)
        # Version 4 counts in total what is left, version 3 everything (section 2.1).
        total = counts.total if counts.waiting is None else counts.done + counts.total
        return InstallProgress(text, counts.done, total, elapsed_s)


def _hint(end: TaskEnd, plan: InstallPlan) -> str:
    """What may help against an error of the Manager; its words are those of section 2.1."""
    if "Cannot resolve install target" in end.message or "not found in" in end.message:
        return "The registry does not know it, or the server cannot reach the registry. " + plan.instead
    if "Model installation error" in end.message:
        return "The server cannot reach the address, or it is wrong, or asks for a login. " + instead(
            plan.action
        )
    return "The server's log tells more. " + plan.instead


async def _lists(client: ComfyClient, target: str, name: str) -> bool:
    """Whether the server lists a file in a folder below ``models``."""
    folder, _, below = target.removeprefix("models/").partition("/")
    wanted = f"{below}/{name}" if below else name
    names = await client.models(folder) or ()
    return any(listed.replace("\\", "/") == wanted for listed in names)
