"""Uploading a file for an input of a workflow; the name that the server gives it becomes its value."""

from __future__ import annotations

from pathlib import Path

from comfy_tui.comfy.types import UploadedFile
from comfy_tui.library.entry import Entry
from comfy_tui.library.input_folder import file_upload
from comfy_tui.screens.acting import Acting
from comfy_tui.screens.upload import PathDialog
from comfy_tui.workflow.edits import Key


class UploadActions(Acting):
    """Choose a local file, upload it, use it."""

    def choose_file(self, entry: Entry, target: Key | None) -> None:
        """Ask which file, then upload it.

        Args:
            entry: the workflow.
            target: the input that it is for; None where the workflow has none.
        """

        def chosen(path: Path | None) -> None:
            if path is not None:
                self._upload(entry, target, path)

        title = "Upload an input file" if target else "Upload a file; this workflow has no input for one"
        self.app.push_screen(PathDialog(title), chosen)

    def _upload(self, entry: Entry, target: Key | None, path: Path) -> None:
        client = self.desk.client
        if client is None:
            self.console.tell("One moment", "The console is not connected yet.", severity="warning")
            return

        def done(uploaded: UploadedFile) -> str:
            self.desk.take_upload(uploaded.reference)
            if target is not None:
                edits = self.desk.edits_of(entry).with_value(target, uploaded.reference)
                self.desk.set_edits(entry, edits)
            if self.is_attached:
                self._run(self._after_upload)
            if target is None:
                return "The workflow has no input for it."
            return f"Node {target[0]} uses it now. Q queues."

        self.console.uploads.ask(file_upload(client, path), done)

    async def _after_upload(self) -> None:
        await self.desk.fetch_nodes()
        self.show_again()
