"""Mode 2: the workflows of every source, what they are, and queueing them."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual import events, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, VerticalScroll
from textual.timer import Timer
from textual.widgets import Static

from comfy_tui.errors import ComfyError
from comfy_tui.library.entry import Entry
from comfy_tui.monitor.state import Link, Problem
from comfy_tui.screens.base import ConsoleScreen
from comfy_tui.screens.workflow_actions import WorkflowActions
from comfy_tui.screens.workflow_desk import Desk
from comfy_tui.text import format_bytes
from comfy_tui.widgets.bindings import bindings
from comfy_tui.widgets.chrome import EmptyState
from comfy_tui.widgets.filter_bar import Filterable, FilterBar
from comfy_tui.widgets.row import Column
from comfy_tui.widgets.row_list import RowList
from comfy_tui.widgets.workflow_preview import Preview, preview_text

#: From this width on the preview is beside the list, else below it.
WIDE = 100
#: Larger files are read when they are asked for, not when the cursor passes.
PREVIEW_LIMIT_BYTES = 4 * 1024 * 1024
_DEBOUNCE_S = 0.12
#: So much is read before anyone sees that it takes time.
_QUICK_BYTES = 256 * 1024
_REFRESH = [
    replace(binding, action="reload_sources") for binding in bindings("app") if binding.id == "app.refresh"
]


class WorkflowsScreen(ConsoleScreen, Filterable, WorkflowActions):
    """A list of workflows by source, with a preview of the one under the cursor."""

    MODE = "workflows"
    AREA = "workflow"
    SLICES = ("health", "inputs_changed")
    FILTERED = "#entries"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("workflow"),
        *(binding for binding in bindings("list") if binding.id == "list.copy"),
        *_REFRESH,
    ]
    DEFAULT_CSS = """
    WorkflowsScreen {
        & #panes { height: 1fr; layout: vertical; }
        & #entries { height: 1fr; width: 1fr; }
        & #preview {
            height: 50%; width: 1fr; padding: 0 1; background: $surface; border-top: solid $panel;
            scrollbar-size-vertical: 1;
        }
        & #preview:focus { border-top: solid $primary; }
        & #preview Static { height: auto; }
        & #empty { display: none; }
        &.-wide #panes { layout: horizontal; }
        &.-wide #preview { height: 1fr; width: 52%; border-top: none; border-left: solid $panel; }
        &.-wide #preview:focus { border-left: solid $primary; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._preview: Preview | None = None
        self._painted: object = None
        self._debounce: Timer | None = None
        self._was_online = False
        self._inputs_seen = 0
        self._asking = False
        #: The row that is being read, and by which worker.
        self._looking: tuple[str, object] | None = None

    def compose_body(self) -> ComposeResult:
        """The list and the preview."""
        yield FilterBar("filter: words of the name or the source")
        with Container(id="panes"):
            yield RowList(
                (Column("Workflow"), Column("", 6), Column("Size", 7, drop=1, right=True)),
                starts_at_top=True,
                markable=True,
                id="entries",
            )
            with VerticalScroll(id="preview", can_focus=True):
                yield Static(id="about", markup=False)
        yield EmptyState(id="empty")

    def on_mount(self) -> None:
        """List the sources; the keys go to the list."""
        self.desk = Desk(self.console.options)
        self.query_one("#entries").focus()
        self._read_local()

    def on_resize(self, event: events.Resize) -> None:
        """The preview beside the list, or below it."""
        self.set_class(event.size.width >= WIDE, "-wide")

    # -- sources -------------------------------------------------------------------------------

    @property
    def online(self) -> bool:
        """Whether the server answers."""
        return self.console.connection.link is Link.ONLINE

    def paint(self) -> None:
        """Follow the server: another one, one that is back, one that was updated."""
        session = self.console.session
        client = session.client if session is not None else None
        if client is not self.desk.client:
            if self.desk.url and (client is None or client.profile.url != self.desk.url):
                self.desk.leave_server()
            self.desk.client = client
            self._was_online = False
            self._recall_nodes()
        if self._inputs_seen != self.console.inputs_changed:
            self._inputs_seen = self.console.inputs_changed
            self.desk.nodes.forget()  # the lists of input files have changed
        stats = self.console.health.stats
        self.desk.version = stats.comfyui_version if stats is not None else None
        if self.online and not self._was_online:
            self.desk.nodes.forget()  # it may have been restarted, with other nodes
            self._ask_server()
        elif self.online and not self.desk.nodes_problem:
            self._ask_nodes()
        self._was_online = self.online
        self._paint_list()
        self._paint_preview()

    def _ask_server(self) -> None:
        self.desk.nodes_problem = ""
        self._read_remote()
        self._ask_nodes()

    def _ask_nodes(self) -> None:
        known = self.console.health.stats is not None and self.desk.client is not None
        if known and not self._asking and not self.desk.nodes.is_fresh(self.desk.url, self.desk.version):
            self._asking = True
            self._read_nodes()

    @work(group="local", exclusive=True)
    async def _read_local(self) -> None:
        await self.desk.read_local()
        self._paint_list()

    @work(group="remote", exclusive=True)
    async def _read_remote(self) -> None:
        await self.desk.read_remote_groups()
        self._paint_list()

    @work(group="recall", exclusive=True)
    async def _recall_nodes(self) -> None:
        before = self.desk.node_info()
        await self.desk.recall_nodes()
        if self.desk.node_info() is not before:
            self.show_again()

    @work(group="nodes")
    async def _read_nodes(self) -> None:
        before = self.desk.node_info()
        try:
            await self.desk.fetch_nodes()
        finally:
            self._asking = False
        if self.desk.node_info() is not before or self.desk.nodes_problem:
            self.show_again()
        await self.desk.complete_nodes()

    def action_reload_sources(self) -> None:
        """List everything again, and ask the server now."""
        self.console.action_refresh_now()
        self._read_local()
        self.desk.nodes.forget()
        self._ask_server()
        self._look_at_current()

    # -- the list ------------------------------------------------------------------------------

    def filter_changed(self) -> None:
        """Show only what matches."""
        self._paint_list()

    def _paint_list(self) -> None:
        rows = self.desk.rows(self.filter_text, online=self.online)
        entries, empty = self.query_one("#entries", RowList), self.query_one("#empty", EmptyState)
        nothing = not any(not row.heading for row in rows)
        empty.display, self.query_one("#panes").display = nothing, not nothing
        entries.set_rows(rows)
        if nothing:
            self._paint_empty(empty, [row.cells[0] for row in rows])
        elif not self.query_one("#panes").has_focus_within and self.is_current and self.focused is None:
            entries.focus()

    def _paint_empty(self, empty: EmptyState, headings: list[object]) -> None:
        if self.filter_text:
            empty.say("No workflow matches", "esc clears the filter")
            return
        why = "; ".join(str(heading) for heading in headings)
        project = self.console.options.project
        place = str(project.workflows_folder) if project is not None else "the workflows folder of a project"
        empty.say(
            "No workflows yet",
            f"{why}. o opens a file by its path; *.json in {place} and in the folders of workflow_folders "
            "in the config are listed here.",
        )

    def current_entry(self) -> Entry | None:
        """The workflow under the cursor."""
        return self.desk.entry(self.query_one("#entries", RowList).current_key)

    def chosen_entries(self) -> tuple[Entry, ...]:
        """The marked workflows, else the one under the cursor."""
        keys = self.query_one("#entries", RowList).chosen_keys()
        found = (self.desk.entry(key) for key in keys)
        return tuple(entry for entry in found if entry is not None)

    def acted(self) -> None:
        """What was marked has been queued."""
        self.query_one("#entries", RowList).clear_marks()

    async def add_recent_entry(self, entry: Entry) -> None:
        """List a file that was opened by its path, and go to it."""
        await self.desk.read_local()
        self._paint_list()
        entries = self.query_one("#entries", RowList)
        entries.select(entry.key)
        entries.focus()

    # -- the preview ---------------------------------------------------------------------------

    def on_row_list_highlighted(self, message: RowList.Highlighted) -> None:
        """Read the workflow when the cursor stays on it."""
        message.stop()
        self._look_at_current()

    def on_row_list_opened(self, message: RowList.Opened) -> None:
        """Read a large file; change the values of another."""
        message.stop()
        entry = self.desk.entry(message.key)
        shown = self._preview
        if entry is None:
            return
        if shown is not None and shown.entry == entry and shown.prepared is None and not shown.problem:
            self._show(Preview(entry, waiting="reading ..."))
            self._look(entry)
        else:
            self.action_edit_workflow()

    def _look_at_current(self) -> None:
        if self._debounce is not None:
            self._debounce.stop()
        entry = self.current_entry()
        if entry is None:
            self._show(None)
            return
        if (entry.size_bytes or 0) > PREVIEW_LIMIT_BYTES and not entry.is_media:
            self.workers.cancel_group(self, "preview")
            words = f"{format_bytes(entry.size_bytes or 0)}: enter reads it; that may take a moment"
            self._show(Preview(entry, waiting=words))
            return
        # Until then the last one stays, under its own name: passing by costs no layout.
        self._debounce = self.set_timer(_DEBOUNCE_S, lambda: self._look(entry))

    @work(group="preview", exclusive=True)
    async def _look(self, entry: Entry) -> None:
        at_once = entry.is_local and (entry.size_bytes or 0) <= _QUICK_BYTES
        if not at_once and (self._preview is None or self._preview.entry != entry):
            self._show(Preview(entry, waiting="reading ..."))
        mine = self._looking = (entry.key, object())
        try:
            ready = await self.desk.open(entry)
            preview = await self.desk.preview(entry, ready)
        except ComfyError as error:
            preview = Preview(entry, problem=Problem.of(error))
        finally:
            if self._looking is mine:
                self._looking = None
        self._show_if_current(preview)
        await self._ask_for_files(preview)

    def show_again(self) -> None:
        """The edits or the node definitions have changed: judge the shown workflow again."""
        self._paint_list()
        entry, shown = self.current_entry(), self._preview
        if entry is None:
            return
        if self._looking is not None and self._looking[0] == entry.key:
            self._look(entry)  # what is shown is of another row still
        elif shown is not None and shown.prepared is not None and shown.entry.key == entry.key:
            self._look_again(shown)

    @work(group="preview", exclusive=True)
    async def _look_again(self, shown: Preview) -> None:
        if shown.prepared is None:
            return
        ready = await self.desk.judge_again(shown.entry, shown.prepared)
        preview = await self.desk.preview(shown.entry, ready)
        self._show_if_current(preview)
        await self._ask_for_files(preview)

    async def _ask_for_files(self, shown: Preview) -> None:
        """What the node definitions do not tell, once the rest is shown."""
        if shown.prepared is None or not self.online:
            return
        ready = await self.desk.look_for_files(shown.entry, shown.prepared)
        if ready is not shown.prepared:
            self._show_if_current(await self.desk.preview(shown.entry, ready))

    def _show_if_current(self, preview: Preview) -> None:
        entry = self.current_entry()
        if entry is not None and entry.key == preview.entry.key:
            self._show(preview)

    def _show(self, preview: Preview | None) -> None:
        old, self._preview = self._preview, preview
        if preview is None or old is None or old.entry.key != preview.entry.key:
            self.query_one("#preview").scroll_home(animate=False)
        self._paint_preview()

    @property
    def shown(self) -> Preview | None:
        """What the preview shows."""
        return self._preview

    def _paint_preview(self) -> None:
        pane = self.query_one("#preview")
        width = max(30, pane.size.width - 3)
        state = (self._preview, width)
        if state == self._painted:
            return
        self._painted = state
        about = self.query_one("#about", Static)
        if self._preview is None:
            about.update("")
        else:
            about.update(preview_text(self._preview, width, self.now_s()))
