"""Keys that come in one packet, as over a slow line: each means what is on the screen when it is its turn."""

from __future__ import annotations

import pytest
from textual.events import Key

from comfy_tui.demo.server import DemoServer
from comfy_tui.widgets.row_list import RowList
from queue_support import desk
from support import Console, console, until


def packet(ui: Console, *keys: str) -> None:
    names = {"/": ("slash", "/"), "enter": ("enter", "\r"), "escape": ("escape", None)}
    for key in keys:
        ui.app.post_message(Key(*names.get(key, (key, key))))


async def test_words_behind_a_slash_are_no_keys_of_the_list() -> None:
    """``x`` must not cancel, ``q`` must not leave."""
    async with DemoServer() as server, console(server.url) as ui:
        await ui.press("3")
        await ui.online()
        packet(ui, "/", *"xqQ1")
        await ui.see("xqQ1")
        assert ui.app.current_mode == "queue"
        packet(ui, *"2a", "enter")
        await ui.see("xqQ12a")
        await until(lambda: ui.app.screen.query_one(RowList).has_focus)


@pytest.mark.parametrize("answer", ["y", "n"])
async def test_an_answer_is_the_dialogs(answer: str) -> None:
    """``y`` copies in the list below, ``n`` does nothing there."""
    async with desk() as d:
        await d.ours("long one")
        victim = await d.ours("second")
        await d.ui.see("▶ running", "Waiting (1)", "second")
        packet(d.ui, "G", "x", answer, "2", "3")
        await until(lambda: d.ui.app.current_mode == "queue" and not d.ui.app.screen.is_modal)
        if answer == "y":
            await d.ui.see("Removed from the queue: second.")
        await until(lambda: (victim in d.server_has()) is (answer == "n"))
        assert "Copied" not in d.ui.text()


async def test_a_key_that_nobody_ends_keeps_no_other_back() -> None:
    async with DemoServer() as server, console(server.url) as ui:
        await ui.online()
        ui.app.keys.settled = lambda message: None  # type: ignore[method-assign]
        packet(ui, "2", "3", "4")
        await until(lambda: ui.app.current_mode == "outputs")
        await ui.see("history is empty")
