"""What can be done with jobs, for the list and for the page of one: questions first, then the truth."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from comfy_tui.comfy.types import JobState, Submitted
from comfy_tui.errors import ComfyError
from comfy_tui.monitor.control import Cancelled
from comfy_tui.monitor.state import Job, Kept, Unsent
from comfy_tui.screens.dialogs import ChoiceDialog, ConfirmDialog
from comfy_tui.screens.failure_actions import FailureActions
from comfy_tui.screens.kept_actions import KeptActions
from comfy_tui.screens.way_out import WayOut
from comfy_tui.text import clean, count_of
from comfy_tui.widgets.job_row import Entry, count_with_owners, named, who
from comfy_tui.widgets.job_text import error_report

if TYPE_CHECKING:
    from comfy_tui.app import ComfyApp
    from comfy_tui.monitor.session import Session


class JobActions(FailureActions, WayOut, KeptActions):
    """The actions of the area ``job``; a second base of a screen that says which jobs are chosen."""

    def acted(self) -> None:
        """Something was asked of the server: marks may go."""

    def follow(self, prompt_id: str) -> None:
        """A job was taken out and put in again: the cursor stays on it."""

    @property
    def console(self) -> ComfyApp:
        """The app, with its own type."""
        return cast("ComfyApp", self.app)

    def _ask(self, title: str, message: str, yes: str, then: Callable[[], None]) -> None:
        def answered(answer: bool | None) -> None:
            if answer:
                then()

        self.app.push_screen(ConfirmDialog(title, message, yes), answered)

    # -- cancel --------------------------------------------------------------------------------

    def action_cancel_job(self) -> None:
        """Ask, naming what is hit, then cancel the chosen jobs."""
        chosen = self.chosen_entries()
        kept = [entry for entry in chosen if isinstance(entry, Kept)]
        self.put_away(kept)
        hit = [
            entry
            for entry in chosen
            if isinstance(entry, Unsent) or (isinstance(entry, Job) and not entry.state.ended)
        ]
        if not hit and kept:
            return
        if not hit:
            words = "Choose a job first." if not chosen else "It has ended already."
            self.console.tell("Nothing to cancel", words if len(chosen) < 2 else "They have ended already.")
            return
        stuck = self.stuck_job()
        if stuck is not None and [entry.prompt_id for entry in hit] == [stuck.prompt_id]:
            self.action_way_out()  # asking in the same way once more is one of them
            return
        jobs = [entry for entry in hit if isinstance(entry, Job)]
        unsent = [entry for entry in hit if isinstance(entry, Unsent)]
        message = _cancel_question(jobs, unsent)
        verb, yes = ("Cancel", "Cancel them" if len(jobs) > 1 else "Cancel it") if jobs else ("Discard",) * 2
        self._ask(f"{verb} {count_of(len(hit), 'job')}?", message, yes, lambda: self._cancel(jobs, unsent))

    def _cancel(self, jobs: Sequence[Job], unsent: Sequence[Unsent]) -> None:
        ids = [job.prompt_id for job in jobs]
        titles = {job.prompt_id: clean(job.title, 40) for job in jobs}

        async def call(session: Session) -> Cancelled:
            for entry in unsent:
                await session.discard_unsent(entry.prompt_id)
            return await session.cancel(ids) if ids else Cancelled()

        self.console.act(call, lambda result: _cancel_words(result, titles, len(unsent)), title="Cancel")
        self.acted()

    def action_clear_pending(self) -> None:
        """Ask, then take out exactly the jobs that wait now."""
        pending = self.console.jobs.pending
        if not pending:
            self.console.tell("Nothing to clear", "No job waits.")
            return
        message = f"{count_with_owners(pending)}:\n{named(pending)}\nA running job goes on."
        ids = [job.prompt_id for job in pending]

        async def call(session: Session) -> int:
            try:
                return await session.control.clear_pending(ids)
            finally:
                session.poke()

        def done(removed: int) -> str:
            left = len(ids) - removed
            more = f" {left} did not wait any more." if left else ""
            return f"{count_of(removed, 'waiting job')} removed from the queue.{more}"

        self._ask(
            f"Clear {count_of(len(ids), 'waiting job')}?",
            message,
            "Clear",
            lambda: self.console.act(call, done, title="Clear"),
        )

    # -- again ---------------------------------------------------------------------------------

    def action_requeue_job(self) -> None:
        """Queue the chosen jobs again as they were."""
        self._requeue(new_seed=False)

    def action_reseed_job(self) -> None:
        """Queue the chosen jobs again with new seeds."""
        self._requeue(new_seed=True)

    def _requeue(self, *, new_seed: bool) -> None:
        chosen = self.chosen_entries()
        for entry in chosen:
            if isinstance(entry, Unsent):
                self._send_again(entry)
        self.queue_kept([entry for entry in chosen if isinstance(entry, Kept)])
        # The list shows the newest first: again in the order in which they ran.
        jobs = [entry for entry in reversed(chosen) if isinstance(entry, Job)]
        if jobs:
            self.console.act(
                lambda session: _requeue_all(session, jobs, new_seed),
                lambda count: _requeue_words(jobs, count, new_seed),
                title="Queued again",
            )
        if chosen:
            self.acted()
        else:
            self.console.tell("Nothing to queue again", "Choose a job first.")

    def action_free_requeue(self) -> None:
        """Free the memory of all models, then queue the chosen jobs again as they were."""
        jobs = [entry for entry in reversed(self.chosen_entries()) if isinstance(entry, Job)]
        if not jobs:
            self.console.tell("Nothing to queue again", "Choose a job first.")
            return

        async def call(session: Session) -> str:
            freed = await session.free(unload_models=True, free_memory=True)
            count = await _requeue_all(session, jobs, new_seed=False)
            return f"{freed}\n{_requeue_words(jobs, count, new_seed=False)}"

        self.console.act(call, lambda words: words, title="Freed and queued again")
        self.acted()

    def _send_again(self, entry: Unsent) -> None:
        def done(sent: Submitted | None) -> str:
            if sent is None:
                return "It is not waiting for confirmation any more."
            if sent.number is None:
                return f"{entry.title}: the server had it already; it was not sent twice."
            return f"{entry.title}: the server has it now."

        self.console.act(lambda session: session.send_again(entry.prompt_id), done, title="Send again")

    # -- to the front --------------------------------------------------------------------------

    def action_move_front(self) -> None:
        """Let the chosen waiting jobs run next; asks where they are not all ours."""
        chosen = [
            entry
            for entry in self.chosen_entries()
            if isinstance(entry, Job) and entry.state is JobState.PENDING
        ]
        first = [job.prompt_id for job in self.console.jobs.pending[: len(chosen)]]
        if not chosen:
            self.console.tell("Nothing to move", "Only a waiting job can be moved to the front.")
            return
        if [job.prompt_id for job in chosen] == first:
            self.console.tell("Nothing to move", "It is the next one already.")
            return
        others = [job for job in chosen if who(job) != "ours"]
        if not others:
            self._move_front(chosen)
            return
        message = (
            f"{count_with_owners(chosen)}:\n{named(chosen)}\nThe server cannot move a job: it is taken "
            "out and queued again under the same id. Newer servers do not give out keys for paid nodes: "
            "a job that needs them loses them."
        )
        self._ask(
            f"Move {count_of(len(chosen), 'job')} to the front?",
            message,
            "Move",
            lambda: self._move_front(chosen),
        )

    def _move_front(self, jobs: Sequence[Job]) -> None:
        async def call(session: Session) -> list[str]:
            gone = []
            try:
                for job in reversed(jobs):
                    if not await session.control.move_to_front(job.prompt_id, job.title):
                        gone.append(clean(job.title, 60))
            finally:
                session.poke()
            return gone

        def done(gone: list[str]) -> str:
            self.follow(jobs[0].prompt_id)
            moved = f"{count_of(len(jobs) - len(gone), 'job')} moved to the front."
            return f"{moved} Did not wait any more: {', '.join(gone)}." if gone else moved

        self.console.act(call, done, title="To the front")
        self.acted()

    # -- copy ----------------------------------------------------------------------------------

    def action_copy_row(self) -> None:
        """Ask what to copy, then copy it."""
        chosen = self.chosen_entries()
        if not chosen:
            self.console.tell("Nothing to copy", "Choose a job first.")
            return
        entry = chosen[0]
        texts = _texts_to_copy(entry)
        choices = [(what, what[0], what.capitalize()) for what in texts]
        if isinstance(entry, Job):
            choices.append(("workflow", "w", "Workflow as the server ran it (JSON of the API)"))

        def copy(what: str | None) -> None:
            if what == "workflow":
                self._copy_workflow(entry.prompt_id)
            elif what is not None:
                self.console.copy(texts[what], what)

        self.app.push_screen(ChoiceDialog("Copy", choices, clean(entry.title, 60)), copy)

    def _copy_workflow(self, prompt_id: str) -> None:
        async def call(session: Session) -> str:
            record = await session.control.record(prompt_id)
            if not record.prompt:
                raise ComfyError("Nothing to copy", "The server did not send the prompt of this job")
            return json.dumps(record.prompt, ensure_ascii=False, indent=2)

        def done(text: str) -> None:
            self.console.copy(text, "workflow")

        self.console.act(call, done)


def _texts_to_copy(entry: Entry) -> dict[str, str]:
    """What to copy, by its name; each begins with another letter."""
    texts = {"id": entry.prompt_id, "title": entry.title}
    if isinstance(entry, Unsent):
        reason = entry.reason
        texts["reason"] = "\n".join(part for part in (reason.title, reason.message, reason.hint) if part)
        return texts
    if isinstance(entry, Kept):
        return texts | {"evidence": entry.evidence}
    if entry.summary is not None and entry.summary.positive:
        texts["prompt text"] = entry.summary.positive
    if entry.error is not None:
        texts["error report"] = error_report(entry)
    return texts


def _cancel_question(jobs: Sequence[Job], unsent: Sequence[Unsent]) -> str:
    parts = []
    if jobs:
        parts.append(f"{count_with_owners(jobs)}:\n{named(jobs)}")
        if any(job.state is JobState.RUNNING for job in jobs):
            parts.append("A running job is interrupted: what it has made so far is lost.")
    if unsent:
        parts.append(f"{count_of(len(unsent), 'job')} not confirmed, to be forgotten:\n{named(unsent)}")
        if not all(entry.surely_unsent for entry in unsent):
            parts.append("If the server took one after all, it runs there all the same.")
    return "\n".join(parts)


def _cancel_words(result: Cancelled, titles: dict[str, str], discarded: int) -> str:
    def names(ids: Sequence[str]) -> str:
        shown = ", ".join(titles.get(prompt_id, prompt_id) for prompt_id in ids[:4])
        return f"{shown} and {len(ids) - 4} more" if len(ids) > 4 else shown

    lines = []
    if result.removed:
        lines.append(f"Removed from the queue: {names(result.removed)}.")
    if result.interrupted:
        where = "It stops where its node looks: at a step, or before the next node."
        lines.append(f"Interruption asked for: {names(result.interrupted)}. {where}")
    if result.gone:
        lines.append(f"Already gone: {names(result.gone)}.")
    if discarded:
        lines.append(f"{count_of(discarded, 'unconfirmed job')} discarded.")
    return "\n".join(lines)


async def _requeue_all(session: Session, jobs: Sequence[Job], new_seed: bool) -> int:
    """Queue them one after the other; a failure says how many were queued before it."""
    for count, job in enumerate(jobs):
        try:
            await session.control.requeue(job.prompt_id, job.title, new_seed=new_seed)
        except ComfyError as error:
            if count:
                error.message = f"{count} of {len(jobs)} were queued; then: {error.message}"
            raise
    return len(jobs)


def _requeue_words(jobs: Sequence[Job], count: int, new_seed: bool) -> str:
    words = clean(jobs[0].title, 60) if count == 1 else count_of(count, "job")
    if not new_seed:
        return f"{words}, as before."
    without = sum(1 for job in jobs if job.summary is not None and job.summary.seed is None)
    if without == len(jobs):
        return f"{words}, as before: there is no seed to change."
    more = f" {without} had no seed to change." if without else ""
    return f"{words}, with {'a new seed' if count == 1 else 'new seeds'}.{more}"
