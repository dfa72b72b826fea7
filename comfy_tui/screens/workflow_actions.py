"""What can be done with workflows: queue, change values, upload, export, open by path."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from comfy_tui.errors import ComfyError
from comfy_tui.inventory.prepare import Prepared
from comfy_tui.library.entry import Entry
from comfy_tui.library.recent import add_recent
from comfy_tui.library.source import read_workflow
from comfy_tui.monitor.batch import Outcome, queue_all
from comfy_tui.monitor.submit import Submission
from comfy_tui.screens.dialogs import ChoiceDialog, ConfirmDialog
from comfy_tui.screens.edit import Edited, EditScreen
from comfy_tui.screens.pick import PickDialog
from comfy_tui.screens.upload import WORKFLOW_ENDINGS, PathDialog
from comfy_tui.screens.upload_actions import UploadActions
from comfy_tui.screens.workflow_desk import path_entry
from comfy_tui.screens.workflow_export import ExportActions
from comfy_tui.screens.workflow_pages import PageActions
from comfy_tui.screens.workflow_rules import queue_question, seed_limits, why_never
from comfy_tui.text import count_of
from comfy_tui.widgets.workflow_preview import edits_words
from comfy_tui.workflow.edits import Edits, Key, copies
from comfy_tui.workflow.parameters import FieldKind, fields

if TYPE_CHECKING:
    from comfy_tui.monitor.session import Session

_SHOWN = 8


class WorkflowActions(UploadActions, ExportActions, PageActions):
    """The actions of the area ``workflow``; a second base of the screen that says what is chosen."""

    def acted(self) -> None:
        """Something was queued: marks may go."""

    async def add_recent_entry(self, entry: Entry) -> None:
        """List a file that was opened by its path."""

    # -- queue ---------------------------------------------------------------------------------

    def action_queue_workflow(self) -> None:
        """Queue the marked workflows, after a question, or the one under the cursor."""
        chosen = self.chosen_entries()
        if not chosen:
            self.console.tell("Nothing to queue", "Choose a workflow first.", severity="warning")
        elif self.console.session is None:
            self.console.tell("One moment", "The console is not connected yet.", severity="warning")
        elif any(entry.identity in self.desk.busy for entry in chosen):
            self.console.tell(
                "One moment", "It is still being queued; no answer came yet.", severity="warning"
            )
        else:
            self._run(partial(self._queue, chosen))

    async def _queue(self, chosen: tuple[Entry, ...]) -> None:
        ready: list[tuple[Entry, Prepared]] = []
        problems: list[str] = []
        for entry in chosen:
            try:
                prepared = await self.desk.open(entry, with_nodes=True)
            except ComfyError as error:
                if len(chosen) == 1:
                    raise
                problems.append(f"{entry.name}: {error.title}: {error.message}")
                continue
            refusal = why_never(prepared, self.desk.nodes_problem)
            if refusal:
                problems.append(f"{entry.name}: {refusal}")
            else:
                ready.append((entry, prepared))
        if problems:
            words = "\n".join(problems[:_SHOWN])
            self.console.tell("Cannot be queued", words, severity="error")
        if ready:
            self._ask_then_send(ready, len(chosen) > 1)

    def _ask_then_send(self, ready: list[tuple[Entry, Prepared]], several: bool) -> None:
        question = queue_question(
            ready, self.desk.edits_of, several=several, nodes_problem=self.desk.nodes_problem
        )
        if question is None:
            self._send(ready)
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._send(ready)

        self.app.push_screen(ConfirmDialog(*question), answered)

    def _send(self, ready: list[tuple[Entry, Prepared]]) -> None:
        counts = [max(1, self.desk.edits_of(entry).count) for entry, _ in ready]
        name = ready[0][0].name if len(ready) == 1 else count_of(len(ready), "workflow")
        info, after = self.desk.node_info(), dict[str, tuple[Entry, Edits]]()
        busy = {entry.identity for entry, _ in ready}

        def submissions() -> Iterator[Submission]:
            for entry, prepared in ready:
                assert prepared.prompt is not None
                edits, limits = self.desk.edits_of(entry), seed_limits(prepared, info)
                converter = info.converter if info is not None else None
                made = copies(
                    prepared.prompt,
                    prepared.workflow,
                    prepared.controls,
                    edits,
                    limits=limits,
                    converter=converter,
                )
                for copy in made:
                    submission = Submission(copy.prompt, entry.name, workflow=copy.workflow)
                    after[submission.prompt_id] = (entry, copy.after)
                    yield submission

        def accepted(submission: Submission) -> None:
            entry, edits = after.pop(submission.prompt_id)
            if edits.seed is not None or edits.moved:
                now = self.desk.edits_of(entry)
                self.desk.set_edits(entry, replace(now, moved=edits.moved, queued=edits.queued))

        async def call(session: Session) -> Outcome:
            self.desk.busy |= busy
            try:
                return await queue_all(
                    submissions(), sum(counts), name, session.submit, accepted, session.keep_unsent
                )
            finally:
                self.desk.busy -= busy
                session.poke()

        self.console.act(call, self._queued)

    def _queued(self, outcome: Outcome) -> None:
        self.console.tell(outcome.title, outcome.words, severity=outcome.severity)
        self.acted()
        self.show_again()

    # -- values --------------------------------------------------------------------------------

    def action_edit_workflow(self) -> None:
        """Change the values of the workflow under the cursor."""
        self._with_prompt(self._edit)

    def _with_prompt(self, then: Callable[[Entry, Prepared], None]) -> None:
        """Read the workflow under the cursor anew, then go on if it has a prompt."""
        entry = self.current_entry()
        if entry is None:
            self.console.tell("No workflow", "Choose a workflow first.", severity="warning")
            return

        async def work() -> None:
            prepared = await self.desk.open(entry, with_nodes=True)
            if prepared.prompt is None:
                words = f"{entry.name}: {prepared.why_not}.\n{self.desk.nodes_problem}".rstrip()
                self.console.tell("There is nothing to change yet", words, severity="warning")
            else:
                then(entry, prepared)

        self._run(work)

    def _edit(self, entry: Entry, prepared: Prepared) -> None:
        self.open_form(entry, prepared)

    def open_form(self, entry: Entry, prepared: Prepared, start: Key | None = None) -> None:
        """Change the values of a workflow that has a prompt, beginning with one of them."""

        def left(result: Edited | None) -> None:
            if result is None:
                return
            self.desk.set_edits(entry, result.edits)
            self.show_again()
            if result.queue:
                self._run(partial(self._queue, (entry,)))

        edits = self.desk.edits_of(entry)
        form = EditScreen(entry.name, prepared, edits, self.desk.node_info(), start)
        self.app.push_screen(form, left)

    def action_reset_edits(self) -> None:
        """Forget the changes to the workflow under the cursor."""
        entry = self.current_entry()
        if entry is None or self.desk.edits_of(entry) == Edits():
            return
        words = edits_words(self.desk.edits_of(entry)) or "moved seeds"
        self.desk.set_edits(entry, Edits())
        self.console.tell("As in the file", f"{entry.name}: {words} forgotten.")
        self.show_again()

    # -- upload --------------------------------------------------------------------------------

    def action_upload_image(self) -> None:
        """Choose a local file, upload it, and use the name that the server gave it."""
        self._with_prompt(self._choose_input)

    def _choose_input(self, entry: Entry, prepared: Prepared) -> None:
        assert prepared.prompt is not None
        prompt = prepared.edited(self.desk.edits_of(entry))
        found = [field for field in fields(prompt) if field.kind is FieldKind.FILE]
        if len(found) < 2:
            self.choose_file(entry, found[0].key if found else None)
            return
        labels = [f"{field.title} ({field.node_id}), {field.input}: {field.value}" for field in found]

        def chosen(number: int | None) -> None:
            if number is not None:
                self.choose_file(entry, found[number].key)

        self.app.push_screen(PickDialog("Which input is the file for?", labels), chosen)

    # -- a file by its path, and copying ---------------------------------------------------------

    def action_open_file(self) -> None:
        """Open a workflow file by its path."""

        def chosen(path: Path | None) -> None:
            if path is not None:
                self._run(partial(self._open_path, path))

        self.app.push_screen(PathDialog("Open a workflow file", WORKFLOW_ENDINGS), chosen)

    async def _open_path(self, path: Path) -> None:
        await asyncio.to_thread(read_workflow, path)  # a file that cannot be read is not remembered
        await asyncio.to_thread(add_recent, path)
        await self.add_recent_entry(path_entry(path))

    def action_copy_row(self) -> None:
        """Copy the path or the prompt."""
        entry = self.current_entry()
        if entry is None:
            return
        ready = self.known_of(entry)
        if ready is None or ready.prompt is None:
            self.console.copy(entry.place, "path")
            return
        prompt = ready.edited(self.desk.edits_of(entry))
        texts = {"path": entry.place, "prompt": ""}

        def chosen(choice: str | None) -> None:
            if choice == "prompt":
                texts["prompt"] = json.dumps(prompt, ensure_ascii=False, indent=2)
            if choice is not None:
                self.console.copy(texts[choice], choice)

        choices = (
            ("path", "p", f"The path: {entry.place}"),
            ("prompt", "j", "The prompt as JSON (API format)"),
        )
        self.app.push_screen(ChoiceDialog("Copy", choices), chosen)
