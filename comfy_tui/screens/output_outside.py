"""Outputs outside of the console: in the desktop's viewer, in a browser, and back on the server as inputs."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

from comfy_tui.comfy.types import OutputFile, UploadedFile
from comfy_tui.content.sniff import Medium
from comfy_tui.errors import ComfyError, ServerError
from comfy_tui.monitor.outputs import Output
from comfy_tui.screens.output_saving import SaveActions
from comfy_tui.text import clean

if TYPE_CHECKING:
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
        self.run_worker(self._ask_where(output), group="outside", exclusive=True, exit_on_error=True)

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
        self.run_worker(self._open_outside(target), group="outside", exit_on_error=True)

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
            if what == "output" and output is not None:
                self._upload_output(output)
            elif what == "file":
                self._choose_path("A file as an input", self._upload_file)
            elif what == "mask" and output is not None:
                mask_of = output
                title = f"The mask for {clean(output.name, 40)}: white, or transparent, is masked"
                self._choose_path(title, lambda path: self._upload_mask(mask_of, path))

        message = "It goes into the server's input folder; nothing there is overwritten."
        self.app.push_screen(ChoiceDialog("Upload as an input", choices, message), picked)

    def _choose_path(self, title: str, then: object) -> None:
        from comfy_tui.screens.upload import PathDialog

        def chosen(path: Path | None) -> None:
            if path is not None and callable(then):
                then(path)

        self.app.push_screen(PathDialog(title), chosen)

    def _upload_output(self, output: Output) -> None:
        from comfy_tui.library.picture import UPLOAD_LIMIT_BYTES
        from comfy_tui.naming import safe_name

        file = output.file
        assert file is not None

        async def call(session: Session) -> UploadedFile:
            client = self._tui.client_of(output) or session.client
            content = await client.view_bytes(file, limit_bytes=UPLOAD_LIMIT_BYTES)
            return await session.client.upload_image(safe_name(file.filename), content)

        self._tui.act(call, self._uploaded, title="Uploaded")

    def _upload_file(self, path: Path) -> None:
        from comfy_tui.library.picture import read_picture

        async def call(session: Session) -> UploadedFile:
            name, content = await asyncio.to_thread(read_picture, path)
            return await session.client.upload_image(name, content)

        self._tui.act(call, self._uploaded, title="Uploaded")

    def _upload_mask(self, output: Output, path: Path) -> None:
        file = output.file
        assert file is not None
        self._tui.act(lambda session: upload_mask(session, file, path), self._uploaded, title="Uploaded")

    def _uploaded(self, uploaded: UploadedFile) -> str:
        self._tui.inputs_changed += 1
        return (
            f"It is {uploaded.reference} in the server's input folder: choose it in a workflow's input "
            "(2, then e)."
        )


async def upload_mask(session: Session, original: OutputFile, path: Path) -> UploadedFile:
    """Upload a mask for an output, and make sure that the server made the masked picture.

    Raises:
        ComfyError: it cannot be read, does not fit, or nothing was made.
    """
    import secrets

    from comfy_tui.library.mask import read_mask
    from comfy_tui.naming import safe_name

    content, size = await asyncio.to_thread(read_mask, path)
    stem = safe_name(original.filename).rpartition(".")[0] or "picture"
    # A name of its own: an older file of that name would look like success.
    name = f"{stem[:80]}-masked-{secrets.token_hex(3)}.png"
    try:
        made = await session.client.upload_mask(name, content, original)
    except ServerError as error:
        error.hint = f"The mask is {size[0]}x{size[1]}: it must have the picture's size."
        raise
    try:
        await session.client.view_size(OutputFile(made.name, made.subfolder, made.type, ""))
    except ComfyError as error:
        raise ComfyError(
            "The mask was not put on the picture",
            "the server took the mask and made nothing of it",
            "The original is gone from the server, or it is no picture.",
        ) from error
    return made
