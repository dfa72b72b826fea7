"""Leaving at any moment: what comes too late for a page is no fault."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from textual.app import App
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.widgets import Static
from textual.worker import WorkerFailed

from comfy_tui.app import ComfyApp
from comfy_tui.demo.server import DemoServer
from comfy_tui.widgets.leavable import Leavable
from support import console

PACKAGE = Path(__file__).resolve().parent.parent / "comfy_tui"


async def test_the_console_ends_while_a_mode_opens() -> None:
    async with DemoServer(previews=False) as server:
        for mode in ComfyApp.MODES.keys() - {"servers"}:
            async with console(server.url) as ui:
                await ui.online()
                ui.app.action_show_screen(mode)
                ui.app.exit()


class Page(Leavable, Screen[None]):
    """A page with a worker that looks for a widget at last."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = asyncio.Event()
        self.looked = False

    async def read(self) -> None:
        await self.go_on.wait()
        try:
            self.query_one(Static)
        finally:
            self.looked = True

    async def on_unmount(self) -> None:
        self.go_on.set()
        await asyncio.sleep(0)  # the worker's turn, before it is cancelled
        await asyncio.sleep(0)


async def test_only_what_is_late_is_forgiven() -> None:
    app = App[None]()
    async with app.run_test() as pilot:
        page = Page()
        await app.push_screen(page)
        page.run_worker(page.read)
        await app.pop_screen()
        await pilot.pause()
        assert page.looked
        there = Page()
        await app.push_screen(there)
        worker = there.run_worker(there.read, exit_on_error=False)
        there.go_on.set()
        with pytest.raises(WorkerFailed) as failed:
            await worker.wait()
        assert isinstance(failed.value.error, NoMatches)


def test_there_is_one_way() -> None:
    given_away = re.compile(r"run_worker\((?!\s*(?:partial|cast)\()[^()]*\(")
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text()
        assert not given_away.search(text), f"{path}: run_worker takes a function, not what it returns"
        # The first frame has no dialog, and of what is fetched ahead only time is lost.
        if path.name not in ("app.py", "output_loading.py"):
            assert "call_after_refresh" not in text, (
                f"{path}: it is lost with a dialog that closes; call_later"
            )
