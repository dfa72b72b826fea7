"""What all screens share that put files into the server's input folder."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from comfy_tui.comfy.types import UploadedFile
from comfy_tui.library.input_folder import Upload
from comfy_tui.screens.place import Placed, PlaceDialog

if TYPE_CHECKING:
    from comfy_tui.app_watch import WatchingApp
    from comfy_tui.monitor.session import Session


class UploadDesk:
    """One for the console: it knows the folder that was chosen last.

    Args:
        console: the app.
    """

    def __init__(self, console: WatchingApp) -> None:
        self._console = console
        self._folder = ""

    def ask(self, upload: Upload, done: Callable[[UploadedFile], str]) -> None:
        """Ask where, upload, and say where it is.

        Args:
            upload: the file.
            done: what to do then; gives what a person does next.
        """

        def placed(answer: Placed | None) -> None:
            if answer is not None:
                self._folder = answer.place.subfolder
                self._send(upload, answer, done)

        offered = f"{self._folder}/{upload.name}" if self._folder else upload.name
        self._console.push_screen(PlaceDialog(upload, offered), placed)

    def _send(self, upload: Upload, placed: Placed, done: Callable[[UploadedFile], str]) -> None:
        async def call(_: Session) -> UploadedFile:
            return await upload.send(placed.place, placed.standing, overwrite=placed.overwrite)

        self._console.act(
            call, lambda uploaded: f"{_where(placed, uploaded)} {done(uploaded)}", title="Uploaded"
        )


def _where(placed: Placed, uploaded: UploadedFile) -> str:
    """The name that the server gave, and what it says of the one that was wanted."""
    wanted = placed.place
    if uploaded.name != wanted.name:
        return f"It is {uploaded.reference} on the server: {wanted.name} was taken."
    if placed.overwrite:
        return f"It is {uploaded.reference} on the server, in place of what was there."
    if placed.standing is not None:
        return f"{uploaded.reference} was on the server already, the same to the byte."
    return f"It is {uploaded.reference} on the server."
