"""Copying what is known of outputs: texts by any way there is, the picture itself on a desktop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from functools import partial

from comfy_tui.content.sniff import Medium
from comfy_tui.errors import ComfyError
from comfy_tui.monitor.outputs import Output, prompt_of
from comfy_tui.screens.output_base import ActsOnOutputs
from comfy_tui.text import clean, count_of, shorten

_Getter = Callable[[Output, str], str]
#: What can be copied: name, key, label, how to get it from an output and the server's URL.
_COPIES: tuple[tuple[str, str, str, _Getter], ...] = (
    ("path", "p", "Path on the server", lambda output, url: output.path),
    ("URL", "u", "URL", lambda output, url: output.url(url)),
    ("prompt", "t", "Prompt", lambda output, url: prompt_of(output)),
    ("negative prompt", "n", "Negative", lambda output, url: _negative(output)),
    ("seed", "s", "Seed", lambda output, url: _seed(output)),
    ("text", "x", "Text", lambda output, url: output.text.text if output.text is not None else ""),
)
#: The largest picture that is put on a desktop's clipboard.
_PICTURE_LIMIT_BYTES = 64 * 1024 * 1024


class CopyActions(ActsOnOutputs):
    """The key that copies."""

    def action_copy_row(self) -> None:
        """Ask what to copy; where there is nothing but an error, copy that."""
        chosen = self.chosen_outputs()
        if not chosen:
            self._copy_problem()
        else:
            self.run_worker(partial(self._ask_what, chosen), group="copy", exclusive=True)

    async def _ask_what(self, chosen: tuple[Output, ...]) -> None:
        found = {what: _joined(chosen, self._tui.server_of, get) for what, _, _, get in _COPIES}
        labels = [(what, key, label) for what, key, label, _ in _COPIES]
        saved = [path for output in chosen if (path := await self._tui.saves.path_of(output)) is not None]
        found["saved path"] = "\n".join(map(str, saved))
        labels.insert(1, ("saved path", "f", "Saved file"))
        choices = [
            (what, key, shorten(f"{label}: {clean(found[what], 120)}", 48))
            for what, key, label in labels
            if found[what]
        ]
        if len(chosen) == 1 and chosen[0].medium is Medium.PICTURE:
            choices.append(("picture", "i", "The picture itself, for a desktop's clipboard"))
        from comfy_tui.screens.dialogs import ChoiceDialog

        def copy(what: str | None) -> None:
            if what == "picture":
                self.run_worker(partial(self._copy_picture, chosen[0]), group="copy")
            elif what is not None:
                self._tui.copy(found[what], what)

        title = "Copy" if len(chosen) == 1 else f"Copy from {count_of(len(chosen), 'output')}"
        self.app.push_screen(ChoiceDialog(title, choices), copy)

    def _copy_problem(self) -> None:
        problem = self._tui.connection.problem or self._tui.jobs.problem
        if problem is not None:
            self._tui.copy(f"{problem.title}: {problem.message}\n{problem.hint}", "error")
        else:
            self._tui.tell("Not copied", "There is nothing to copy.", severity="warning")

    async def _copy_picture(self, output: Output) -> None:
        from comfy_tui import picture_clipboard

        client = self._tui.client_of(output)
        if client is None or output.file is None:
            self._tui.tell("One moment", "The console is not connected yet.", severity="warning")
            return
        try:
            picture_clipboard.find_tool(os.environ)  # before anything is fetched
            content = await client.view_bytes(output.file, limit_bytes=_PICTURE_LIMIT_BYTES)
            tool = await asyncio.to_thread(picture_clipboard.copy_picture, content, os.environ)
        except ComfyError as error:
            self._tui.tell_error(error)
            return
        self._tui.tell("Clipboard", f"The picture is on the desktop's clipboard ({tool}).")


def _seed(output: Output) -> str:
    summary = output.job.summary
    return str(summary.seed) if summary is not None and summary.seed is not None else ""


def _negative(output: Output) -> str:
    return output.job.summary.negative if output.job.summary is not None else ""


def _joined(outputs: tuple[Output, ...], server_of: Callable[[Output], str], get: _Getter) -> str:
    """Their values, a line each, each once."""
    return "\n".join(dict.fromkeys(value for output in outputs if (value := get(output, server_of(output)))))
