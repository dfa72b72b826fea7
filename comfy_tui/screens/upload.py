"""Choosing a local file: type its path, or walk the folders below the line."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from comfy_tui import paths
from comfy_tui.errors import WorkflowError
from comfy_tui.library.picture import MEDIA_ENDINGS, Item, list_items
from comfy_tui.library.source import typed_path
from comfy_tui.screens.pick import PICK_BINDINGS, PICK_CSS
from comfy_tui.text import clean, format_bytes
from comfy_tui.widgets.leavable import Leavable
from comfy_tui.widgets.row import Cell, Column, Row
from comfy_tui.widgets.row_list import RowList
from comfy_tui.workflow.metadata import MEDIA_ENDINGS as WORKFLOW_MEDIA

WORKFLOW_ENDINGS = (".json", *WORKFLOW_MEDIA)


class PathDialog(Leavable, ModalScreen[Path | None]):
    """Gives the path of a file that is there.

    Args:
        title: what the file is for.
        endings: which files are listed; any can be typed.
        start: the folder to begin in.
    """

    DEFAULT_CSS = f"PathDialog {{ {PICK_CSS} }}"
    BINDINGS: ClassVar[list[BindingType]] = [
        *PICK_BINDINGS,
        Binding("tab", "complete", "Complete", priority=True),
        Binding("ctrl+u", "parent", "Up", priority=True),
    ]

    def __init__(
        self, title: str, endings: tuple[str, ...] = MEDIA_ENDINGS, start: Path | None = None
    ) -> None:
        super().__init__()
        self._title = title
        self._endings = endings
        self._start = start or paths.working_folder()
        self._folder: Path | None = None
        self._items: tuple[Item, ...] = ()

    def compose(self) -> ComposeResult:
        """The path above the files of its folder."""
        with Vertical() as box:
            box.border_title = Text(clean(self._title))
            box.border_subtitle = "tab completes · enter takes · ctrl+u up · esc closes"
            yield Input(placeholder="a path, ~ is your home", compact=True, select_on_focus=False)
            yield Static(id="where", classes="line", markup=False)
            yield RowList((Column("Name"), Column("Size", 8, right=True)))

    def on_mount(self) -> None:
        """List the first folder."""
        self.query_one(Input).focus()
        self._look("")

    # -- the folder ----------------------------------------------------------------------------

    def _split(self, text: str) -> tuple[Path, str]:
        """The folder that is typed of, and the beginning of a name in it."""
        head, _, tail = text.rpartition("/")
        if not head and not text.startswith("/"):
            return (typed_path("~", self._start), "") if text == "~" else (self._start, tail)
        return typed_path(head + "/", self._start), tail

    def _look(self, text: str) -> None:
        try:
            folder, _ = self._split(text)
        except WorkflowError:
            return
        if folder == self._folder:
            self._paint(text)
        else:
            self._read(folder)

    @work(group="folder", exclusive=True)
    async def _read(self, folder: Path) -> None:
        words = ""
        try:
            self._items = await asyncio.to_thread(list_items, folder, self._endings)
        except (OSError, ValueError) as error:
            self._items = ()
            words = f": {getattr(error, 'strerror', None) or error}"
        self._folder = folder
        self._say(f"{folder}{words}")
        self._paint(self.query_one(Input).value)

    def _say(self, words: str) -> None:
        self.query_one("#where", Static).update(Text(clean(words)))

    def _paint(self, text: str) -> None:
        try:
            _, start = self._split(text)
        except WorkflowError:
            return
        wanted = start.casefold()
        found = [item for item in self._items if wanted in item.name.casefold()]
        found.sort(key=lambda item: not item.name.casefold().startswith(wanted))
        self.query_one(RowList).set_rows(
            Row(
                item.name,
                (
                    clean(item.name, 300) + ("/" if item.is_folder else ""),
                    Cell("" if item.is_folder else format_bytes(item.size_bytes), "dim"),
                ),
            )
            for item in found
        )

    def on_input_changed(self, event: Input.Changed) -> None:
        """Follow what is typed."""
        event.stop()
        self._look(event.value)

    # -- taking one ----------------------------------------------------------------------------

    def _chosen(self) -> Item | None:
        key = self.query_one(RowList).current_key
        return next((item for item in self._items if item.name == key), None)

    def _put(self, item: Item) -> None:
        """Write the chosen name into the line."""
        line = self.query_one(Input)
        head, slash, _ = line.value.rpartition("/")
        line.value = f"{head}{slash}{item.name}{'/' if item.is_folder else ''}"
        line.cursor_position = len(line.value)

    def action_complete(self) -> None:
        """Complete the line: as far as all names agree, else to the chosen one."""
        line, rows = self.query_one(Input), self.query_one(RowList).rows
        head, slash, tail = line.value.rpartition("/")
        names = [row.key for row in rows if row.key.startswith(tail)]
        common = _common_start(names) if tail else ""
        if len(common) > len(tail) and len(names) > 1:
            line.value = head + slash + common
            line.cursor_position = len(line.value)
        elif (item := self._chosen()) is not None:
            self._put(item)

    def action_parent(self) -> None:
        """One folder up."""
        folder = (self._folder or self._start).parent
        line = self.query_one(Input)
        line.value = str(folder).rstrip("/") + "/"
        line.cursor_position = len(line.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Open the folder, or take the file."""
        event.stop()
        self._take(event.value)

    @on(RowList.Opened)
    def _opened(self, message: RowList.Opened) -> None:
        message.stop()
        self._take(self.query_one(Input).value)

    def _take(self, text: str) -> None:
        """What is typed counts where it is a file, else the row that it leads to."""
        try:
            typed = typed_path(text, self._start) if text.strip() else None
            up_to_date = self._split(text)[0] == self._folder
        except WorkflowError as error:
            self._say(f"{error.message}. {error.hint}")
            return
        item = self._chosen() if up_to_date else None
        self._take_path(typed, item)

    @work(group="take", exclusive=True)
    async def _take_path(self, typed: Path | None, item: Item | None) -> None:
        if typed is not None and await asyncio.to_thread(_is_file, typed):
            self.dismiss(typed)
        elif item is not None and item.is_folder:
            self._put(item)
        elif item is not None and self._folder is not None:
            self.dismiss(self._folder / item.name)
        elif typed is not None:
            self._say(f"{typed}: there is no such file")

    def action_rows(self, action: str) -> None:
        """Move in the list."""
        getattr(self.query_one(RowList), f"action_{action}")()

    def action_leave(self) -> None:
        """Close without a file."""
        self.dismiss(None)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _common_start(names: list[str]) -> str:
    """How far all the names agree, letter by letter."""
    first, last = min(names, default=""), max(names, default="")
    for position, letter in enumerate(first):
        if last[position : position + 1] != letter:
            return first[:position]
    return first
