"""What can be done with outputs: save them to a folder, copy what is known of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from textual.screen import Screen

from comfy_tui.monitor.outputs import Output, prompt_of
from comfy_tui.monitor.saving import Saved, save_files
from comfy_tui.text import clean, count_of, shorten

if TYPE_CHECKING:
    from comfy_tui.app import ComfyApp

#: What can be copied: id, key, label, how to get it from an output.
_Getter = Callable[[Output, str], str]
_COPIES: tuple[tuple[str, str, str, _Getter], ...] = (
    ("path", "p", "Path on the server", lambda output, url: output.path),
    ("URL", "u", "URL", lambda output, url: output.url(url)),
    ("prompt", "t", "Prompt", lambda output, url: prompt_of(output)),
    ("seed", "s", "Seed", lambda output, url: _seed(output)),
    ("text", "x", "Text", lambda output, url: output.text.text if output.text is not None else ""),
)


class OutputActions(Screen[Any]):
    """A second base of a screen that shows outputs."""

    _folder: Path | None = None

    def chosen_outputs(self) -> tuple[Output, ...]:
        """What the actions are for; to be given by the screen."""
        return ()

    def acted(self) -> None:
        """An action was done on them."""

    @property
    def _tui(self) -> ComfyApp:
        return cast("ComfyApp", self.app)

    # -- save ----------------------------------------------------------------------------------

    def action_save_output(self) -> None:
        """Save to the folder of the config, or to the one that was given before; else ask."""
        self._save(self._folder or self._tui.options.config.save_folder)

    def action_save_output_to(self) -> None:
        """Ask for the folder, then save."""
        self._save(None)

    def _save(self, folder: Path | None) -> None:
        chosen = self.chosen_outputs()
        files = [output.file for output in chosen if output.file is not None]
        if not files:
            words = "A text of a node is not a file; y copies it." if chosen else "There is nothing to save."
            self._tui.tell("Not saved", words, severity="warning")
            return

        def start(folder: Path) -> None:
            self._folder = folder
            self._tui.act(
                lambda session: save_files(session.client, files, folder), self._done, title="Saved"
            )

        if folder is not None:
            start(folder)
            return
        from comfy_tui.screens.ask import AskDialog

        what = clean(files[0].filename, 100) if len(files) == 1 else count_of(len(files), "file")
        message = f"{what}: into which folder? It is made where it lacks; no file there is overwritten."
        self.app.push_screen(
            AskDialog("Save", message, str(self._offered())),
            lambda answer: start(Path(answer)) if answer else None,
        )

    def _offered(self) -> Path:
        options = self._tui.options
        if self._folder is not None or options.config.save_folder is not None:
            return self._folder or options.config.save_folder or Path()
        return options.project.folder / "outputs" if options.project is not None else Path("~/comfy-outputs")

    def _done(self, saved: Saved) -> str:
        self.acted()
        total = len(saved.files) + len(saved.failed)
        if not saved.failed:
            return str(saved.files[0]) if total == 1 else f"{count_of(total, 'file')} in {saved.folder}"
        lines = [f"{len(saved.files)} of {count_of(total, 'file')} in {saved.folder}. Not saved:"]
        lines += [f"{name}: {error}" for name, error in saved.failed[:3]]
        if len(saved.failed) > 3:
            lines.append(f"and {len(saved.failed) - 3} more")
        return "\n".join(lines)

    # -- copy ----------------------------------------------------------------------------------

    def action_copy_row(self) -> None:
        """Ask what to copy; where there is nothing but an error, copy that."""
        chosen = self.chosen_outputs()
        if not chosen:
            self._copy_problem()
            return
        url = self._tui.connection.url
        found = {what: _joined(chosen, url, get) for what, _, _, get in _COPIES}
        choices = [
            (what, key, shorten(f"{label}: {clean(found[what], 120)}", 48))
            for what, key, label, _ in _COPIES
            if found[what]
        ]
        from comfy_tui.screens.dialogs import ChoiceDialog

        title = "Copy" if len(chosen) == 1 else f"Copy from {count_of(len(chosen), 'output')}"
        self.app.push_screen(
            ChoiceDialog(title, choices),
            lambda what: self._tui.copy(found[what], what) if what else None,
        )

    def _copy_problem(self) -> None:
        problem = self._tui.connection.problem or self._tui.jobs.problem
        if problem is not None:
            self._tui.copy(f"{problem.title}: {problem.message}\n{problem.hint}", "error")
        else:
            self._tui.tell("Not copied", "There is nothing to copy.", severity="warning")


def _seed(output: Output) -> str:
    summary = output.job.summary
    return str(summary.seed) if summary is not None and summary.seed is not None else ""


def _joined(outputs: tuple[Output, ...], url: str, get: _Getter) -> str:
    """Their values, a line each, each once."""
    return "\n".join(dict.fromkeys(value for output in outputs if (value := get(output, url))))
