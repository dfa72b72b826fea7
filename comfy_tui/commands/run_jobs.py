"""Queues the copies of a plan, follows each to its end, and saves what it made."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path
from typing import Any

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.http import NotSent
from comfy_tui.comfy.rejection import describe_node_error
from comfy_tui.comfy.types import JobRecord, JobState, OutputFile, Submitted
from comfy_tui.commands.common import say
from comfy_tui.commands.run_plan import Plan
from comfy_tui.commands.run_report import Copy, Report
from comfy_tui.errors import EXIT_FAILURE, EXIT_OK, ApiError, ComfyError, Refused, ServerError
from comfy_tui.monitor.follow import Ended, Follower, Lost, NoAnswer, Running, Step, Waiting
from comfy_tui.monitor.outputs import view_url
from comfy_tui.monitor.saving import Wanted, save_files
from comfy_tui.monitor.state import Progress
from comfy_tui.monitor.submit import Outbox, Submission
from comfy_tui.text import clean, count_of
from comfy_tui.workflow.parameters import fields, nodes

#: How the server's states are called here.
STATES = {
    JobState.COMPLETED: "completed",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "interrupted",
}
_LOST_HINT = "It was taken out of the queue or of the history there, or the server was restarted."
_LOST_AWAY = "The server was away meanwhile: it was restarted, and its queue went with it."
_UNKNOWN_HINT = (
    "No answer came. Look for it with `comfy-tui`, or in the browser; it is not sent again by itself."
)
_SAVE_AGAIN_S = 1.0


class Jobs:
    """The copies of one run.

    Args:
        client: the server.
        outbox: sends each once.
        client_id: the id of the socket.
        report: is told of everything.
        name: what the workflow is called.
        folder: where outputs are saved; None tells their addresses.
        temp: take temporary files too.
    """

    def __init__(
        self,
        client: ComfyClient,
        outbox: Outbox,
        client_id: str,
        report: Report,
        *,
        name: str,
        folder: Path | None,
        temp: bool,
    ) -> None:
        self._client = client
        self._outbox = outbox
        self._client_id = client_id
        self._report = report
        self._name = name
        self._folder = folder
        self._temp = temp
        self._classes: Mapping[str, tuple[str, str]] = {}
        self._code = EXIT_OK
        #: Every copy that was sent, or may have been.
        self.copies: list[Copy] = []
        #: The submission whose answer is waited for.
        self.sending: asyncio.Task[Submitted] | None = None

    @property
    def open(self) -> list[Copy]:
        """The copies that have not ended, as far as is known."""
        return [copy for copy in self.copies if not copy.state]

    async def run(self, plan: Plan, stopped: Callable[[], bool]) -> int:
        """Queue all, then follow each; returns the exit code.

        Args:
            plan: what to queue.
            stopped: whether no more are to be queued.
        """
        prompt = plan.ready.prompt or {}
        self._classes = {node_id: (class_type, title) for node_id, class_type, _, title in nodes(prompt)}
        async with Follower(self._client, client_id=self._client_id) as follower:
            await self._queue_all(plan, stopped, follower)
            async with _every(1.0, self._report.tick):
                for copy in self.open:
                    async with contextlib.aclosing(follower.follow(copy.prompt_id, prompt)) as steps:
                        if not await self._follow(copy, steps):
                            break
        return self._code

    # -- queueing ------------------------------------------------------------------------------

    async def _queue_all(self, plan: Plan, stopped: Callable[[], bool], follower: Follower) -> None:
        """After the first that is not taken nothing is sent."""
        for number, made in enumerate(plan.copies(), 1):
            if stopped():
                return
            submission = Submission(made.prompt, self._name, workflow=made.workflow)
            copy = Copy(submission.prompt_id, number, plan.count)
            self.copies.append(copy)
            follower.expect(copy.prompt_id)
            self.sending = asyncio.create_task(self._outbox.submit(submission))
            try:
                sent = await self.sending
            except ComfyError as error:
                if not await self._not_taken(copy, error):
                    if plan.count > 1:
                        say(f"{number - 1} of {plan.count} copies queued, then it stopped")
                    return
                sent = Submitted(copy.prompt_id, None, ())
            left_out = [describe_node_error(error) for error in sent.node_errors]
            self._report.queued(copy, sent.number, _seeds(made.prompt), left_out)

    async def _not_taken(self, copy: Copy, error: ComfyError) -> bool:
        """Say what became of a submission that failed; returns whether the server has it after all."""
        known = None
        if isinstance(error, NotSent):
            copy.state = "not_sent"
        elif isinstance(error, Refused) or not isinstance(error, ApiError):
            copy.state = "rejected"
        else:
            known = await self._is_known(copy.prompt_id)
            if known:
                return True
            # A server that failed while it answered, and does not have it, has not taken it.
            copy.state = "rejected" if isinstance(error, ServerError) and known is False else "unknown"
        self._code = error.exit_code if copy.state == "not_sent" else EXIT_FAILURE
        if copy.state == "unknown":
            now = "it does not have it now" if known is False else "it cannot be asked"
            error = ComfyError(error.title, f"{error.message}; {now}", _UNKNOWN_HINT)
        self._report.ended(copy, error)
        return False

    async def _is_known(self, prompt_id: str) -> bool | None:
        """Whether the server has it; None where it does not say."""
        try:
            queue = await self._client.queue()
            if any(job.prompt_id == prompt_id for job in (*queue.running, *queue.pending)):
                return True
            return await self._client.history_entry(prompt_id) is not None
        except ApiError:
            return None

    # -- following -----------------------------------------------------------------------------

    async def _follow(self, copy: Copy, steps: AsyncGenerator[Step]) -> bool:
        """Follow one copy; returns whether it makes sense to go on with the next."""
        node_id = ""
        try:
            async for step in steps:
                match step:
                    case Waiting(before):
                        self._report.waiting(copy, before)
                    case Running(progress):
                        self._start(copy)
                        node_id = self._tell_progress(copy, progress, node_id)
                    case NoAnswer(error):
                        self._report.clear()
                        say("the server answers again" if error is None else f"{error}; asking again")
                    case Lost(was_away):
                        words = _LOST_AWAY if was_away else _LOST_HINT
                        self._end(copy, "lost", ComfyError("Lost", words))
                    case Ended(record):
                        await self._finish(copy, record)
        except ApiError as error:
            self._code = error.exit_code
            self._report.clear()
            say(f"{error}; nobody follows any more")
            self.leave(error)
            return False
        return True

    def leave(self, error: ComfyError | None = None) -> None:
        """Say that the copies which have not ended go on without us."""
        self._report.clear()
        left = self.open
        if left:
            say(f"{named(left)} {'go' if len(left) > 1 else 'goes'} on on the server, if it can")
        for copy in left:
            copy.state = "left"
            with contextlib.suppress(BrokenPipeError):  # this may be said because nobody reads any more
                self._report.ended(copy, error)

    def _start(self, copy: Copy) -> None:
        if copy.started_s is None:
            copy.started_s = time.monotonic()
            self._report.started(copy)

    def _tell_progress(self, copy: Copy, progress: Progress | None, node_id: str) -> str:
        """Tell of a node; returns which it is."""
        if progress is None or not progress.node_id:
            return node_id
        if progress.node_id != node_id:
            class_type = self._classes.get(progress.node_id, ("", ""))[0]
            self._report.node(copy, class_type, progress)
        if progress.max > 0:
            self._report.progress(copy, progress)
        return progress.node_id

    async def _finish(self, copy: Copy, record: JobRecord) -> None:
        if record.started_at_s is not None:
            self._start(copy)
            if record.ended_at_s is not None:
                copy.took_s = max(0.0, record.ended_at_s - record.started_at_s)
        if copy.took_s is None and copy.started_s is not None:
            copy.took_s = time.monotonic() - copy.started_s
        all_saved = await self._take_outputs(copy, record)
        error = record.error
        title = self._classes.get(error.node_id or "", ("", ""))[1] if error is not None else ""
        copy.state = STATES.get(record.state, "failed")
        if copy.state != "completed" or not all_saved:
            self._code = EXIT_FAILURE
        self._report.ended(copy, error, title)

    def _end(self, copy: Copy, state: str, error: ComfyError) -> None:
        copy.state = state
        self._code = EXIT_FAILURE
        self._report.ended(copy, error)

    # -- outputs -------------------------------------------------------------------------------

    async def _take_outputs(self, copy: Copy, record: JobRecord) -> bool:
        """Save the files, or say where they are; returns whether all that was wanted is saved."""
        good = True
        wanted = [file for file in record.outputs if self._temp or file.type != "temp"]
        for file in wanted:
            path = None
            if self._folder is not None:
                try:
                    path = await self._save(file, self._folder)
                except ComfyError as error:
                    good = False
                    self._report.clear()
                    say(f"{clean(file.filename, 80)} is not saved: {error}")
            self._report.output(copy, file, view_url(self._client.profile.url, file), path)
        for text in record.texts:
            self._report.text(copy, text)
        skipped = len(record.outputs) - len(wanted)
        if skipped:
            self._report.clear()
            say(f"{count_of(skipped, 'temporary file')} left on the server: --temp takes them too")
        return good

    async def _save(self, file: OutputFile, folder: Path) -> Path:
        try:
            return (await save_files(self._client, [Wanted(file)], folder)).files[0]
        except ApiError:
            await asyncio.sleep(_SAVE_AGAIN_S)
            return (await save_files(self._client, [Wanted(file)], folder)).files[0]


def named(copies: list[Copy]) -> str:
    """The ids of copies, for a sentence."""
    ids = ", ".join(clean(copy.prompt_id, 40) for copy in copies[:5])
    more = f" and {len(copies) - 5} more" if len(copies) > 5 else ""
    return f"the job {ids}" if len(copies) == 1 else f"{len(copies)} jobs ({ids}{more})"


def _seeds(prompt: Mapping[str, Any]) -> dict[str, Any]:
    return {
        f"{field.node_id}.{field.input}": field.value
        for field in fields(prompt)
        if field.kind.value == "seed"
    }


@contextlib.asynccontextmanager
async def _every(seconds: float, call: Callable[[], None]) -> AsyncGenerator[None]:
    """Call something again and again while the block runs."""

    async def again() -> None:
        while True:
            await asyncio.sleep(seconds)
            call()

    task = asyncio.create_task(again())
    try:
        yield
    finally:
        task.cancel()
