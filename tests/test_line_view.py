"""A long text that scrolls by the keys of the lists."""

from __future__ import annotations

from textual.app import App, ComposeResult

from comfy_tui.widgets.line_view import Line, LineView


class _App(App[None]):
    def compose(self) -> ComposeResult:
        yield LineView()


async def test_a_key_that_comes_at_once_after_the_lines_is_not_lost() -> None:
    async with _App().run_test(size=(40, 10)) as pilot:
        view = pilot.app.query_one(LineView)
        for act, expected in ((view.action_scroll_bottom, 90), (view.action_cursor_down, 1)):
            view.set_lines([])
            await pilot.pause()
            view.set_lines(Line(str(number)) for number in range(100))
            act()
            await pilot.pause()
            assert view.scroll_offset.y == expected
