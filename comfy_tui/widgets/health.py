"""A server's health in lines: meters, sparklines, versions, the age of all this."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from rich.text import Text

from comfy_tui.monitor.gpu_watch import others_words
from comfy_tui.monitor.state import Connection, Health, Jobs
from comfy_tui.text import clean, count_of, format_bytes, shorten
from comfy_tui.widgets.chrome import age_line, source_words
from comfy_tui.widgets.meter import MeterColours, meter, sparkline

if TYPE_CHECKING:
    from comfy_tui.comfy.types import Device, SystemStats


def memory_lines(health: Health, width: int, colours: MeterColours) -> list[Text]:
    """A meter and a sparkline for each device's memory and for the RAM."""
    if health.stats is None:
        return []
    stats = health.stats
    lines: list[Text] = []
    for device, past in zip(stats.devices, health.vram_past, strict=False):
        lines += _device_lines(device, past, width, colours)
    if any(device.has_vram for device in stats.devices):
        lines.append(Text("      " + shorten(others_line(health), width - 6), "dim"))
    if stats.ram_total_bytes:
        used = None if stats.ram_free_bytes is None else stats.ram_total_bytes - stats.ram_free_bytes
        lines.append(meter("RAM", used, stats.ram_total_bytes, width, colours=colours))
        lines.append(Text("      " + sparkline(health.ram_past, width - 8), "dim"))
    return [*lines, Text()]


def others_line(health: Health) -> str:
    """What else holds graphics memory, and who says so."""
    if health.gpu is None:
        return "ComfyUI's own view; other programs on the card are not known"
    if not health.gpu.others:
        return f"no other program on the card, by {health.gpu.source}"
    return others_words(health.gpu).strip()


def _device_lines(device: Device, past: tuple[float, ...], width: int, colours: MeterColours) -> list[Text]:
    name = Text(clean(device.name, width - 2), "bold")
    if not device.has_vram:
        return [name + Text("  no memory of its own: it uses the RAM", "dim")]
    used, torch = device.vram_used_bytes, device.torch_used_bytes
    lines = [name, meter("VRAM", used, device.vram_total_bytes, width, torch=torch, colours=colours)]
    if device.vram_free_bytes is not None:
        words = f"      {format_bytes(device.vram_free_bytes)} free"
        if device.torch_vram_total_bytes is not None:
            words += f"; PyTorch holds {format_bytes(device.torch_vram_total_bytes)}"
        if torch is not None:
            words += f", of which it uses {format_bytes(torch)} (█)"
        lines.append(Text(words))
    lines.append(Text("      " + sparkline(past, width - 8), "dim"))
    return lines


def facts_lines(
    health: Health, connection: Connection, jobs: Jobs, now_s: float, interval_s: float, width: int
) -> list[Text]:
    """Versions, arguments, queue, response time, the age of the data, and what to mend."""
    if health.stats is None:
        return []
    lines: list[Text] = []
    for label, value in _facts(health, health.stats, connection, jobs, now_s, interval_s):
        words = clean(value, 600) if value else "the server does not tell"
        for number, part in enumerate(textwrap.wrap(words, max(20, width - 12)) or [""]):
            lines.append(Text.assemble((("" if number else label).ljust(12), "dim"), part))
    # Where nothing answers the banner says why.
    problems = (health.problem, jobs.problem) if connection.problem is None else ()
    hints = [
        f"! {clean(problem.title)}: {clean(problem.message)}. {clean(problem.hint)}"
        for problem in problems
        if problem is not None
    ]
    for hint in (*hints, *_package_hints(health.stats)):
        lines += [Text(part, "bold") for part in textwrap.wrap(hint, width)]
    return lines


def _facts(
    health: Health, stats: SystemStats, connection: Connection, jobs: Jobs, now_s: float, interval_s: float
) -> list[tuple[str, str | None]]:
    response = connection.response_time_s
    queue = f"{count_of(len(jobs.running), 'job')} running, {len(jobs.pending)} waiting"
    return [
        ("Address", connection.url),
        ("ComfyUI", stats.comfyui_version),
        ("Python", (stats.python_version or "").split(" (")[0] or None),
        ("PyTorch", stats.pytorch_version),
        ("System", stats.os),
        ("Started as", " ".join(stats.argv) or None),
        ("Queue", queue if jobs.read_at_s is not None else None),
        ("Progress", progress_source(connection)),
        ("Answers in", f"{response * 1000:.0f} ms" if response is not None else None),
        ("Data", age_line(health.read_at_s, now_s, interval_s)),
    ]


def progress_source(connection: Connection) -> str:
    """How the progress of jobs is known, and why not live."""
    words = source_words(connection)
    return f"{words}: {connection.source_why}" if connection.source_why else words


def _package_hints(stats: SystemStats) -> list[str]:
    return [
        f"! {clean(package.name, 60)} is {clean(package.installed, 30)}, this ComfyUI asks for "
        f"{clean(package.required, 30)}: pip install -r requirements.txt on the server"
        for package in stats.packages
        if package.differs
    ]
