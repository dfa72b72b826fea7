"""Saving outputs to a folder: the chosen ones, all new ones, or every new one by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from comfy_tui.monitor.outputs import Output
from comfy_tui.monitor.saving import Saved
from comfy_tui.screens.output_base import ActsOnOutputs
from comfy_tui.screens.save_desk import SaveDesk
from comfy_tui.text import clean, count_of

_WAYS = (
    ("plain", "k", "As it is, byte for byte, with the workflow in it"),
    ("stripped", "m", "Without metadata: no prompt, no workflow (PNG, WebP, JPEG, MP4, FLAC, MP3)"),
    ("new", "n", "All that were not saved yet, as they are; no temporary ones"),
)


class SaveActions(ActsOnOutputs):
    """The keys that save."""

    @property
    def _desk(self) -> SaveDesk:
        return self._tui.saves

    def action_save_output(self) -> None:
        """Save to the folder of the config, or to the one that was given before; else ask."""
        self._save(self.chosen_outputs(), self._desk.folder, strip=self._desk.strips)

    def action_save_output_to(self) -> None:
        """Ask for the folder, then save."""
        self._save(self.chosen_outputs(), None, strip=self._desk.strips)

    def action_save_otherwise(self) -> None:
        """Ask what to save and how."""
        from comfy_tui.screens.dialogs import ChoiceDialog

        def chosen(way: str | None) -> None:
            if way == "new":
                self.run_worker(self._save_new, group="actions")
            elif way is not None:
                self._save(self.chosen_outputs(), self._desk.folder, strip=way == "stripped")

        what = count_of(len(self.chosen_outputs()), "output")
        self.app.push_screen(ChoiceDialog("Save otherwise", _WAYS, f"Chosen: {what}"), chosen)

    async def _save_new(self) -> None:
        new = await self._desk.unsaved(self.all_outputs())
        if not new:
            self._tui.tell("Nothing is new", "Everything was saved already, or is temporary.")
        else:
            self._save(new, self._desk.folder, strip=self._desk.strips)

    def _save(self, outputs: Sequence[Output], folder: Path | None, *, strip: bool) -> None:
        files = [output for output in outputs if output.file is not None]
        if not files:
            words = "A text of a node is not a file; y copies it." if outputs else "There is nothing to save."
            self._tui.tell("Not saved", words, severity="warning")
            return

        def start(folder: Path) -> None:
            self._desk.folder = folder
            self._tui.act(
                lambda session: self._desk.save(session.client, files, folder, strip=strip),
                self._done,
                title="Saved",
            )

        if folder is not None:
            start(folder)
            return
        what = clean(files[0].name, 100) if len(files) == 1 else count_of(len(files), "file")
        self._ask_folder("Save", f"{what}: into which folder?", start)

    def _ask_folder(self, title: str, question: str, then: Callable[[Path], None]) -> None:
        from comfy_tui.screens.ask import AskDialog

        message = f"{question} It is made where it lacks; no file there is overwritten."
        self.app.push_screen(
            AskDialog(title, message, str(self._desk.offered)),
            lambda answer: then(Path(answer)) if answer else None,
        )

    def _done(self, saved: Saved) -> str:
        self.acted()
        total = len(saved.files) + len(saved.failed) + saved.left
        if not saved.failed and not saved.left:
            return str(saved.files[0]) if total == 1 else f"{count_of(total, 'file')} in {saved.folder}"
        lines = [f"{len(saved.files)} of {count_of(total, 'file')} in {saved.folder}."]
        if saved.left:
            lines[0] += f" Stopped: {count_of(saved.left, 'file')} left."
        if saved.failed:
            lines[0] += " Not saved:"
            lines += [f"{name}: {error}" for name, error in saved.failed[:3]]
        if len(saved.failed) > 3:
            lines.append(f"and {len(saved.failed) - 3} more")
        return "\n".join(lines)

    def action_stop_saving(self) -> None:
        """Stop; what is whole by now stays."""
        if not self._desk.stop():
            self._tui.tell("Nothing to stop", "Nothing is being saved.")

    # -- by itself -----------------------------------------------------------------------------

    def action_toggle_auto_save(self) -> None:
        """Save every new output of our jobs by itself from now on, or not any more."""
        if self._desk.is_automatic:
            self._desk.set_automatic(False)
            self._tui.tell("Not saved by itself any more", "s saves the chosen ones.")
        elif self._desk.folder is None:
            self._ask_folder(
                "Save by itself", "Every new output of your jobs, into which folder?", self._auto_on
            )
        else:
            self._auto_on(self._desk.folder)

    def _auto_on(self, folder: Path) -> None:
        self._desk.folder = folder
        self._desk.set_automatic(True)
        words = f"New outputs of your jobs go to {folder} until the console is left. A ends it; auto_save of "
        self._tui.tell("Saved by itself", words + "the config keeps it on.")
