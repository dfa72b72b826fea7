"""Installing by the server's Manager: plan, question, progress, true result, and then the restart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from comfy_tui.comfy.manager_rules import Allowed
from comfy_tui.monitor.install import Installer, InstallPlan, InstallProgress, InstallResult, can_install
from comfy_tui.monitor.restart import RestartOutcome, RestartPlan, RestartProgress, RestartResult
from comfy_tui.screens.acting import Acting
from comfy_tui.screens.dialogs import ConfirmDialog
from comfy_tui.screens.pick import PickDialog
from comfy_tui.text import clean, count_of, format_duration
from comfy_tui.workflow.advice import Advice

if TYPE_CHECKING:
    from comfy_tui.monitor.session import Session

#: Seconds between two questions to the Manager.
STEP_S = 1.0


class InstallActions(Acting):
    """The actions ``install_missing`` and ``restart_server``; the screen shows how far they are."""

    def chosen_advices(self) -> Sequence[Advice]:
        """What the row under the cursor advises; to be given by the screen."""
        return ()

    def say_work(self, words: str) -> None:
        """Show how far it is; empty when it has ended."""

    async def server_changed(self) -> None:
        """Something was installed: ask the server anew and judge again."""

    def action_install_missing(self) -> None:
        """Have the server's Manager install what the row lacks; asks first."""
        session, manager = self.console.session, self.desk.adviser.manager
        chosen = [advice for advice in self.chosen_advices() if can_install(advice)]
        why = ""
        if session is None:
            why = "The console is not connected yet."
        elif self.desk.installing:
            why = "Something is being installed; wait for its end."
        elif not chosen:
            why = "Choose a missing node whose pack is known, or a missing model whose source is known."
        elif manager is None:
            why = "No Manager is known on this server. y copies the command to run on its machine."
        if why or session is None or manager is None:
            self.console.tell("Nothing is installed", why, severity="warning")
            return
        installer = Installer(session.client, manager, session.live, step_s=STEP_S)
        self._pick(chosen, lambda advice: self._run(partial(self._plan, installer, advice)))

    def _pick(self, chosen: Sequence[Advice], then: Callable[[Advice], None]) -> None:
        if len(chosen) == 1:
            then(chosen[0])
            return

        def picked(number: int | None) -> None:
            if number is not None:
                then(chosen[number])

        labels = [f"{advice.what}: {advice.message}" for advice in chosen]
        self.app.push_screen(PickDialog("Install what?", labels), picked)

    async def _plan(self, installer: Installer, advice: Advice) -> None:
        self.say_work("asking the Manager what it would do ...")
        try:
            plan = await installer.plan(advice)
        finally:
            self._show_work("")
        if not plan.possible:
            words = f"{plan.why_not or plan.rule}\n{plan.instead} y copies it."
            self.console.tell("The Manager cannot install it", words, severity="warning")
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._install(installer, plan)

        self.app.push_screen(ConfirmDialog(f"Install {plan.what}?", plan_words(plan), "Install"), answered)

    # -- the install ---------------------------------------------------------------------------

    def _install(self, installer: Installer, plan: InstallPlan) -> None:
        async def call(session: Session) -> InstallResult | None:
            self.desk.installing, result = True, None
            try:
                async for value in installer.run(plan):
                    if isinstance(value, InstallProgress):
                        self._show_work(progress_words(plan, value))
                    else:
                        result = value
            finally:
                self.desk.installing = False
                self._show_work("")
            return result

        def done(result: InstallResult | None) -> None:
            if result is not None:
                self._installed(installer, plan, result)

        self.console.act(call, done, title="Install")

    def _show_work(self, words: str) -> None:
        if self.is_attached:
            self.say_work(words)

    def _installed(self, installer: Installer, plan: InstallPlan, result: InstallResult) -> None:
        severity = "information" if result.ok else "warning" if result.offers_restart else "error"
        words = "\n".join(part for part in (result.message, result.hint) if part)
        self.console.tell(result.title, words or "Done.", severity=severity)
        if result.offers_restart and plan.needs_restart:
            # No question now: its keys would be those that the person is just typing for the list.
            self.desk.restart_due |= set(plan.advice.classes)
            self._show_work("")
        elif result.ok and self.is_attached:
            self._run(self.server_changed)

    # -- the restart ---------------------------------------------------------------------------

    def action_restart_server(self) -> None:
        """Have the Manager restart ComfyUI, after a question that says what that hits."""
        session, manager = self.console.session, self.desk.adviser.manager
        if session is None or manager is None or self.desk.installing:
            why = "No Manager is known on this server; restart ComfyUI on its machine."
            why = "Something is being installed; wait for its end." if self.desk.installing else why
            self.console.tell("Not restarted", why, severity="warning")
            return
        self._run(partial(self._ask_restart, Installer(session.client, manager, session.live, step_s=STEP_S)))

    async def _ask_restart(self, installer: Installer) -> None:
        plan = await installer.plan_restart()
        if plan.allowed is Allowed.NO:
            self.console.tell("Not restarted", f"{plan.rule} Restart it on its machine.", severity="warning")
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._restart(installer, tuple(sorted(self.desk.restart_due)))

        self.app.push_screen(ConfirmDialog("Restart ComfyUI now?", restart_words(plan), "Restart"), answered)

    def _restart(self, installer: Installer, classes: Sequence[str]) -> None:
        async def call(session: Session) -> RestartResult | None:
            self.desk.installing, result = True, None
            try:
                async for value in installer.restart(classes):
                    if isinstance(value, RestartProgress):
                        self._show_work(f"{value.text} ... {format_duration(value.elapsed_s)}")
                    else:
                        result = value
            finally:
                self.desk.installing = False
                self._show_work("")
                session.poke()
            return result

        def done(result: RestartResult | None) -> None:
            if result is None:
                return
            if result.outcome in (RestartOutcome.READY, RestartOutcome.NODES_MISSING):
                self.desk.restart_due.clear()
            words = "\n".join(part for part in (result.message, result.hint) if part)
            severity = "information" if result.ok else "error"
            self.console.tell(result.title, words or "It answers again.", severity=severity)
            if self.is_attached:
                self._run(self.server_changed)

        self.console.act(call, done, title="Restart")


def plan_words(plan: InstallPlan) -> str:
    """The pack, its source, its version, and the rule: what a person agrees to."""
    lines = [
        f"{clean(plan.what, 200)} {clean(plan.version, 60)}".rstrip(),
        f"from {clean(plan.source or 'an unknown place', 300)}",
        f"into {clean(plan.target, 200)} on the server, by its Manager {clean(plan.manager.version, 30)}",
        f"told by: {plan.advice.origin.value}",
        f"Rule: {clean(plan.rule, 600)}",
    ]
    if plan.allowed is not Allowed.BY_DEFAULT:
        lines.append(f"This will be {plan.allowed.value}.")
    lines += [f"! {clean(note, 400)}" for note in plan.notes]
    if plan.needs_restart:
        lines.append("ComfyUI must be restarted afterwards; that is asked separately.")
    return "\n".join(lines)


def progress_words(plan: InstallPlan, value: InstallProgress) -> str:
    """How far it is, on one line."""
    count = f", {value.done} of {value.total}" if value.total else ""
    what, since = clean(plan.what, 80), format_duration(value.elapsed_s)
    return f"installing {what}: {clean(value.text, 200)}{count}, {since}"


def restart_words(plan: RestartPlan) -> str:
    """What a restart hits."""
    hit = []
    if plan.running:
        hit.append(f"{count_of(plan.running, 'job')} that runs")
    if plan.waiting:
        hit.append(f"{count_of(plan.waiting, 'job')} that waits")
    lines = [f"Lost by it: {', '.join(hit)}." if hit else "No job runs or waits."]
    lines += ["The new nodes are there only after it. It may take minutes.", f"Rule: {plan.rule}"]
    if plan.allowed is Allowed.DOUBTFUL:
        lines.append(f"This will be {plan.allowed.value}.")
    return "\n".join(lines)
