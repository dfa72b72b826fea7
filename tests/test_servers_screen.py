"""Mode 1: what the server says of itself."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from comfy_tui.comfy.types import Device, SystemStats
from comfy_tui.demo.server import DemoServer
from comfy_tui.monitor.freeing import outside_bytes
from comfy_tui.monitor.state import Connection, Link
from comfy_tui.widgets.chrome import link_words
from support import console


async def test_shows_memory_versions_and_queue() -> None:
    async with DemoServer() as server, console(server.url) as ui:
        screen = await ui.see("VRAM", "0.26.0-demo", "as of", "0 jobs running", "online")
        assert "RAM" in screen
        assert "PyTorch holds" in screen
        assert "ComfyUI's own view" in screen


async def test_a_cpu_device_has_no_vram_bar() -> None:
    async with DemoServer(device="cpu") as server, console(server.url) as ui:
        screen = await ui.see("it uses the RAM")
        assert "VRAM  [" not in screen


async def test_offline_keeps_the_data_with_its_age_and_recovers() -> None:
    server = DemoServer()
    await server.start()
    port = server.port
    async with console(server.url) as ui:
        await ui.see("0.26.0-demo")
        await server.stop()
        screen = await ui.see("OFFLINE", "next try in")
        assert "0.26.0-demo" in screen
        async with DemoServer(port=port):
            await ui.gone("OFFLINE")
            await ui.see("online")


async def test_nothing_listens() -> None:
    async with console("http://127.0.0.1:9") as ui:
        screen = await ui.see("OFFLINE", "not running at this address")
        assert "Offline, workflows can be read" in screen


async def test_free_reports_what_was_freed() -> None:
    async with DemoServer(warm_up=True) as server, console(server.url) as ui:
        await ui.online()
        await ui.press("f")
        await ui.see("Unload the models")
        await ui.press("c")
        await ui.see("Free memory", "VRAM")


async def test_readonly_refuses_to_free() -> None:
    async with DemoServer() as server, console(server.url, readonly=True) as ui:
        await ui.online()
        await ui.see("read-only")
        await ui.press("f")
        await ui.pilot.pause()
        assert "Unload the models" not in ui.text()
        assert ("POST", "/free") not in server.requests


async def test_small_terminal_says_so() -> None:
    async with DemoServer() as server, console(server.url, size=(50, 12)) as ui:
        await ui.see("too small")


async def test_a_silent_server_is_not_called_online(monkeypatch: pytest.MonkeyPatch) -> None:
    hold = asyncio.Event()
    async with DemoServer() as server, console(server.url) as ui:
        await ui.see("● online")
        session = ui.app.session
        assert session is not None

        async def silent() -> None:
            await hold.wait()

        monkeypatch.setattr(session.client, "system_stats", silent)
        screen = await ui.see("◌ no answer for", "stale: as of")
        assert "online" not in screen


async def test_what_the_banner_says_is_said_once() -> None:
    server = DemoServer()
    await server.start()
    async with console(server.url) as ui:
        await ui.see("0.26.0-demo")
        await server.stop()
        screen = await ui.see("OFFLINE", "next try in")
        assert screen.count("not running at this address") == 1


async def test_what_is_no_comfyui_is_called_trouble_everywhere() -> None:
    connection = Connection("box", "http://box", Link.FAULTY)
    assert link_words(connection, 0.0, 5.0) == "! trouble"


async def test_a_paused_console_does_not_blame_the_server() -> None:
    connection = Connection("box", "http://box", Link.ONLINE, last_answer_s=0.0)
    assert link_words(connection, 11.0, 5.0) == "● online"
    assert link_words(connection, 11.2, 5.0) == "◌ no answer for 11s"
    assert link_words(replace(connection, paused=True), 100.0, 5.0) == "● online"


def test_what_pytorch_holds_and_does_not_use_is_not_outside_and_hides_nothing_that_is() -> None:
    """The server counts it as free: of 24 GB used by others 3, by PyTorch 1, and 2 are reserved by it."""
    gb = 1_000_000_000
    device = Device(
        name="cuda:0",
        type="cuda",
        index=0,
        vram_total_bytes=24 * gb,
        vram_free_bytes=20 * gb,
        torch_vram_total_bytes=3 * gb,
        torch_vram_free_bytes=2 * gb,
    )
    stats = SystemStats(None, None, None, None, None, None, (), (), (device,))
    assert outside_bytes(stats) == 3 * gb


async def test_what_is_held_outside_comfyui_is_told_after_freeing() -> None:
    async with DemoServer() as server, console(server.url) as ui:
        await ui.online()
        server.state.memory.load("a model", 5_000_000_000)
        server.state.memory.outside_bytes = 3_000_000_000
        await ui.press("f")
        await ui.see("Unload the models")
        await ui.press("m")
        await ui.see("VRAM freed", "3.2 GB still held", "ComfyUI's models")
