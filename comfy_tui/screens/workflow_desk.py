"""What the Workflows screen works on: the sources, the chosen workflow, the server's node classes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.errors import ApiError, ComfyError, Unreachable
from comfy_tui.inventory.adviser import Adviser
from comfy_tui.inventory.file_look import look_for_files
from comfy_tui.inventory.nodes import NodeInfo, NodeShelf
from comfy_tui.inventory.prepare import Prepared, is_outdated, prepare, prepare_again
from comfy_tui.library.entry import Entry, Group, stem_of
from comfy_tui.library.source import local_groups, read_remote, read_workflow, remote_groups
from comfy_tui.options import AppOptions
from comfy_tui.text import clean, format_bytes
from comfy_tui.widgets.filter_bar import matches
from comfy_tui.widgets.row import Cell, Row
from comfy_tui.widgets.workflow_preview import Preview
from comfy_tui.workflow.checking.files import server_file
from comfy_tui.workflow.edits import Edits
from comfy_tui.workflow.formats import parse_workflow

_OFFLINE = "the server does not answer; r asks again"


@dataclass(slots=True)
class Desk:
    """The state of the screen and how it is read; it knows no widget.

    ``client`` and ``version`` are those of the watched server, set by the screen.
    """

    options: AppOptions
    local: tuple[Group, ...] = ()
    remote: tuple[Group, ...] = ()
    #: By the identity of the workflow.
    edits: dict[str, Edits] = field(default_factory=dict)
    nodes: NodeShelf = field(init=False)
    nodes_problem: str = ""
    #: The workflows that are being queued, by identity.
    busy: set[str] = field(default_factory=set)
    client: ComfyClient | None = None
    version: str | None = None
    adviser: Adviser = field(init=False)
    #: Whether a Manager is at work for us.
    installing: bool = False
    #: Node classes whose pack was installed, and which are there only after a restart.
    restart_due: set[str] = field(default_factory=set)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    _rows: list[Row] = field(default_factory=list)
    _rows_of: tuple[object, ...] | None = None

    def __post_init__(self) -> None:
        project = self.options.project
        folder = project.folder if project is not None else None
        self.adviser = Adviser(folder)
        self.nodes = NodeShelf(project=folder)

    # -- sources -------------------------------------------------------------------------------

    async def read_local(self) -> None:
        """List folders and recent files, in a thread."""
        folders = self.options.config.workflow_folders
        self.local = await asyncio.to_thread(local_groups, self.options.project, folders)

    async def read_remote_groups(self) -> None:
        """Ask the server for what it has."""
        client = self.client
        if client is None:
            return
        groups = await remote_groups(client)
        if client is self.client:
            self.remote = groups

    def leave_server(self) -> None:
        """Another server is watched: what was the old one's is forgotten."""
        self.remote, self.nodes_problem = (), ""
        self.restart_due.clear()
        self.edits = {key: edits for key, edits in self.edits.items() if key.startswith("file:")}

    def groups(self, *, online: bool) -> Iterator[Group]:
        """All sources, in order."""
        yield from self.local
        if self.remote:
            yield from self.remote
        else:
            note = "asking ..." if online else _OFFLINE
            yield Group("server", "Server and templates", (), note)

    def entry(self, key: str) -> Entry | None:
        """The workflow of a row."""
        for group in (*self.local, *self.remote):
            for entry in group.entries:
                if entry.key == key:
                    return entry
        return None

    # -- one workflow --------------------------------------------------------------------------

    def edits_of(self, entry: Entry) -> Edits:
        """What was changed in it."""
        return self.edits.get(entry.identity, _NONE)

    def set_edits(self, entry: Entry, edits: Edits) -> None:
        """Keep what was changed in it while the console runs."""
        if edits == _NONE:
            self.edits.pop(entry.identity, None)
        else:
            self.edits[entry.identity] = edits

    def node_info(self) -> NodeInfo | None:
        """What is known of the server's node classes now."""
        return self.nodes.held(self.url)

    @property
    def url(self) -> str:
        """The address of the watched server."""
        return self.client.profile.url if self.client is not None else ""

    async def fetch_nodes(self) -> NodeInfo | None:
        """The node classes, asked for where they are not known; None, and why, where that fails."""
        if self.client is None:
            return None
        try:
            info = await self.nodes.get(self.client, self.version)
        except ComfyError as error:
            self.nodes_problem = f"the node definitions cannot be read: {error.message or error.title}"
            return await self.nodes.recall(self.client)
        self.nodes_problem = ""
        return info

    def take_upload(self, reference: str) -> None:
        """A file was uploaded: it is there, whatever the lists say until they are read anew."""
        info = self.node_info()
        if info is not None:
            info.known_files[server_file(reference)] = True
        self.nodes.forget()

    async def recall_nodes(self) -> None:
        """The node classes as they were, where nothing newer is known: from the disk, with their age."""
        if self.client is not None:
            await self.nodes.recall(self.client)

    async def complete_nodes(self) -> None:
        """Models too, for advice and for the project's file; what cannot be had now comes another time."""
        if self.client is not None and not self.nodes_problem:
            with suppress(ApiError):
                await self.nodes.complete(self.client)

    async def open(self, entry: Entry, *, with_nodes: bool = False) -> Prepared:
        """Read a workflow and make it ready, with its edits judged.

        Args:
            entry: which one.
            with_nodes: wait for the server's node classes, and for its word on files.

        Raises:
            ComfyError: it cannot be read, or is not a workflow.
        """
        async with self._reading:  # one at a time: passing over large files must not pile them up
            if entry.path is not None:
                file = await asyncio.to_thread(read_workflow, entry.path, name=entry.name)
            elif self.client is not None:
                content = await read_remote(entry, self.client)
                file = await asyncio.to_thread(parse_workflow, content, name=entry.name)
            else:
                raise Unreachable("Not connected", "the workflow lies on the server", "r asks again.")
            info = await self.fetch_nodes() if with_nodes else self.node_info()
            ready = await asyncio.to_thread(prepare, file, info, self.edits_of(entry))
            return await self.look_for_files(entry, ready) if with_nodes else ready

    async def look_for_files(self, entry: Entry, ready: Prepared) -> Prepared:
        """Ask the server for the files that its node definitions do not list; the same where it is silent."""
        if self.client is None:
            return ready
        return await look_for_files(self.client, ready, self.node_info(), self.edits_of(entry))

    async def judge_again(self, entry: Entry, ready: Prepared) -> Prepared:
        """The same workflow, with what is known and changed now."""
        return await asyncio.to_thread(prepare_again, ready, self.node_info(), self.edits_of(entry))

    async def preview(self, entry: Entry, ready: Prepared) -> Preview:
        """What there is to show of it, by what is known when it is done: node classes may come meanwhile."""
        while True:
            edits = self.edits_of(entry)
            shown = await asyncio.to_thread(Preview.of, entry, ready, edits, self.nodes_problem)
            if not is_outdated(ready, self.node_info()):
                return shown
            ready = await self.judge_again(entry, ready)

    # -- rows ----------------------------------------------------------------------------------

    def rows(self, wanted: str, *, online: bool) -> list[Row]:
        """The list, under headings; with a filter only what matches."""
        state = (self.local, self.remote, dict(self.edits), wanted, online)
        if self._rows_of is None or not _same(self._rows_of, state):
            self._rows_of, self._rows = state, self._made_rows(wanted, online=online)
        return self._rows

    def _made_rows(self, wanted: str, *, online: bool) -> list[Row]:
        rows: list[Row] = []
        for group in self.groups(online=online):
            entries = [entry for entry in group.entries if matches(wanted, entry.name, group.title)]
            if wanted and not entries:
                continue
            rows.append(Row(f"#{group.key}", (_heading(group, len(entries), bool(wanted)),), heading=True))
            rows += [self._row(entry) for entry in entries]
        return rows

    def _row(self, entry: Entry) -> Row:
        edited = Cell("edited", "accent") if self.edits_of(entry).changed else ""
        size = format_bytes(entry.size_bytes) if entry.size_bytes is not None else ""
        return Row(entry.key, (clean(entry.name, 300), edited, Cell(size, "dim")))


_NONE = Edits()


def _same(before: tuple[object, ...], now: tuple[object, ...]) -> bool:
    """Whether nothing in the list has changed; groups are compared by identity, they are large."""
    return before[0] is now[0] and before[1] is now[1] and before[2:] == now[2:]


def _heading(group: Group, shown: int, filtered: bool) -> str:
    count = f"{shown} of {len(group.entries)}" if filtered else str(len(group.entries))
    words = f"{group.title} ({count})" if group.entries else group.title
    return clean(f"{words}: {group.note}" if group.note else words)


def path_entry(path: Path) -> Entry:
    """A file that was named by its path."""
    return Entry("recent", stem_of(path.name), path=path)
