"""All commands as one shell script: on the clipboard, or in a file."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from comfy_tui import paths
from comfy_tui.library.export import clean_name
from comfy_tui.library.script import save_script
from comfy_tui.screens.acting import Acting
from comfy_tui.screens.ask import AskDialog
from comfy_tui.screens.dialogs import ChoiceDialog
from comfy_tui.text import count_of
from comfy_tui.workflow.advice import Advice, as_script


class ScriptActions(Acting):
    """The action ``copy_script``; the screen says of which advice."""

    def all_advices(self) -> Sequence[Advice]:
        """What the script is made of; to be given by the screen."""
        return ()

    def script_name(self) -> str:
        """What the file is called, without its ending."""
        return "comfy-tui"

    def action_copy_script(self) -> None:
        """Ask where the script goes, then make it."""
        advices = self.all_advices()
        if not advices:
            self.console.tell("No script", "Nothing has to be installed or downloaded.", severity="warning")
            return
        commands = sum(bool(advice.commands) for advice in advices)

        def chosen(choice: str | None) -> None:
            if choice == "copy":
                self.console.copy(as_script(advices), "script")
            elif choice == "save":
                self._ask_where(as_script(advices))

        message = (
            f"{count_of(len(advices), 'piece')} of advice, {commands} with a command. Read it before use."
        )
        choices = (("copy", "c", "Copy it to the clipboard"), ("save", "s", "Save it to a file"))
        self.app.push_screen(ChoiceDialog("All as one shell script", choices, message), chosen)

    def _ask_where(self, script: str) -> None:
        project = self.console.options.project
        folder = project.folder if project is not None else paths.working_folder()
        path = folder / f"{clean_name(self.script_name())}.sh"

        def answered(text: str | None) -> None:
            if text:
                self._run(partial(self._save, Path(text), script))

        self.app.push_screen(AskDialog("Save the script", "No file is overwritten.", str(path)), answered)

    async def _save(self, path: Path, script: str) -> None:
        saved = await asyncio.to_thread(save_script, path, script)
        self.console.tell("Saved", f"{saved}\nRead it, then: sh {saved.name}, in ComfyUI's folder.")
