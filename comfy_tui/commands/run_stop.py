"""Ctrl-c while ``comfy-tui run`` works: once leaves the job on the server, twice cancels it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.commands.common import say
from comfy_tui.commands.run_jobs import STATES, Jobs, named
from comfy_tui.commands.run_report import Copy, Report
from comfy_tui.errors import EXIT_INTERRUPTED, ApiError
from comfy_tui.monitor.control import Control
from comfy_tui.monitor.submit import Outbox

#: So long a second ctrl-c is waited for.
GRACE_S = 3.0
#: So long an answer to what is being sent is waited for.
_ANSWER_S = 5.0
#: So long a cancelled job is given to stop.
_STOP_S = 6.0
_STEP_S = 0.3


class Presses:
    """Counts how often ctrl-c was pressed."""

    def __init__(self) -> None:
        self.count = 0
        self._pressed = asyncio.Event()

    @contextlib.contextmanager
    def counting(self) -> Iterator[None]:
        """Take SIGINT for as long as the block runs; where that is not possible Python's own way stays."""
        loop = asyncio.get_running_loop()
        try:
            loop.add_signal_handler(signal.SIGINT, self._press)
        except (NotImplementedError, RuntimeError, ValueError):
            yield
            return
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGINT)

    def _press(self) -> None:
        self.count += 1
        self._pressed.set()
        self._pressed = asyncio.Event()

    async def reach(self, count: int) -> None:
        """Wait until it was pressed so often."""
        while self.count < count:
            await self._pressed.wait()

    async def within(self, count: int, seconds: float) -> bool:
        """Wait so long for it to have been pressed so often."""
        try:
            await asyncio.wait_for(self.reach(count), seconds)
        except TimeoutError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Watched:
    """What ctrl-c acts on."""

    jobs: Jobs
    client: ComfyClient
    outbox: Outbox
    report: Report


async def watch(work: Callable[[Callable[[], bool]], Coroutine[Any, Any, int]], what: Watched) -> int:
    """Do the work with an eye on ctrl-c; returns the exit code.

    Args:
        work: is given a way to ask whether ctrl-c was pressed, after which it queues nothing more.
        what: the jobs that it queues, and who can cancel them.
    """
    presses = Presses()
    with presses.counting():
        task = asyncio.create_task(work(lambda: presses.count > 0))
        pressed = asyncio.create_task(presses.reach(1))
        try:
            await asyncio.wait({task, pressed}, return_when=asyncio.FIRST_COMPLETED)
            if presses.count and not task.done():
                return await _stop(task, what, presses)
            return task.result()
        except asyncio.CancelledError:  # ctrl-c where signals cannot be taken
            task.cancel()
            what.jobs.leave()
            return EXIT_INTERRUPTED
        except BaseException:
            what.jobs.leave()
            raise
        finally:
            pressed.cancel()
            what.report.clear()


async def _stop(work: asyncio.Task[int], what: Watched, presses: Presses) -> int:
    """After the first ctrl-c: end the work, say what is left, and cancel it if asked again."""
    jobs, report = what.jobs, what.report
    await _answered(jobs, presses)
    work.cancel()
    await asyncio.wait({work}, timeout=_STEP_S)
    report.clear()
    left = jobs.open
    if not left:
        say("stopped; nothing of it is left on the server" if jobs.copies else "stopped; nothing was queued")
        return EXIT_INTERRUPTED
    goes, them = ("go", "them") if len(left) > 1 else ("goes", "it")
    if presses.count < 2:
        seconds = f"within {GRACE_S:g} s"
        say(f"{named(left)} {goes} on on the server; ctrl-c again {seconds} cancels {them}")
    if not await presses.within(2, GRACE_S):
        for copy in left:
            copy.state = "left"
            report.ended(copy, None)
        say(f"left on the server: {', '.join(copy.prompt_id for copy in left)}")
        return EXIT_INTERRUPTED
    cancelling = asyncio.create_task(_cancel(left, what.client, what.outbox, report))
    enough = asyncio.create_task(presses.reach(3))
    await asyncio.wait({cancelling, enough}, return_when=asyncio.FIRST_COMPLETED)
    enough.cancel()
    if cancelling.done():
        cancelling.result()
    else:
        cancelling.cancel()
        say(f"not waited for: {named([copy for copy in left if not copy.state])} may go on")
    return EXIT_INTERRUPTED


async def _answered(jobs: Jobs, presses: Presses) -> None:
    """What is on its way is waited for a little: then it is known whether the server has it."""
    if jobs.sending is None or jobs.sending.done():
        return
    more = asyncio.create_task(presses.reach(2))
    await asyncio.wait({jobs.sending, more}, timeout=_ANSWER_S, return_when=asyncio.FIRST_COMPLETED)
    more.cancel()
    await asyncio.sleep(0)  # whoever waits for the answer takes it first


async def _cancel(left: list[Copy], client: ComfyClient, outbox: Outbox, report: Report) -> None:
    """Cancel exactly these, and say what became of each."""
    say(f"cancelling {named(left)}")
    try:
        done = await Control(client, outbox).cancel(copy.prompt_id for copy in left)
        for copy in left:
            if copy.prompt_id in done.removed:
                copy.state = "cancelled"
            else:
                copy.state = await _end_of(copy, client, patient=copy.prompt_id in done.interrupted)
            report.ended(copy, None)
    except ApiError as error:
        unknown = [copy for copy in left if not copy.state]
        say(f"{error}; whether {named(unknown)} is cancelled is not known")
        for copy in unknown:
            copy.state = "left"
            report.ended(copy, error)


async def _end_of(copy: Copy, client: ComfyClient, *, patient: bool) -> str:
    """How it ended; one that was interrupted stops at its next step, for which there is no telling."""
    end = asyncio.get_running_loop().time() + (_STOP_S if patient else 0.0)
    while True:
        record = await client.history_entry(copy.prompt_id)
        if record is not None:
            state = STATES.get(record.state, "failed")
            return "cancelled" if state == "interrupted" and patient else state
        if asyncio.get_running_loop().time() >= end:
            return "stopping" if patient else "lost"
        await asyncio.sleep(_STEP_S)
