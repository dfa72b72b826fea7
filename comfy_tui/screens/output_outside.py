"""Outputs outside of the console: in the desktop's viewer, in a browser, and back on the server as inputs."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from comfy_tui.content.sniff import Medium
from comfy_tui.errors import ComfyError
from comfy_tui.monitor.outputs import Output
from comfy_tui.screens.output_saving import SaveActions
from comfy_tui.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable

    from comfy_tui.comfy.client import ComfyClient
    from comfy_tui.comfy.types import UploadedFile
    from comfy_tui.library.input_folder import Upload
    from comfy_tui.monitor.session import Session


class OutsideActions(SaveActions):
    """The keys ``v`` and ``i``."""

    # -- the desktop ---------------------------------------------------------------------------

    def action_view_outside(self) -> None:
        """Ask where to open it, where there is a desktop."""
        output = self.one_output("Nothing to open")
        if output is None:
            return
        if output.file is None:
            self._tui.tell("Nothing to open", "A text of a node is not a file.", severity="warning")
            return
        from comfy_tui import desktop

        try:
            desktop.find_opener(os.environ)
        except ComfyError as error:
            self._tui.tell_error(error)
            return
        self.run_worker(partial(self._ask_where, output), group="outside", exclusive=True)

    async def _ask_where(self, output: Output) -> None:
        from comfy_tui import desktop
        from comfy_tui.screens.dialogs import ChoiceDialog

        saved = await self._tui.saves.path_of(output)
        choices = []
        if saved is not None:
            choices.append(("file", "f", f"The saved file: {saved.name}"))
        elif desktop.is_viewable(output.name):
            choices.append(("save", "f", "Save it, then open the file"))
        choices.append(("browser", "b", "Its URL, in the browser"))

        def chosen(where: str | None) -> None:
            if where == "browser":
                self._open(output.url(self._tui.server_of(output)))
            elif where == "file" and saved is not None:
                self._open(saved)
            elif where == "save":
                self._save_then_open(output)

        self.app.push_screen(ChoiceDialog("Open outside", choices, clean(output.name, 60)), chosen)

    def _save_then_open(self, output: Output) -> None:
        def start(folder: Path) -> None:
            self._tui.saves.folder = folder

            async def call(session: Session) -> Path:
                saved = await self._tui.saves.save(session.client, [output], folder, strip=False)
                return saved.files[0]

            def done(path: Path) -> str:
                self._open(path)
                return str(path)

            self._tui.act(call, done, title="Saved")

        if self._tui.saves.folder is not None:
            start(self._tui.saves.folder)
        else:
            self._ask_folder("Save", f"{clean(output.name, 100)}: into which folder?", start)

    def _open(self, target: Path | str) -> None:
        self.run_worker(partial(self._open_outside, target), group="outside")

    async def _open_outside(self, target: Path | str) -> None:
        from comfy_tui import desktop

        try:
            tool = await asyncio.to_thread(desktop.open_outside, target, os.environ)
        except ComfyError as error:
            self._tui.tell_error(error)
            return
        self._tui.tell("Opened", f"{clean(target, 200)}, by {tool}")

    # -- as an input ---------------------------------------------------------------------------

    def action_upload_output(self) -> None:
        """Ask what to upload as an input."""
        from comfy_tui.library.input_folder import file_upload, mask_upload, output_upload
        from comfy_tui.screens.dialogs import ChoiceDialog

        chosen = self.chosen_outputs()
        output = chosen[0] if chosen and chosen[0].file is not None else None
        choices = []
        if output is not None:
            choices.append(("output", "o", f"This output: {clean(output.name, 40)}"))
        choices.append(("file", "f", "A local file"))
        if output is not None and output.medium is Medium.PICTURE and not output.server:
            choices.append(("mask", "m", "A local mask for this picture"))

        def picked(what: str | None) -> None:
            file = output.file if output is not None else None
            if what == "output" and output is not None and file is not None:
                source = self._tui.client_of(output)
                self._upload(lambda client: output_upload(client, file, source))
            elif what == "file":
                self._choose_path("A file as an input", file_upload)
            elif what == "mask" and output is not None and file is not None:
                title = f"The mask for {clean(output.name, 40)}: white, or transparent, is masked"
                self._choose_path(title, lambda client, path: mask_upload(client, file, path))

        message = "It goes into the server's input folder; you are asked under which name."
        self.app.push_screen(ChoiceDialog("Upload as an input", choices, message), picked)

    def _choose_path(self, title: str, made: Callable[[ComfyClient, Path], Upload]) -> None:
        from comfy_tui.screens.upload import PathDialog

        def chosen(path: Path | None) -> None:
            if path is not None:
                self._upload(lambda client: made(client, path))

        self.app.push_screen(PathDialog(title), chosen)

    def _upload(self, made: Callable[[ComfyClient], Upload]) -> None:
        session = self._tui.session
        if session is None:
            self._tui.tell("One moment", "The console is not connected yet.", severity="warning")
            return

        def done(_: UploadedFile) -> str:
            self._tui.inputs_changed += 1
            return "Choose it in a workflow's input (2, then e)."

        self._tui.uploads.ask(made(session.client), done)
