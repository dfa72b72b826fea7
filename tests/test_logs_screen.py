"""The Logs screen: the server's log followed, held and searched; the events beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from comfy_tui.demo.server import DemoServer
from comfy_tui.widgets.log_view import LogView
from queue_support import Desk, graph, seeded
from support import console, until


@asynccontextmanager
async def logs(*, size: tuple[int, int] = (80, 24), **server: Any) -> AsyncIterator[Desk]:
    async with (
        DemoServer(**{"speed": 10.0, "previews": False, **server}) as demo,
        console(demo.url, size=size) as ui,
    ):
        await ui.online()
        await ui.press("5")
        await ui.see("Server log", "To see it go to")
        yield Desk(demo, ui)


def view(d: Desk) -> LogView:
    return d.ui.app.screen.query_one(LogView)


@pytest.mark.parametrize("legacy", [False, True], ids=["new", "legacy"])
async def test_lines_come_as_they_are_written(legacy: bool) -> None:
    async with logs(legacy=legacy) as d:
        await d.ui.see("· live · following · all lines")
        d.server.state.logs.write("something new")
        await d.ui.see("something new")
        asked = d.server.faults.count("/internal/logs/raw")
        for number in range(50):
            d.server.state.logs.write(f"line number {number}")
        await d.ui.see("line number 49")
        assert d.server.faults.count("/internal/logs/raw") == asked


async def test_without_the_socket_it_is_asked_again() -> None:
    async with DemoServer() as demo:
        demo.faults.set("/ws", status=403)
        async with console(demo.url, size=(80, 24)) as ui:
            await ui.online()
            await ui.press("5")
            await ui.see("asked every 3 s", "To see it go to")
            demo.state.logs.write("something new")
            await ui.press("r")
            await ui.see("something new")


async def test_nobody_looks_nothing_is_asked() -> None:
    async with logs() as d:
        await d.ui.press("3")
        await until(lambda: not [w for w in d.ui.app.workers if w.group == "log" and w.is_running])
        d.server.state.logs.write("written meanwhile")
        await d.ui.press("5")
        await d.ui.see("written meanwhile")


async def test_hold_and_follow() -> None:
    async with logs() as d:
        for number in range(100):
            d.server.state.logs.write(f"line number {number}")
        await d.ui.see("line number 99")
        await d.ui.press("k")
        await d.ui.see("held, s follows")
        d.server.state.logs.write("the newest")
        await until(lambda: "the newest" in view(d)._book.lines[-1].text)
        assert "the newest" not in d.ui.text()
        await d.ui.press("s")
        await d.ui.see("following", "the newest")
        await d.ui.press("s", "g")
        await d.ui.see("To see it go to")
        await d.ui.press("G")
        await d.ui.see("following", "the newest")


async def test_a_held_place_stays_where_old_lines_go() -> None:
    async with logs() as d:
        view(d)._book._max_lines = 200
        for number in range(200):
            d.server.state.logs.write(f"line number {number}")
        await d.ui.see("line number 199")
        await d.ui.press("pageup")
        await d.ui.see("held")
        shown = d.ui.text().splitlines()[3]
        for number in range(50):
            d.server.state.logs.write(f"more {number}")
        await until(lambda: "more 49" in view(d)._book.lines[-1].text)
        await until(lambda: view(d)._rows[-1].line.text.endswith("more 49"))
        await d.ui.pilot.pause()
        assert shown.split("]")[-1] in d.ui.text()


async def test_search() -> None:
    async with logs() as d:
        for number in range(60):
            d.server.state.logs.write(f"needle {number}" if number % 20 == 0 else f"hay {number}")
        await d.ui.see("hay 59")
        await d.ui.press("/")
        await d.ui.type("NEEDLE")
        await d.ui.see("NEEDLE: 3 of 3 found", "needle 40")
        await d.ui.press("enter")
        await until(lambda: d.ui.app.focused is view(d))
        await d.ui.press("N")
        await d.ui.see("2 of 3", "needle 20")
        await d.ui.press("n", "n")
        await d.ui.see("1 of 3", "needle 0")
        await d.ui.press("escape")
        await d.ui.gone("found")
        await d.ui.press("n")
        await d.ui.see("/ searches for words")


async def test_levels() -> None:
    async with logs() as d:
        d.server.state.logs.write("a warning", "WARNING")
        d.server.state.logs.write("an error", "ERROR")
        await d.ui.see("a warning", "an error")
        await d.ui.press("l")
        await d.ui.see("warnings and errors", "a warning", "an error")
        assert "To see it go to" not in d.ui.text()
        await d.ui.press("l")
        await d.ui.see("· errors", "an error")
        assert "a warning" not in d.ui.text()
        await d.ui.press("l")
        await d.ui.see("all lines", "To see it go to")


async def test_nothing_in_a_log_is_executed() -> None:
    async with logs() as d:
        d.server.state.logs.write_raw(
            "\x1b[2J\x1b]0;owned\x07\x1b]52;c;aGk=\x07[bold]x[/]y \u202e\x1b[31mred\n"
        )
        screen = await d.ui.see("[bold]x[/]y", "red")
        assert "owned" not in screen
        assert "\x1b" not in screen


async def test_a_bar_is_one_line() -> None:
    async with logs() as d:
        for step in range(1, 6):
            d.server.state.logs.bar(step, 5, float(step))
        screen = await d.ui.see("5/5 [00:05")
        assert screen.count("it/s]") == 1


async def test_the_events_of_jobs() -> None:
    async with logs(size=(130, 40)) as d:
        await d.ui.see("● Connected: http")
        await d.ours("my picture", seeded())
        await d.ui.see("✓ done my picture: ran")
        await d.ours("my failure", graph("DemoError", message="it broke"))
        await d.ui.see("✗ failed my failure: DemoErr")
        await d.ui.press("tab", "g", "enter")
        await d.ui.see("my failure", "it broke", "Traceback")


async def test_panes() -> None:
    async with logs() as d:
        await d.ui.see("Events", "Server log")
        await d.ui.press("e")
        await d.ui.gone("To see it go to")
        await d.ui.see("Connected")
        await d.ui.press("e")
        await d.ui.gone("Connected")
        await d.ui.press("e")
        await d.ui.see("To see it go to", "Connected")


async def test_a_server_that_gives_no_log() -> None:
    async with DemoServer() as demo:
        demo.faults.set("/internal/logs/raw", status=500, body="no")
        async with console(demo.url, size=(80, 24)) as ui:
            await ui.online()
            await ui.press("5")
            await ui.see("! The server failed", "Look at its log (5)")
            demo.faults.clear()
            await ui.press("r")
            await ui.see("To see it go to")


async def test_a_restart_is_told() -> None:
    async with logs() as d:
        await d.server.stop()
        await d.ui.see("OFFLINE")
        await d.server.start()
        await d.ui.press("r")
        await d.ui.see("the server's log begins anew", "Connected again")


async def test_copy_the_lines_in_sight(monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    async with logs() as d:
        monkeypatch.setattr(d.ui.app, "copy", lambda text, what: copied.append(text))
        await d.ui.press("y")
        assert "To see it go to" in copied[0]


async def test_events_of_an_earlier_run_are_listed_once() -> None:
    async with DemoServer(speed=10.0, previews=False) as demo:
        async with console(demo.url, size=(130, 40)) as ui:
            await ui.online()
            desk = Desk(demo, ui)
            await desk.ours("the first run's", seeded())
            await until(lambda: any(event.kind == "done" for _, event in ui.app.happened))
        async with console(demo.url, size=(130, 40)) as ui:
            await ui.online()
            await ui.press("5")
            screen = await ui.see("✓ done the first run's", "Connected")
            assert screen.count("done the first run's") == 1
            assert screen.count("Connected") == 2
