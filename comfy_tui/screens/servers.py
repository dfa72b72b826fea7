"""Mode 1: the server's health, and the servers of the config."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll

from comfy_tui.screens.base import ConsoleScreen
from comfy_tui.text import clean
from comfy_tui.widgets.bindings import bindings
from comfy_tui.widgets.chrome import EmptyState, is_stale
from comfy_tui.widgets.health import facts_lines, memory_lines
from comfy_tui.widgets.meter import MeterColours
from comfy_tui.widgets.row import Cell, Column, Row
from comfy_tui.widgets.row_list import RowList
from comfy_tui.widgets.text_lines import TextLines


class ServersScreen(ConsoleScreen):
    """Memory of every device, versions, arguments; below them the other servers that can be watched."""

    MODE = "servers"
    AREA = "server"
    SLICES = ("health", "jobs")
    # Here the footer has room for what works everywhere.
    BINDINGS: ClassVar[list[BindingType]] = [
        dataclasses.replace(known, action=f"app.{known.action}", show=True)
        for known in bindings("app")
        if known.id in ("app.refresh", "app.pause", "app.free")
    ]
    DEFAULT_CSS = """
    ServersScreen {
        & #health { height: 1fr; background: $surface; padding: 0 1; scrollbar-size-vertical: 1; }
        & #empty { display: none; }
        & #servers { height: auto; max-height: 8; border-top: solid $panel; }
        & .stale { text-style: dim; }
    }
    """

    def compose_body(self) -> ComposeResult:
        """The health of the watched server above the list of servers."""
        with VerticalScroll(id="health", can_focus=True):
            yield TextLines(id="memory")
            yield TextLines(id="facts")
        yield EmptyState(id="empty")
        if len(self.console.options.config.servers) > 1:
            yield RowList((Column("Server", 20), Column("Address"), Column("", 8)), id="servers")

    def on_mount(self) -> None:
        """Keys go to the list of servers, or scroll the health."""
        self.query("#servers, #health").last().focus()

    def paint(self) -> None:
        """Show the health, or why there is none."""
        health = self.console.health
        box, empty = self.query_one("#health"), self.query_one("#empty", EmptyState)
        box.display, empty.display = health.stats is not None, health.stats is None
        self._paint_servers()
        if health.stats is None:
            self._paint_empty(empty)
            return
        width = max(40, self.size.width - 4)
        interval_s = self.console.options.interval_s
        self.query_one("#memory", TextLines).set_lines(memory_lines(health, width, self._colours()))
        self.query_one("#facts", TextLines).set_lines(
            facts_lines(health, self.console.connection, self.console.jobs, self.now_s(), interval_s, width)
        )
        stale = is_stale(health.read_at_s, self.now_s(), interval_s)
        box.set_class(stale or health.problem is not None, "stale")

    def _colours(self) -> MeterColours:
        theme = self.app.get_css_variables()
        return MeterColours(*(theme.get(name, "") for name in ("success", "warning", "error")))

    def _paint_empty(self, empty: EmptyState) -> None:
        connection, problem = self.console.connection, self.console.health.problem
        problem = connection.problem or problem
        if problem is not None:
            empty.say(problem.title, f"{problem.message}. {problem.hint} r asks again.")
        else:
            empty.say(f"Asking {connection.url} ...", "? shows the keys, q leaves")

    def _paint_servers(self) -> None:
        watched = self.console.connection.name
        rows = tuple(
            Row(
                profile.name,
                (
                    clean(profile.name, 40),
                    clean(profile.url, 200),
                    Cell("● here", "good") if profile.name == watched else "",
                ),
            )
            for profile in self.console.options.config.servers
        )
        for servers in self.query("#servers").results(RowList):
            servers.set_rows(rows)

    def on_row_list_opened(self, message: RowList.Opened) -> None:
        """Watch the chosen server."""
        profile = self.console.options.config.server(message.key)
        if profile is not None and profile.name != self.console.connection.name:
            self.console.watch_server(profile)
