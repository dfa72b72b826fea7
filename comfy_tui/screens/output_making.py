"""What made outputs: its page, its workflow, differences; queueing it again; deleting it from the history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from comfy_tui.errors import ComfyError
from comfy_tui.monitor.making import FILE, JOURNAL, Making, making_of
from comfy_tui.monitor.outputs import Output
from comfy_tui.monitor.state import Job
from comfy_tui.monitor.submit import Submission
from comfy_tui.screens.output_base import ActsOnOutputs
from comfy_tui.text import clean, count_of

if TYPE_CHECKING:
    from comfy_tui.monitor.session import Session

_NAMED = 6


class MakingActions(ActsOnOutputs):
    """The keys that are about what made an output."""

    @property
    def making(self) -> Making | None:
        """What is known already of the chosen one; a page knows."""
        return None

    def action_show_made(self) -> None:
        """Show the values that made it."""
        output = self.one_output("Nothing is chosen")
        if output is not None:
            from comfy_tui.screens.made import MadeScreen

            self.app.push_screen(MadeScreen(output))

    def action_diff_outputs(self) -> None:
        """Show what differs between the two marked ones."""
        chosen = self.chosen_outputs()
        if len(chosen) != 2:
            words = f"{len(chosen)} are chosen: mark two with space."
            self._tui.tell("Differences of two outputs", words, severity="warning")
            return
        from comfy_tui.screens.made import DiffScreen

        self.app.push_screen(DiffScreen(*chosen))

    async def _made(self, session: Session, output: Output) -> Making:
        """What made it: as the page shows it, else from the history, else from the file."""
        if self.making is not None:
            return self.making
        return await making_of(self.sources(session, output), output)

    def action_open_run(self) -> None:
        """Open its workflow, with the values of that run."""
        output = self.one_output("Nothing to open")
        if output is None:
            return

        async def call(session: Session) -> Making:
            return await self._made(session, output)

        def done(making: Making) -> None:
            self._tui.run_worker(partial(self._open_run, output, making), group="actions")

        self._tui.act(call, done)

    async def _open_run(self, output: Output, making: Making) -> None:
        from comfy_tui.screens.run_opening import open_run

        try:
            job = output.job
            await open_run(self._tui, job.title, job.prompt_id, making.prompt, making.workflow)
        except ComfyError as error:
            self._tui.tell_error(error)

    # -- again ---------------------------------------------------------------------------------

    def action_requeue_output(self) -> None:
        """Queue what made them again, as it was."""
        self._requeue(new_seed=False)

    def action_reseed_output(self) -> None:
        """Queue what made them again, with a new seed."""
        self._requeue(new_seed=True)

    def _requeue(self, *, new_seed: bool) -> None:
        chosen = self.chosen_outputs()
        if not chosen:
            self._tui.tell("Nothing to queue again", "Choose an output first.", severity="warning")
            return
        if not self.only_watched(chosen, "Not queued again"):
            return
        # Several outputs of one job are one job; in the order in which they ran.
        by_job = {output.job.prompt_id: output for output in reversed(chosen)}

        async def call(session: Session) -> str:
            sources = set()
            for count, output in enumerate(by_job.values()):
                try:
                    sources.add(await self._again(session, output, new_seed=new_seed))
                except ComfyError as error:
                    if count:
                        error.message = f"{count} of {len(by_job)} were queued; then: {error.message}"
                    raise
            first = next(iter(by_job.values()))
            what = clean(first.job.title, 60) if len(by_job) == 1 else count_of(len(by_job), "job")
            seed = "with a new seed" if new_seed else "as it was"
            source = " Read from the file itself." if FILE in sources else ""
            source = " As the journal has it." if JOURNAL in sources and not source else source
            return f"{what}, {seed}.{source} 3 shows the queue."

        def done(words: str) -> str:
            self.acted()
            return words

        self._tui.act(call, done, title="Queued again")

    async def _again(self, session: Session, output: Output, *, new_seed: bool) -> str:
        from comfy_tui.workflow.reseed import reseeded

        making = await self._made(session, output)
        prompt, workflow = making.prompt, making.workflow
        if new_seed:
            changed, workflow = reseeded(prompt, workflow)
            if changed == dict(prompt):
                raise ComfyError(
                    "No new seed", "there is no seed in it that could be changed", "u queues it as it was."
                )
            prompt = changed
        await session.submit(Submission(prompt, output.job.title, workflow=workflow))
        return making.source

    # -- delete --------------------------------------------------------------------------------

    def action_delete_history(self) -> None:
        """Ask, then delete the jobs of the chosen outputs from the server's history."""
        if not self.only_watched(self.chosen_outputs(), "Not deleted"):
            return
        jobs = list({output.job.prompt_id: output.job for output in self.chosen_outputs()}.values())
        if not jobs:
            self._tui.tell("Nothing to delete", "Choose an output first.", severity="warning")
            return
        from comfy_tui.screens.dialogs import ConfirmDialog

        message = (
            f"{_named(jobs)}\nWhat they made is not listed any more. The files stay on the server, and what "
            "you saved stays here."
        )
        ids = [job.prompt_id for job in jobs]

        def answered(yes: bool | None) -> None:
            if yes:
                self._tui.act(
                    lambda session: session.delete_history(ids), self._deleted(len(ids)), title="History"
                )

        title = f"Delete {count_of(len(jobs), 'job')} from the history?"
        self.app.push_screen(ConfirmDialog(title, message, "Delete"), answered)

    def _deleted(self, count: int) -> Callable[[object], str]:
        def done(_: object) -> str:
            self.acted()
            return f"{count_of(count, 'job')} deleted; the files stay."

        return done


def _named(jobs: Sequence[Job]) -> str:
    lines = [
        f"{clean(job.title, 60)} ({'ours' if job.ours else 'not ours'}, {count_of(len(job.outputs), 'file')})"
        for job in jobs[:_NAMED]
    ]
    if len(jobs) > _NAMED:
        lines.append(f"and {len(jobs) - _NAMED} more")
    return "\n".join(lines)
