"""From the key to the picture, among a thousand outputs of 1024x1024; what it costs in memory."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from unittest.mock import patch

import pytest

from comfy_tui.config import Config
from comfy_tui.screens.output_compare import OutputCompare
from comfy_tui.screens.outputs import OutputsScreen
from comfy_tui.widgets.output_browser import OutputBrowser
from comfy_tui.widgets.picture import Picture
from comfy_tui.widgets.quiet import Quiet, give_memory_back
from support import Console, console, until

pytestmark = pytest.mark.bench
ROOT = Path(__file__).parents[2]
SIZE = (120, 40)


@pytest.fixture(scope="module")
def url() -> str:  # type: ignore[misc]
    command = [sys.executable, str(Path(__file__).with_name("many_outputs.py"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


def rss_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


class Gaps:
    """How long the event loop, and with it every key, had to wait: by the clock, and in its own work.

    The clock also counts what other programs take of a busy machine; the work does not.
    """

    def __init__(self) -> None:
        self.longest_s = self.longest_work_s = 0.0

    async def run(self) -> None:
        last, worked = time.perf_counter(), time.thread_time()
        while True:
            await asyncio.sleep(0.002)
            now, work = time.perf_counter(), time.thread_time()
            self.longest_s = max(self.longest_s, now - last - 0.002)
            self.longest_work_s = max(self.longest_work_s, work - worked)
            last, worked = now, work


class Probe:
    """Presses keys, and tells how long the loop was busy in one go meanwhile."""

    def __init__(self, ui: Console, gaps: Gaps) -> None:
        self._ui, self._gaps = ui, gaps

    async def press(self, name: str, *keys: str, rest_s: float = 0.3, turns: int = 1) -> None:
        self._gaps.longest_s = self._gaps.longest_work_s = 0.0
        for _ in range(turns):
            await self._ui.press(*keys)
            await asyncio.sleep(rest_s)
        waited, worked = self._gaps.longest_s * 1000, self._gaps.longest_work_s * 1000
        print(f"{name:<32} a key would wait {waited:4.0f} ms at most, {worked:4.0f} ms work in one go")


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[tuple[Console, Gaps]]:
    stack = AsyncExitStack()
    # As on the terminals of most: to come down to 256 colours takes each picture 50 ms more, here only.
    truecolor = patch("textual.constants.COLOR_SYSTEM", "truecolor")
    shown = console(url, size=SIZE, config=Config(history_items=1000), interval_s=5.0)
    with truecolor:
        ui = await stack.enter_async_context(shown)
    async with stack:
        await ui.online()
        await ui.press("4")
        await until(lambda: isinstance(ui.app.screen, OutputsScreen))
        await until(lambda: ui.app.screen.query_one(Picture).drawn)
        # As the console's own process does.
        Quiet().begin()
        give_memory_back()
        gaps = Gaps()
        task = asyncio.create_task(gaps.run())
        try:
            yield ui, gaps
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def select(ui: Console, step: int) -> float:
    """Seconds from the key to the picture in the terminal's lines."""
    screen = ui.app.screen
    picture, browser = screen.query_one(Picture), screen.query_one(OutputBrowser)
    before = picture.decoded
    started = time.perf_counter()
    browser.step(step)
    while picture.decoded is before or not picture.drawn:
        await asyncio.sleep(0.001)
        assert time.perf_counter() - started < 20
    return time.perf_counter() - started


async def idle(ui: Console) -> None:
    await until(lambda: ui.app.screen._next.is_idle)
    await asyncio.sleep(0.2)


def told(name: str, times: list[float], gaps: Gaps) -> None:
    times.sort()
    median, late = statistics.median(times) * 1000, times[int(len(times) * 0.95)] * 1000
    waited, worked = gaps.longest_s * 1000, gaps.longest_work_s * 1000
    print(
        f"{name}: median {median:.0f} ms, 95th {late:.0f} ms; a key waited {waited:.0f} ms at most,", end=""
    )
    print(f" {worked:.0f} ms of work in one go at most")
    gaps.longest_s = gaps.longest_work_s = 0.0


async def test_selecting_the_next(url: str) -> None:
    async with opened(url) as (ui, gaps):
        start_bytes = rss_bytes()
        cold, ahead, kept = [], [], []
        for _ in range(40):
            await idle(ui)
            cold.append(await select(ui, 9))
        told("cold (server only)", cold, gaps)
        for _ in range(40):
            await idle(ui)
            ahead.append(await select(ui, 1))
        told("the next one (fetched ahead)", ahead, gaps)
        for _ in range(15):
            kept.append(await select(ui, -1))
        told("back (kept in memory)", kept, gaps)
        for _ in range(150):
            await select(ui, 3)
        told("150 in a hurry", [0.0], gaps)
        previews = ui.app.previews
        files, fetched = sum(previews.traffic.fetched_files.values()), previews.traffic.total_bytes
        print(f"pictures in memory {previews.memory_bytes / 1e6:.0f} MB after {files} files", end="")
        print(f" of {fetched / 1e6:.0f} MB; the process grew by {(rss_bytes() - start_bytes) / 1e6:.0f} MB")
        assert previews.memory_bytes <= 90_000_000
        await ui.press("t")
        started = time.perf_counter()
        browser = ui.app.screen.query_one(OutputBrowser)
        await until(lambda: set(browser.visible_keys()) <= set(browser._drawn))
        seen = len(browser.visible_keys())
        print(f"tiles: {seen} thumbnails in {time.perf_counter() - started:.2f} s")
        gaps.longest_s = gaps.longest_work_s = 0.0
        for _ in range(30):
            browser.action_page_down()
            await asyncio.sleep(0.03)
        told("30 pages of tiles in a hurry", [0.0], gaps)
    # The same files again in a new console: from the disk.
    async with opened(url) as (ui, gaps):
        warm = []
        for _ in range(40):
            await idle(ui)
            warm.append(await select(ui, 9))
        told("warm (from the disk)", warm, gaps)
        assert ui.app.previews.traffic.spared_files >= 40


async def test_what_a_key_waits_for(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that is done with outputs: how long the loop is busy in one go."""
    monkeypatch.setattr("comfy_tui.screens.output_viewer.SLIDE_S", 0.3)
    async with opened(url) as (ui, gaps):
        probe, app = Probe(ui, gaps), ui.app
        await probe.press("one on", "j", turns=15)
        await probe.press("a page on", "pagedown", turns=10)
        await probe.press("the end, the beginning", "G", "g", turns=4)
        await probe.press("filter, a letter", "slash", *"photo 1")
        await probe.press("filter, to nothing", *"zzz")
        await probe.press("filter, away", "escape", turns=2)
        await probe.press("another order", "o", turns=6)
        await probe.press("another kind", "K", turns=3)
        await probe.press("tiles, list", "t", turns=6)
        await probe.press("marks, fifty", *["space"] * 50)
        await probe.press("only the marked, all", "m", turns=2)
        await probe.press("no marks", "escape", turns=2)
        await probe.press("values away, there", "M", turns=4)
        await probe.press("the whole window", "enter")
        await probe.press("enlarge, smaller", "plus", "plus", "plus", "minus", turns=3)
        await probe.press("move about", "right", "down", "left", "up", turns=6)
        await probe.press("1:1, fit", "equals_sign", "0", turns=3)
        await probe.press("next in the window", "right", turns=8)
        await probe.press("slide show", "a", rest_s=4.0)
        await probe.press("back to the list", "escape", turns=2)
        await until(lambda: not app.screen.has_class("-full"))
        await probe.press("compare", "c", rest_s=1.0)
        await until(lambda: isinstance(app.screen, OutputCompare))
        await probe.press("A/B", "b", turns=8)
        await probe.press("compare, enlarged", "plus", "plus", "right", "down", "0", turns=2)
        await probe.press("compare, left", "escape", turns=2)
        await until(lambda: isinstance(app.screen, OutputsScreen))
        await probe.press("the animation", "G", "enter", rest_s=1.0)
        await probe.press("played", "full_stop", rest_s=4.0)
        await probe.press("its sheet", "C", rest_s=1.0)
        await probe.press("help, and back", "escape", "escape", "question_mark", "escape")
