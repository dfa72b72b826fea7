"""Restarts a server through its Manager, and believes in it only when it has seen it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.manager import Manager
from comfy_tui.comfy.manager_rules import Action, Allowed, foresee, rule_for
from comfy_tui.comfy.types import SystemStats
from comfy_tui.errors import ApiError, BadReply, ServerError, Unreachable

#: How long a server may take to come back; with many packs it takes minutes.
PATIENCE_S = 900.0
#: A server that has answered for so long after it was asked does not restart.
UNSEEN_S = 90.0


@dataclass(frozen=True, slots=True)
class RestartPlan:
    """What a restart would hit: jobs that run are lost, and so are those that wait."""

    rule: str
    allowed: Allowed
    running: int
    waiting: int


@dataclass(frozen=True, slots=True)
class RestartProgress:
    """What is waited for; ``down`` once the server was seen to be gone."""

    text: str
    down: bool
    elapsed_s: float


class RestartOutcome(StrEnum):
    """What became of a restart."""

    #: It is back, with all the nodes that were looked for.
    READY = "ready"
    #: It is back, and some of them are missing: a pack did not load.
    NODES_MISSING = "nodes missing"
    #: It never went away.
    NOT_SEEN = "not seen"
    #: It went away and has not come back.
    NOT_BACK = "not back"
    #: Nobody waited for it.
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class RestartResult:
    """How it ended; ``missing`` are the node classes that are not there."""

    outcome: RestartOutcome
    title: str
    message: str = ""
    hint: str = ""
    missing: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the server is back with everything."""
        return self.outcome is RestartOutcome.READY


async def make_plan(client: ComfyClient, manager: Manager) -> RestartPlan:
    """What a restart would hit.

    Raises:
        ApiError: the server does not answer.
    """
    stats, queue = await asyncio.gather(client.system_stats(), client.queue())
    allowed = foresee(manager, Action.RESTART, stats.argv)
    if client.readonly:
        allowed = Allowed.NO
    rule = rule_for(manager, Action.RESTART)
    return RestartPlan(rule, allowed, len(queue.running), len(queue.pending))


class Restart:
    """One restart, watched. The arguments are those of :meth:`.install.Installer.restart`."""

    def __init__(
        self,
        client: ComfyClient,
        manager: Manager,
        *,
        step_s: float,
        patience_s: float,
        unseen_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._client, self._manager = client, manager
        self._step_s, self._patience_s, self._unseen_s = step_s, patience_s, unseen_s
        self._clock = clock
        self._down = False
        self._due = False

    async def run(
        self, classes: Sequence[str], leave: asyncio.Event | None
    ) -> AsyncGenerator[RestartProgress | RestartResult]:
        """Ask for it, wait, look; the last value is the result."""
        self._due = await self._is_due()
        await self._client.manager_queue(self._manager, "comfy-tui").reboot()
        began = self._clock()
        while True:
            elapsed = self._clock() - began
            text = "ComfyUI is starting" if self._down else "ComfyUI was asked to restart"
            yield RestartProgress(text, self._down, elapsed)
            if await left(leave, self._step_s):
                yield RestartResult(RestartOutcome.LEFT, "Not waited for", "The restart goes on by itself.")
                return
            stats = await self._answer()
            if stats is not None and (self._down or await self._was_done()):
                try:
                    result = await self._look(stats, classes)
                except ApiError:
                    stats = None  # gone again: go on waiting
                else:
                    yield result
                    return
            end = self._ended(stats is not None, self._clock() - began)
            if end is not None:
                yield end
                return

    async def _answer(self) -> SystemStats | None:
        """What the server says; None, and a mark, while it is gone."""
        try:
            return await self._client.system_stats()
        except Unreachable:
            self._down = True
        except ServerError as error:
            self._down = self._down or error.status in (502, 503, 504)  # a proxy before a server that is gone
        except ApiError:
            pass
        return None

    async def _is_due(self) -> bool:
        """Whether the Manager's packs differ from those at the start (section 1.3)."""
        try:
            now = await self._client.manager_packs(self._manager)
            return now != await self._client.manager_packs(self._manager, at_start=True)
        except ApiError:
            return False

    async def _was_done(self) -> bool:
        """Whether a restart that was due is not any more: it was too quick to be seen."""
        return self._due and not await self._is_due()

    def _ended(self, answers: bool, elapsed_s: float) -> RestartResult | None:
        log = "Look at the machine: the server's log tells why."
        if answers and not self._down and elapsed_s > self._unseen_s:
            text = f"It has answered all the time for {elapsed_s:.0f} s."
            return RestartResult(RestartOutcome.NOT_SEEN, "ComfyUI did not restart", text, log)
        if elapsed_s > self._patience_s:
            text = f"It has not answered for {elapsed_s:.0f} s."
            return RestartResult(RestartOutcome.NOT_BACK, "ComfyUI has not come back", text, log)
        return None

    async def _look(self, stats: SystemStats, classes: Sequence[str]) -> RestartResult:
        """Whether the nodes are there: only then a pack is installed."""
        missing = []
        for name in dict.fromkeys(classes):
            try:
                found = await self._client.node_definition(name)
            except (BadReply, ServerError):  # some packs' definitions break the answer
                found = None
            if found is None:
                missing.append(name)
        version = f"ComfyUI {stats.comfyui_version or 'of an unknown version'}"
        if not missing:
            text = f"{len(set(classes))} node classes that were missing are there." if classes else ""
            return RestartResult(RestartOutcome.READY, f"{version} is back", text)
        text = "It has no " + ", ".join(missing) + ": the pack did not load, or does not have them."
        hint = "See the server's log of its start: a pack that fails there says why."
        return RestartResult(
            RestartOutcome.NODES_MISSING, f"{version} is back without the nodes", text, hint, tuple(missing)
        )


async def left(leave: asyncio.Event | None, step_s: float) -> bool:
    """Wait a step; True, at once, when the person does not wait any more."""
    if leave is None:
        await asyncio.sleep(step_s)
        return False
    try:
        await asyncio.wait_for(leave.wait(), step_s)
    except TimeoutError:
        return False
    return True
