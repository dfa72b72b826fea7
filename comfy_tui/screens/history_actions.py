"""What can be done with jobs of the journal: queue again, open the workflow, copy."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual.screen import Screen

from comfy_tui.errors import ComfyError
from comfy_tui.monitor.journal.row import Fate, JournalJob
from comfy_tui.monitor.submit import Submission
from comfy_tui.monitor.troubleshoot.issue import issue_report
from comfy_tui.screens.dialogs import ChoiceDialog, ConfirmDialog
from comfy_tui.screens.failure_actions import known_failure
from comfy_tui.screens.run_opening import open_run
from comfy_tui.text import clean, count_of
from comfy_tui.workflow.parameters import SeedMode, with_seed

if TYPE_CHECKING:
    from comfy_tui.app import ComfyApp
    from comfy_tui.monitor.session import Session


async def recall(console: ComfyApp, job: JournalJob) -> JournalJob:
    """The job with its prompt.

    Raises:
        ComfyError: the journal does not have it.
    """
    from comfy_tui.monitor.journal import job_read

    if console.journal is not None:
        found = await console.journal.call(job_read.one, job.server, job.prompt_id)
        if found is not None and found.prompt is not None:
            return found
    raise ComfyError(
        "The prompt is not known",
        f"the journal does not have the prompt of {clean(job.title, 60) or job.prompt_id}",
        "A prompt is kept when the console sees it in the queue or the history.",
    )


def did_fail(job: JournalJob) -> bool:
    """Whether there is something to look into."""
    return job.error is not None or job.fate in (Fate.FAILED, Fate.CANCELLED)


class HistoryActions(Screen[Any]):
    """The actions of the area ``history``; a second base of a screen that says which jobs are chosen."""

    def chosen_jobs(self) -> tuple[JournalJob, ...]:
        """What the keys act on; to be given by the screen."""
        return ()

    def acted(self) -> None:
        """Something was queued: marks may go."""

    @property
    def console(self) -> ComfyApp:
        """The app, with its own type."""
        return cast("ComfyApp", self.app)

    def action_requeue_known(self) -> None:
        """Queue the chosen jobs again as they were, on the server that is watched."""
        self._again(new_seed=False)

    def action_reseed_known(self) -> None:
        """Queue the chosen jobs again with new seeds."""
        self._again(new_seed=True)

    def action_free_requeue_known(self) -> None:
        """Free the memory of all models, then queue the chosen jobs again as they were."""
        self._again(new_seed=False, free=True)

    def _again(self, *, new_seed: bool, free: bool = False) -> None:
        jobs = tuple(reversed(self.chosen_jobs()))
        if not jobs:
            self.console.tell("Nothing to queue again", "Choose a job first.")
            return
        here = self.console.connection
        elsewhere = [job for job in jobs if job.server != here.url]
        open_ones = [job for job in jobs if not job.fate.final and job.fate is not Fate.HELD]
        notes = []
        if elsewhere:
            notes.append(
                f"{count_of(len(elsewhere), 'job')} ran on another server: queued on {here.name} now."
            )
        if open_ones:
            notes.append(f"{count_of(len(open_ones), 'job')} may still run or wait: it is queued once more.")
        if any(job.had_keys for job in jobs):
            notes.append("Keys for paid nodes are never kept: without them such nodes fail.")
        if not notes:
            self._send(jobs, new_seed, free)
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._send(jobs, new_seed, free)

        title = f"Queue {count_of(len(jobs), 'job')} again?"
        self.app.push_screen(ConfirmDialog(title, "\n".join(notes), "Queue"), answered)

    def _send(self, jobs: Sequence[JournalJob], new_seed: bool, free: bool) -> None:
        async def call(session: Session) -> str:
            freed = [await session.free(unload_models=True, free_memory=True)] if free else []
            done: list[str] = []
            for job in jobs:
                try:
                    done.append(await _send_one(self.console, session, job, new_seed))
                except ComfyError as error:
                    if done:
                        error.message = f"{len(done)} of {len(jobs)} were queued; then: {error.message}"
                    raise
            more = [f"and {len(done) - 6} more"] if len(done) > 6 else []
            return "\n".join([*freed, *done[:6], *more])

        title = "Freed and queued again" if free else "Queued again"
        self.console.act(call, lambda words: words, title=title)
        self.acted()

    def action_open_known(self) -> None:
        """Open the workflow of the job in the Workflows screen, with the values that it ran with.

        Where it failed, that is at the node.
        """
        jobs = self.chosen_jobs()
        if not jobs:
            self.console.tell("No workflow", "Choose a job first.")
            return

        async def work() -> None:
            try:
                job = await recall(self.console, jobs[0])
                prompt = job.prompt or {}
                node_id = (job.error.node_id if job.error is not None else "") or ""
                name = job.title or "workflow"
                await open_run(self.console, name, job.prompt_id, prompt, job.workflow, node_id)
            except ComfyError as error:
                self.console.tell_error(error)

        self.console.run_worker(work, group="actions")

    def action_copy_known_report(self) -> None:
        """Copy the failure as Markdown, for an issue."""
        jobs = self.chosen_jobs()
        if not jobs or not did_fail(jobs[0]):
            self.console.tell("No report", "This job did not fail." if jobs else "Choose a job first.")
            return

        async def work() -> None:
            try:
                job = await recall(self.console, jobs[0])
            except ComfyError:
                job = jobs[0]  # its prompt is not needed for it
            report = issue_report(await known_failure(self.console, job))
            self.console.copy(report, "report for an issue")

        self.console.run_worker(work, group="actions")

    def action_copy_row(self) -> None:
        """Ask what to copy, then copy it."""
        jobs = self.chosen_jobs()
        if not jobs:
            self.console.tell("Nothing to copy", "Choose a job first.")
            return
        job = jobs[0]
        texts = {"id": job.prompt_id, "title": job.title}
        if job.evidence:
            texts["evidence"] = job.evidence
        choices = [(what, what[0], what.capitalize()) for what in texts]
        choices.append(("workflow", "w", "Workflow as the server ran it (JSON of the API)"))

        def copy(what: str | None) -> None:
            if what == "workflow":
                self.console.run_worker(partial(self._copy_prompt, job), group="actions")
            elif what is not None:
                self.console.copy(texts[what], what)

        self.app.push_screen(ChoiceDialog("Copy", choices, clean(job.title, 60)), copy)

    async def _copy_prompt(self, job: JournalJob) -> None:
        try:
            found = await recall(self.console, job)
        except ComfyError as error:
            self.console.tell_error(error)
            return
        self.console.copy(json.dumps(found.prompt, ensure_ascii=False, indent=2), "workflow")


async def _send_one(console: ComfyApp, session: Session, job: JournalJob, new_seed: bool) -> str:
    name = clean(job.title, 60) or "the job"
    here = job.server == session.profile.url
    if here and not new_seed and job.fate in (Fate.LOST, Fate.GONE):
        # Marked, so that no console queues it a second time.
        result = await session.keep(lambda keeping: keeping.queue_again([job.prompt_id]))
        if result.error is not None:
            raise result.error
        return (
            f"{name}, as before." if result.queued else f"{name}: had been queued again already; not twice."
        )
    found = await recall(console, job)
    prompt = dict(found.prompt or {})
    if new_seed:
        prompt = with_seed(prompt, SeedMode.RANDOM, 0, rng=random.SystemRandom())
    await session.submit(Submission(prompt, job.title or "workflow", workflow=found.workflow))
    return f"{name}, {'with a new seed' if new_seed else 'as before'}."
