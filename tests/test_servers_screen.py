"""Mode 1: what the server says of itself."""

from __future__ import annotations

from comfy_tui.demo.server import DemoServer
from support import console


async def test_shows_memory_versions_and_queue() -> None:
    async with DemoServer() as server, console(server.url) as ui:
        screen = await ui.see("VRAM", "0.26.0-demo", "as of")
        assert "RAM" in screen
        assert "PyTorch holds" in screen
        assert "0 jobs running" in screen
        assert "online" in screen


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
        assert "Offline, workflows can be exported" in screen


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
