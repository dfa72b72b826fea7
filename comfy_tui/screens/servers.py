"""Mode 1: the server's health, and the servers of the config."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from comfy_tui.comfy.types import Device, SystemStats
from comfy_tui.monitor.state import Connection, Health, Jobs
from comfy_tui.screens.base import ConsoleScreen
from comfy_tui.text import clean, count_of, format_bytes
from comfy_tui.widgets.bindings import bindings
from comfy_tui.widgets.chrome import EmptyState, age_line
from comfy_tui.widgets.meter import meter, sparkline
from comfy_tui.widgets.row_list import Cell, Column, Row, RowList


class ServersScreen(ConsoleScreen):
    """Memory of every device, versions, arguments; below them the other servers that can be watched."""

    MODE = "servers"
    AREA = "server"
    SLICES = ("health", "jobs")
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("server")]
    DEFAULT_CSS = """
    ServersScreen {
        & #health { height: 1fr; background: $surface; padding: 0 1; scrollbar-size-vertical: 1; }
        & #health Static { height: auto; }
        & #empty { display: none; }
        & #servers { height: auto; max-height: 8; border-top: solid $panel; }
        & .stale { text-style: dim; }
    }
    """

    def compose_body(self) -> ComposeResult:
        """The health of the watched server above the list of servers."""
        with VerticalScroll(id="health", can_focus=True):
            yield Static(id="memory", markup=False)
            yield Static(id="facts", markup=False)
        yield EmptyState(id="empty")
        servers = RowList((Column("Server", 20), Column("Address"), Column("", 8)), id="servers")
        servers.display = len(self.console.options.config.servers) > 1
        yield servers

    def on_mount(self) -> None:
        """Show the config's servers."""
        super().on_mount()
        (
            self.query_one("#servers") if self.query_one("#servers").display else self.query_one("#health")
        ).focus()

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
        memory, facts = self.query_one("#memory", Static), self.query_one("#facts", Static)
        memory.update(memory_text(health, width))
        facts.update(
            facts_text(
                health,
                self.console.connection,
                self.console.jobs,
                self.now_s(),
                self.console.options.interval_s,
            )
        )
        stale = (
            health.read_at_s is not None
            and self.now_s() - health.read_at_s > 2 * self.console.options.interval_s + 1
        )
        box.set_class(stale or health.problem is not None, "stale")

    def _paint_empty(self, empty: EmptyState) -> None:
        connection, problem = self.console.connection, self.console.health.problem
        problem = connection.problem or problem
        if problem is not None:
            empty.say(problem.title, f"{problem.message}. {problem.hint} r asks again.")
        else:
            empty.say(f"Asking {connection.url} ...", "? shows the keys, q leaves")

    def _paint_servers(self) -> None:
        servers = self.query_one("#servers", RowList)
        watched = self.console.connection
        servers.set_rows(
            Row(
                profile.name,
                (
                    clean(profile.name, 40),
                    clean(profile.url, 200),
                    Cell("● here", "good") if profile.name == watched.name else "",
                ),
            )
            for profile in self.console.options.config.servers
        )

    def on_row_list_opened(self, message: RowList.Opened) -> None:
        """Watch the chosen server."""
        profile = self.console.options.config.server(message.key)
        if profile is not None and profile.name != self.console.connection.name:
            self.console.watch_server(profile)


def memory_text(health: Health, width: int) -> Text:
    """A meter and a sparkline for each device's memory and for the RAM."""
    stats = health.stats
    assert stats is not None
    lines: list[Text] = []
    for position, device in enumerate(stats.devices):
        lines += _device_lines(device, health.vram_past[position], width)
    if stats.ram_total_bytes:
        used = None if stats.ram_free_bytes is None else stats.ram_total_bytes - stats.ram_free_bytes
        lines.append(meter("RAM", used, stats.ram_total_bytes, width))
        lines.append(Text("      " + sparkline(health.ram_past, width - 8), "dim"))
    return Text("\n").join([*lines, Text()])


def _device_lines(device: Device, past: tuple[float, ...], width: int) -> list[Text]:
    name = Text(clean(device.name, width - 2), "bold")
    if not device.has_vram:
        return [name + Text("  no memory of its own: it uses the RAM", "dim")]
    lines = [
        name,
        meter("VRAM", device.vram_used_bytes, device.vram_total_bytes, width, torch=device.torch_used_bytes),
    ]
    if device.vram_free_bytes is not None:
        words = f"      {format_bytes(device.vram_free_bytes)} free"
        if device.torch_vram_total_bytes is not None:
            words += f"; PyTorch holds {format_bytes(device.torch_vram_total_bytes)}"
        if device.torch_used_bytes is not None:
            words += f", of which it uses {format_bytes(device.torch_used_bytes)} (█)"
        lines.append(Text(words))
    lines.append(Text("      " + sparkline(past, width - 8), "dim"))
    return lines


def facts_text(health: Health, connection: Connection, jobs: Jobs, now_s: float, interval_s: float) -> Text:
    """Versions, arguments, queue, response time and the age of all this."""
    stats = health.stats
    assert stats is not None
    response = connection.response_time_s
    queue = f"{count_of(len(jobs.running), 'job')} running, {len(jobs.pending)} waiting"
    rows = [
        ("Address", connection.url),
        ("ComfyUI", stats.comfyui_version),
        ("Python", (stats.python_version or "").split(" (")[0] or None),
        ("PyTorch", stats.pytorch_version),
        ("System", stats.os),
        ("Started as", " ".join(stats.argv) or None),
        ("Queue", queue if jobs.read_at_s is not None else None),
        ("Answers in", f"{response * 1000:.0f} ms" if response is not None else None),
        ("Data", age_line(health.read_at_s, now_s, interval_s)),
    ]
    text = Text()
    for label, value in rows:
        text.append(f"{label:<12}", "dim")
        text.append(clean(value, 300) + "\n" if value else "the server does not tell\n")
    for problem in (health.problem, jobs.problem):
        if problem is not None:
            text.append(
                f"! {clean(problem.title)}: {clean(problem.message)}. {clean(problem.hint)}\n", "bold"
            )
    for words in _package_hints(stats):
        text.append(words + "\n", "bold")
    return text


def _package_hints(stats: SystemStats) -> list[str]:
    return [
        f"! {clean(package.name, 60)} is {clean(package.installed, 30)}, this ComfyUI asks for "
        f"{clean(package.required, 30)}: pip install -r requirements.txt on the server"
        for package in stats.packages
        if package.differs
    ]
