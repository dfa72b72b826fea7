"""The page of a workflow's findings: what is wrong, why, and the way to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widgets import Static

from comfy_tui.errors import ComfyError
from comfy_tui.inventory.adviser import needs_server
from comfy_tui.inventory.maps import PUBLIC_URL
from comfy_tui.inventory.prepare import Prepared, Standing
from comfy_tui.inventory.registry import MOST_CLASSES, REGISTRY, Outside
from comfy_tui.library.entry import Entry
from comfy_tui.monitor.state import Link, Problem
from comfy_tui.screens.base import ConsoleScreen
from comfy_tui.screens.dialogs import ChoiceDialog, ConfirmDialog
from comfy_tui.screens.install_actions import InstallActions
from comfy_tui.screens.script_actions import ScriptActions
from comfy_tui.screens.upload_actions import UploadActions
from comfy_tui.screens.workflow_desk import Desk
from comfy_tui.text import clean, count_of, shorten
from comfy_tui.widgets.bindings import bindings
from comfy_tui.widgets.chrome import EmptyState, clock_text
from comfy_tui.widgets.filter_bar import Filterable, FilterBar
from comfy_tui.widgets.finding_rows import (
    COLUMNS,
    Finding,
    detail_lines,
    make_findings,
    rows_of,
    texts_to_copy,
    verdict_words,
)
from comfy_tui.widgets.line_view import LineView
from comfy_tui.widgets.row_list import RowList
from comfy_tui.widgets.workflow_preview import age_words
from comfy_tui.workflow.advice import Advice, AdviceKind

#: From this width on the details are beside the list, else below it.
WIDE = 110
_KEYS = "123456789"
_APP = ("app.back", "app.refresh")

Place = tuple[str, str | None]

#: What is done about findings.
_FOR_FINDINGS = frozenset(("start_filter", "copy_row", "upload_image", "install_missing", "ask_registry"))


class FindingsScreen(ConsoleScreen, Filterable, UploadActions, InstallActions, ScriptActions):
    """All findings under headings; the one under the cursor in full.

    Args:
        desk: what the Workflows screen works on.
        entry: the workflow.
        prepared: what is known of it already.
    """

    MODE = "workflows"
    AREA = "finding"
    FILTERED = "#findings"
    SLICES = ("health",)
    BINDINGS: ClassVar[list[BindingType]] = [
        *(binding for binding in bindings("app") if binding.id in _APP),
        *bindings("finding"),
        *(binding for binding in bindings("list") if binding.id == "list.copy"),
        Binding("q", "go_back", "Back", show=True),
    ]
    DEFAULT_CSS = """
    FindingsScreen {
        & #head { height: 3; padding: 0 1; }
        & #panes { height: 1fr; layout: vertical; }
        & #findings { height: 1fr; width: 1fr; }
        & #details { height: 50%; width: 1fr; border-top: solid $panel; }
        & #details:focus { border-top: solid $primary; }
        & #empty { display: none; }
        &.-wide #panes { layout: horizontal; }
        &.-wide #details { height: 1fr; width: 46%; border-top: none; border-left: solid $panel; }
        &.-wide #details:focus { border-left: solid $primary; }
    }
    """

    def __init__(self, desk: Desk, entry: Entry, prepared: Prepared | None = None) -> None:
        super().__init__()
        self.desk = desk
        self.entry = entry
        #: Where the person wants to go when the page is closed.
        self.wanted: Place | None = None
        self._prepared = prepared
        self._problem: Problem | None = None
        self._advices: tuple[Advice, ...] = ()
        self._findings: tuple[Finding, ...] = ()
        self._stage = ""
        self._work_words = ""
        self._notes: list[str] = []
        self._was_online = False

    def compose_body(self) -> ComposeResult:
        """The verdict, the list and the details."""
        yield Static(id="head", markup=False)
        yield FilterBar("filter: words of a finding")
        with Container(id="panes"):
            yield RowList(COLUMNS, id="findings")
            yield LineView(id="details")
        yield EmptyState(id="empty")

    def on_mount(self) -> None:
        """Show what is known; ask for more."""
        self.query_one("#findings").focus()
        self._was_online = self.online
        self._look()

    def on_resize(self, event: events.Resize) -> None:
        """The details beside the list, or below it."""
        self.set_class(event.size.width >= WIDE, "-wide")

    @property
    def online(self) -> bool:
        """Whether the server answers."""
        return self.console.connection.link is Link.ONLINE

    def paint(self) -> None:
        """Look again when the server is back."""
        session = self.console.session
        if self.desk.client is None and session is not None:
            self.desk.client = session.client
        if self.online and not self._was_online and not self.desk.installing:
            self._look()
        self._was_online = self.online
        self._paint_head()

    # -- reading and asking --------------------------------------------------------------------

    @work(group="findings", exclusive=True)
    async def _look(self, *, ask: bool = True, outside: bool = False) -> None:
        """Judge and advise: first from what is here, then from what the server tells."""
        try:
            await self._judge("reading ...")
            if ask and self.desk.client is not None:
                self._say("asking the server ...")
                await self.desk.fetch_nodes()
                await self._judge("asking the server ...")
                await self._ask(outside)
            self._say("")
        except ComfyError as error:
            self._problem = Problem.of(error)
            if self._prepared is None:
                self._findings, self._advices = (), ()
            self._say("")
            self._paint_all()

    async def _judge(self, stage: str) -> None:
        self._say(stage)
        if self._prepared is None:
            self._prepared = await self.desk.open(self.entry)
        else:
            self._prepared = await self.desk.judge_again(self.entry, self._prepared)
        await self._advise()
        ready = await self.desk.look_for_files(self.entry, self._prepared) if self.online else self._prepared
        if ready is not self._prepared:
            self._prepared = ready
            await self._advise()

    async def _advise(self) -> None:
        if self._prepared is None:
            return
        edits = self.desk.edits_of(self.entry)
        self._advices = await self.desk.adviser.advise(self._prepared, edits, self.surroundings)
        self._findings = make_findings(self._prepared, self._advices)
        self._problem = None
        self._paint_all()

    async def _ask(self, outside: bool) -> None:
        assert self._prepared is not None
        found = self._prepared.diagnostics
        self._notes = [self.desk.nodes_problem] if self.desk.nodes_problem else []
        if not needs_server(found):
            return
        if outside:
            self._say(f"asking {_hosts()} ...")
            async with Outside() as network:
                self._notes += await self.learn(found, network)
        else:
            self._notes += await self.learn(found)
        await self._judge("judging ...")  # the node classes may have come anew, too

    def show_again(self) -> None:
        """A value has changed: judge again."""
        self._look(ask=False)

    async def server_changed(self) -> None:
        """Something was installed: everything is asked anew."""
        self.desk.nodes.forget()
        self.desk.adviser.forget()
        self._look()

    def action_refresh_now(self) -> None:
        """Ask the server anew."""
        self.console.action_refresh_now()
        self.desk.nodes.forget()
        self.desk.adviser.forget()
        self._prepared = None
        self._look()

    # -- painting ------------------------------------------------------------------------------

    def _say(self, stage: str) -> None:
        self._stage = stage
        self._paint_head()

    def say_work(self, words: str) -> None:
        """Show how far an install is."""
        self._work_words = words
        self._paint_head()

    def _paint_head(self) -> None:
        width = max(20, self.size.width - 2)
        lines = [clean(self.entry.name, 200), "", self._status()]
        if self._prepared is not None:
            at = self._prepared.checked_at_s
            since = f" as of {clock_text(at)}" if at is not None else ""
            lines[1] = verdict_words(self._prepared) + since
        text = Text("\n".join(shorten(line, width) for line in lines), no_wrap=True)
        text.stylize("bold", 0, len(shorten(lines[0], width)))
        self.query_one("#head", Static).update(text)

    def _status(self) -> str:
        if self._work_words:
            return f"◌ {self._work_words}"
        if self._stage:
            return f"◌ {self._stage}"
        if self.desk.restart_due:
            return "! installed, not loaded yet: R restarts ComfyUI, after a question"
        if self._notes:
            return f"! not known: {clean('; '.join(self._notes), 400)}"
        unknown = self._unknown_classes()
        if unknown:
            return f"a asks the registry about {count_of(len(unknown), 'class', 'classes')}"
        age = age_words(self._prepared, self.now_s()) if self._prepared is not None else ""
        return f"! {age}" if age else ""

    def _unknown_classes(self) -> list[str]:
        return [advice.what for advice in self._advices if advice.kind is AdviceKind.FIND_NODE]

    def filter_changed(self) -> None:
        """Show only what matches."""
        self._paint_all()

    def _paint_all(self) -> None:
        self._paint_head()
        rows = rows_of(self._findings, self.filter_text)
        self.refresh_bindings()
        panes, empty = self.query_one("#panes"), self.query_one("#empty", EmptyState)
        panes.display, empty.display = bool(rows), not rows
        self.query_one("#findings", RowList).set_rows(rows)
        self._paint_details()
        if not rows:
            empty.say(*self._nothing())

    def _nothing(self) -> tuple[str, str]:
        if self._problem is not None:
            return self._problem.title, f"{self._problem.message} {self._problem.hint}"
        if self.filter_text:
            return "No finding matches", "esc clears the filter"
        if self._prepared is None or self._prepared.standing is Standing.NOT_READY:
            why = self._prepared.why_not if self._prepared is not None else "It is being read."
            return "Nothing is known yet", f"{why} {self.desk.nodes_problem}"
        if self._prepared.standing is Standing.UNKNOWN:
            return "Not checked", f"The server's node definitions are not known. {self.desk.nodes_problem}"
        return "Nothing is wrong", "The server would take it. esc goes back, Q queues there."

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where nothing is wrong there is nothing to mend."""
        if action in _FOR_FINDINGS and not self._findings:
            return False
        return super().check_action(action, parameters)

    @property
    def current(self) -> Finding | None:
        """The finding under the cursor."""
        key = self.query_one("#findings", RowList).current_key
        return next((finding for finding in self._findings if finding.key == key), None)

    def _paint_details(self) -> None:
        finding = self.current
        view = self.query_one("#details", LineView)
        view.set_lines(detail_lines(finding) if finding is not None else ())

    def on_row_list_highlighted(self, message: RowList.Highlighted) -> None:
        """Show the finding in full, from its beginning."""
        message.stop()
        self.query_one("#details", LineView).scroll_to(y=0, animate=False)
        self._paint_details()

    # -- actions -------------------------------------------------------------------------------

    def on_row_list_opened(self, message: RowList.Opened) -> None:
        """Go to the node."""
        message.stop()
        finding = self.current
        place = finding.place if finding is not None else None
        if place is None:
            self.console.tell("No node", "It is about the whole workflow or server.")
            return
        self.wanted = place
        self.dismiss(None)

    def action_go_back(self) -> None:
        """Clear the filter; where there is none, leave the page."""
        if self.query_one(FilterBar).display:
            super().action_go_back()
        else:
            self.dismiss(None)

    def action_copy_row(self) -> None:
        """Copy the command or the link of the row."""
        finding = self.current
        if finding is None:
            return
        texts = texts_to_copy(finding)
        if len(texts) == 1:
            what, text = texts[0]
            self.console.copy(text, what)
            return

        def chosen(number: str | None) -> None:
            if number is not None:
                what, text = texts[int(number)]
                self.console.copy(text, what)

        choices = [
            (str(number), key, f"{texts[number][0]}: {texts[number][1]}")
            for number, key in zip(range(len(texts)), _KEYS, strict=False)
        ]
        self.app.push_screen(ChoiceDialog("Copy", choices), chosen)

    def all_advices(self) -> Sequence[Advice]:
        """All of the workflow."""
        return self._advices

    def script_name(self) -> str:
        """After the workflow."""
        return f"{self.entry.name.rpartition('/')[2]} needs"

    def chosen_advices(self) -> Sequence[Advice]:
        """Those of the row."""
        finding = self.current
        return finding.advices if finding is not None else ()

    def action_upload_image(self) -> None:
        """Upload the missing file of the row; its name goes into the field."""
        for advice in self.chosen_advices():
            if advice.kind is AdviceKind.UPLOAD_FILE and advice.nodes and advice.input is not None:
                self.choose_file(self.entry, (advice.nodes[0], advice.input))
                return
        self.console.tell("Nothing to upload", "Choose the row of a missing input file.", severity="warning")

    def action_ask_registry(self) -> None:
        """Ask other hosts for the packs of missing nodes, after a question that names them."""
        unknown = self._unknown_classes()
        if not unknown:
            self.console.tell(
                "Nothing to ask", "For every missing node there is an answer, or none is missing."
            )
            return
        names = ", ".join(clean(name, 60) for name in unknown[:5])
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        message = (
            f"{_hosts()} are asked from this machine: the first gets the names of at most {MOST_CLASSES} "
            f"classes ({names}{more}), the second only for its map. No workflow and no credentials are sent."
        )

        def answered(yes: bool | None) -> None:
            if yes:
                self._look(outside=True)

        self.app.push_screen(ConfirmDialog("Ask other hosts?", message, "Ask"), answered)


def _hosts() -> str:
    return " and ".join(url.split("/")[2] for url in (REGISTRY, PUBLIC_URL))
