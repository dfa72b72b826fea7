"""Writing a workflow to the project's folder: in its own format with the changes, or in API format."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from comfy_tui import paths
from comfy_tui.inventory.prepare import Prepared
from comfy_tui.library.entry import Entry
from comfy_tui.library.export import DRAG_HINT, Export, export_path, free_path, write_export
from comfy_tui.screens.acting import Choosing
from comfy_tui.screens.dialogs import ChoiceDialog
from comfy_tui.screens.workflow_rules import api_export, editor_export, export_of
from comfy_tui.text import count_of
from comfy_tui.workflow.formats import WorkflowKind

_API_HINT = "API format is for scripts and for Q; ComfyUI's window opens it without a layout."


class ExportActions(Choosing):
    """The action ``export_workflow``; works offline."""

    def action_export_workflow(self) -> None:
        """Write the workflow under the cursor to the project's folder."""
        entry = self.current_entry()
        if entry is None:
            self.console.tell("No workflow", "Choose a workflow first.", severity="warning")
            return
        self._run(partial(self._export, entry))

    async def _export(self, entry: Entry) -> None:
        known = self.known_of(entry)
        # What lies on a server that is away can still be exported if it is on the screen.
        prepared = known if known is not None and not entry.is_local else await self.desk.open(entry)
        if prepared.file.kind is WorkflowKind.API or prepared.prompt is None:
            await self._write(entry, export_of(prepared, self.desk.edits_of(entry)), DRAG_HINT)
            return
        changes = len(self.desk.edits_of(entry).values)
        changed = f"with {count_of(changes, 'changed value')} in it" if changes else "as in the file"
        choices = (
            ("editor", "e", f"The editor's format, {changed}"),
            ("api", "a", "API format, without layout and notes"),
        )

        def chosen(choice: str | None) -> None:
            if choice is not None:
                self._run(partial(self._export_as, entry, prepared, choice))

        self.app.push_screen(ChoiceDialog("Export as", choices), chosen)

    async def _export_as(self, entry: Entry, prepared: Prepared, choice: str) -> None:
        edits, info = self.desk.edits_of(entry), self.desk.node_info()
        if choice == "api":
            await self._write(entry, api_export(prepared, edits), _API_HINT)
            return
        export = await asyncio.to_thread(editor_export, prepared, edits, info)
        await self._write(entry, export, DRAG_HINT)

    async def _write(self, entry: Entry, export: Export, hint: str) -> None:
        project = self.console.options.project
        base, name = (
            (project.folder, project.name) if project is not None else (paths.working_folder(), "default")
        )
        path = await asyncio.to_thread(export_path, base, name, Path(entry.name).name)
        try:
            await asyncio.to_thread(write_export, path, export.document)
        except FileExistsError:
            self._ask_overwrite(path, export, hint)
            return
        self._exported(path, export, hint)

    def _ask_overwrite(self, path: Path, export: Export, hint: str) -> None:
        free = free_path(path)
        choices = (
            ("new", "n", f"Write {free.name} beside it"),
            ("over", "o", f"Overwrite {path.name}"),
        )

        async def write(choice: str) -> None:
            target = path if choice == "over" else free
            try:
                await asyncio.to_thread(write_export, target, export.document, overwrite=choice == "over")
            except FileExistsError:
                self._ask_overwrite(path, export, hint)
                return
            self._exported(target, export, hint)

        def chosen(choice: str | None) -> None:
            if choice is not None:
                self._run(partial(write, choice))

        self.app.push_screen(ChoiceDialog("There is such a file", choices, str(path)), chosen)

    def _exported(self, path: Path, export: Export, hint: str) -> None:
        note = f"\n{export.note}" if export.note else ""
        severity = "warning" if export.incomplete else "information"
        self.console.tell("Exported", f"{path}\n{hint}{note}", severity=severity)
