"""Ways out where a job does not stop: wait, ask again, or restart ComfyUI; never by itself."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual.screen import Screen

from comfy_tui.comfy.manager_rules import Allowed
from comfy_tui.errors import ApiError
from comfy_tui.monitor.state import Job
from comfy_tui.monitor.troubleshoot.diagnose import cause_of
from comfy_tui.screens.dialogs import ChoiceDialog, ConfirmDialog, NoteDialog
from comfy_tui.text import clean, count_of
from comfy_tui.widgets.job_row import who
from comfy_tui.widgets.leavable import Leavable
from comfy_tui.widgets.standstill_line import standstill_words

if TYPE_CHECKING:
    from comfy_tui.app import ComfyApp
    from comfy_tui.comfy.manager import Manager
    from comfy_tui.monitor.install import Installer
    from comfy_tui.monitor.restart import RestartPlan, RestartResult
    from comfy_tui.monitor.session import Session

#: Seconds between two looks at a server that restarts.
STEP_S = 1.0
_NO_COMMAND = (
    "No way to restart ComfyUI is known here: it has no Manager, and the config has no restart_command for "
    "this server."
)


class WayOut(Leavable, Screen[Any]):
    """The action ``way_out`` of the area ``job``; a base of the screens that show jobs."""

    @property
    def _app(self) -> ComfyApp:
        return cast("ComfyApp", self.app)

    def stuck_job(self) -> Job | None:
        """The job that runs and was asked to stop long ago, else None."""
        standstill = self._app.standstill
        running = self._app.jobs.running
        late = standstill.prompt_id if standstill.cancel_late else ""
        return next((job for job in running if job.prompt_id == late), None)

    def action_way_out(self) -> None:
        """Offer what can be done about the running job; what is restarted loses it."""
        running = self._app.jobs.running
        if not running:
            self._app.tell("Nothing to do", "Nothing runs.")
        elif self._app.session is None:
            self._app.tell("One moment", "The console is not connected yet.", severity="warning")
        else:
            self.run_worker(
                partial(self._offer, running[0], self._app.session), group="way-out", exclusive=True
            )

    async def _offer(self, job: Job, session: Session) -> None:
        manager: Manager | None = None
        with contextlib.suppress(ApiError):  # without a Manager the other ways stay
            manager = await session.client.manager()
        command = session.profile.restart_command
        choices = [
            ("wait", "w", "Keep waiting: nothing is done"),
            ("ask", "a", "Ask the server again to stop this job"),
        ]
        if manager is not None:
            choices.append(("manager", "m", "Restart ComfyUI by its Manager ..."))
        if command:
            choices.append(("command", "c", "Restart it by the command of your config ..."))
        lines = [f"{clean(job.title, 60)} ({'yours' if who(job) == 'ours' else 'not yours'})"]
        said = standstill_words(self._app.standstill, self._app.progress, time.time())
        if said:
            lines.append(said.rpartition(". ")[0] + ".")
        if self._app.standstill.quiet and self._app.standstill.prompt_id == job.prompt_id:
            lines += cause_of("stuck").steps
        if manager is None and not command:
            lines.append(_NO_COMMAND)

        def chosen(choice: str | None) -> None:
            if choice == "ask":
                self._app.act(
                    lambda session: session.cancel([job.prompt_id]),
                    lambda done: "Asked again." if done.interrupted else "It does not run any more.",
                    title="Cancel",
                )
            elif choice == "manager" and manager is not None:
                self._restart_by_manager(manager, session)
            elif choice == "command":
                self._restart_by_command(command)

        self.app.push_screen(ChoiceDialog("A job that does not stop", choices, "\n".join(lines)), chosen)

    def _hit(self) -> str:
        jobs = self._app.jobs
        everything = (*jobs.running, *jobs.pending)
        others = sum(1 for job in everything if who(job) != "ours")
        words = f"Lost by it: {count_of(len(jobs.running), 'job')} that runs, {len(jobs.pending)} waiting"
        return f"{words}; {others} of them not yours." if others else f"{words}."

    def _confirm(self, title: str, message: str, then: Callable[[], None]) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                then()

        self.app.push_screen(ConfirmDialog(title, message, "Restart"), answered)

    # -- the Manager's -------------------------------------------------------------------------

    def _restart_by_manager(self, manager: Manager, session: Session) -> None:
        from comfy_tui.monitor.install import Installer

        installer = Installer(session.client, manager, session.live, step_s=STEP_S)

        def ask(plan: RestartPlan) -> None:
            if plan.allowed is Allowed.NO:
                words = f"{plan.rule} Restart it on its machine."
                self._app.tell("Not restarted", words, severity="warning")
                return
            doubt = f"\nThis will be {plan.allowed.value}." if plan.allowed is Allowed.DOUBTFUL else ""
            message = f"{self._hit()}\nRule: {plan.rule}{doubt}"
            self._confirm("Restart ComfyUI now?", message, lambda: self._run_manager(installer))

        self._app.act(lambda session: installer.plan_restart(), ask, title="Restart")

    def _run_manager(self, installer: Installer) -> None:
        from comfy_tui.monitor.restart import RestartProgress

        async def call(session: Session) -> RestartResult | None:
            result = None
            try:
                async for value in installer.restart():
                    if not isinstance(value, RestartProgress):
                        result = value
            finally:
                session.poke()
            return result

        def done(result: RestartResult | None) -> None:
            if result is not None:
                words = "\n".join(part for part in (result.message, result.hint) if part)
                severity = "information" if result.ok else "error"
                self._app.tell(result.title, words or "It answers again.", severity=severity)

        self._app.tell("Restart", "ComfyUI was asked to restart; you will be told.")
        self._app.act(call, done, title="Restart")

    # -- the person's own ----------------------------------------------------------------------

    def _restart_by_command(self, command: str) -> None:
        message = f"On this machine, as you, without a shell:\n\n  {clean(command, 2000)}\n\n{self._hit()}"
        self._confirm("Run your restart command?", message, lambda: self._run_command(command))

    def _run_command(self, command: str) -> None:
        from comfy_tui.monitor.own_restart import LIMIT_S, CommandRun, run_restart

        async def call(session: Session) -> CommandRun:
            try:
                return await run_restart(command)
            finally:
                session.poke()

        def done(run: CommandRun) -> None:
            if run.code is None:
                end = f"It took more than {LIMIT_S:g} s and was ended."
            else:
                end = "It ended well." if run.code == 0 else f"It failed with exit code {run.code}."
            text = f"{end}\n\n{run.output or 'It printed nothing.'}"
            self.app.push_screen(NoteDialog("Your restart command", text))

        self._app.tell("Restart", f"Runs: {clean(command, 200)}")
        self._app.act(call, done, title="Restart")
