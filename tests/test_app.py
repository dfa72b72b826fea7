"""What works everywhere: screens, help, palette, remapped keys, themes, pause, leaving, other servers."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.screen import ModalScreen

from comfy_tui import paths
from comfy_tui.config import Config
from comfy_tui.demo.server import DemoServer
from comfy_tui.errors import ApiError
from comfy_tui.keymap import KEYMAP
from comfy_tui.monitor.submit import Submission
from comfy_tui.profile import ServerProfile
from comfy_tui.screens.queue import QueueScreen
from comfy_tui.widgets.filters import to_ascii
from support import console, until


async def test_screens_by_their_keys_and_help_for_each() -> None:
    async with DemoServer() as server, console(server.url) as ui:
        await ui.online()
        for key, mode, word in (
            ("2", "workflows", "Workflows"),
            ("3", "queue", "Queue"),
            ("4", "outputs", "Outputs"),
        ):
            await ui.press(key)
            await until(lambda mode=mode: ui.app.current_mode == mode)  # type: ignore[misc]
            await ui.press("question_mark")
            screen = await ui.see("esc closes")
            first = screen.split("Keys (esc closes)")[1]
            assert word in first.splitlines()[1]
            await ui.press("escape")
            await ui.gone("esc closes")


async def test_the_palette_finds_every_action_of_the_screen() -> None:
    async with DemoServer() as server, console(server.url) as ui:
        await ui.online()
        offered = {command.title for command in ui.app.get_system_commands(ui.app.screen)}
        for binding in KEYMAP:
            if binding.area in ("app", "screen") and binding.id != "app.palette":
                assert binding.label in offered, binding.id
        await ui.press("ctrl+p")
        await ui.see("Search")
        await ui.type("free")
        await ui.see("Free VRAM")
        await ui.press("down", "enter")
        await ui.see("Unload the models")


async def test_remapped_keys_work_and_show(isolated: Path) -> None:
    config = Config(keys=(("app.free", ("F5",)), ("screen.queue", ("9",))))
    async with DemoServer() as server, console(server.url, config=config) as ui:
        await ui.online()
        await ui.press("9")
        await until(lambda: ui.app.current_mode == "queue")
        await ui.press("f5")
        await ui.see("Unload the models")


async def test_bad_keys_are_told_and_the_console_opens() -> None:
    config = Config(keys=(("app.fre", ("F5",)),))
    async with DemoServer() as server, console(server.url, config=config) as ui:
        await ui.see("app.fre", "Did you mean app.free?")
        await ui.online()


async def test_bad_themes_are_told_in_one_toast(config_file: Path) -> None:
    folder = config_file.parent / "themes"
    folder.mkdir()
    (folder / "dusk.toml").write_text('primary = "#7aa2f7"\n')
    (folder / "broken.toml").write_text('primary = "no colour"\n')
    (folder / "worse.toml").write_text("primary = \n")
    async with DemoServer() as server, console(server.url, theme="dusk") as ui:
        screen = await ui.see("Themes left out", "broken.toml", "worse.toml")
        assert screen.count("Themes left out") == 1
        assert ui.app.theme == "dusk"


@pytest.mark.parametrize("theme", ["dark", "light", "high-contrast", "colour-blind"])
async def test_each_built_in_theme_is_shown(theme: str) -> None:
    async with console("http://127.0.0.1:9", theme=theme) as ui:
        await ui.see("OFFLINE")
        assert ui.app.theme == theme


async def test_an_unknown_theme_falls_back_and_says_so() -> None:
    async with console("http://127.0.0.1:9", theme="no-such") as ui:
        await ui.see("there is no theme 'no-such'")
        assert ui.app.theme == "dark"


async def test_pause_is_shown_and_ends() -> None:
    async with DemoServer() as server, console(server.url) as ui:
        await ui.online()
        await ui.press("p")
        await ui.see("paused")
        await ui.press("p")
        await ui.gone("paused")


async def test_leaving_with_an_unconfirmed_workflow_asks_where_there_is_no_journal() -> None:
    paths.journal_file().mkdir(parents=True)  # so that it cannot be a file
    async with DemoServer() as server, console(server.url) as ui:
        await ui.online()
        session = ui.app.session
        assert session is not None
        server.faults.set("/prompt", close=True)
        server.faults.set("/history/*", status=500)
        with pytest.raises(ApiError):
            await session.submit(Submission({"1": {"class_type": "EmptyImage", "inputs": {}}}, "Precious"))
        await until(lambda: ui.app.jobs.unsent)
        await ui.press("q")
        await ui.see("Leave now?")
        await ui.press("enter")  # No has the focus
        await ui.gone("Leave now?")
        assert ui.app.is_running


async def test_another_server_of_the_config_can_be_watched() -> None:
    async with DemoServer() as one, DemoServer(legacy=True) as two:
        profiles = (ServerProfile("one", one.url), ServerProfile("two", two.url))
        async with console(one.url, config=Config(servers=profiles), server=profiles[0]) as ui:
            await ui.see("0.26.0-demo", "● here")
            await ui.press("j", "enter")
            await ui.see("0.3.64-demo", "two ● online")
            seen = len(one.requests)
            await until(lambda: ("GET", "/queue") in two.requests)
            assert len(one.requests) - seen <= 2


async def test_ascii_draws_only_ascii() -> None:
    async with DemoServer(warm_up=True) as server, console(server.url, ascii=True) as ui:
        await ui.online()
        for key in "1234":
            await ui.press(key)
            await ui.pilot.pause()
            lines = ui.app.screen.app.console.export_text if False else ui.text()
            assert to_ascii(lines).isascii()


def test_ascii_keeps_widths() -> None:
    assert to_ascii("● ✓ 猫 …│") == "# + ?? ~|"


class _Busy(ModalScreen[None]):
    """A dialog that is not done with a message when it is answered."""

    def __init__(self) -> None:
        super().__init__()
        self.answered = asyncio.Event()

    async def on_mount(self) -> None:
        await self.answered.wait()


async def test_a_dialog_that_is_answered_at_once_does_not_stop_the_painting() -> None:
    async with DemoServer() as server, console(server.url) as ui:
        await ui.online()
        await ui.press("3")
        screen, dialog = ui.app.screen, _Busy()
        assert isinstance(screen, QueueScreen)
        screen._state_changed()
        ui.app.push_screen(dialog)
        passed = asyncio.Event()
        screen.call_later(passed.set)
        await passed.wait()
        dialog.dismiss(None)
        dialog.answered.set()
        await until(lambda: ui.app.screen is screen)
        await until(lambda: not screen._painting, "the screen to be painted", 5.0)


async def test_what_is_said_again_takes_the_place_of_the_first() -> None:
    async with DemoServer() as server, console(server.url) as ui:
        await ui.online()
        for _ in range(3):
            ui.app.tell("Queued", "one")
            await ui.press("P")
        ui.app.tell("Queued", "two")
        screen = await ui.see("one", "two")
        assert (screen.count("Queued"), screen.count("Pictures")) == (2, 1)
