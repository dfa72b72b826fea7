"""The filter line and the keys that a screen gets with it."""

from __future__ import annotations

from collections.abc import Iterator

from textual.app import App, ComposeResult
from textual.pilot import Pilot

from comfy_tui.widgets.filter_bar import Filterable, FilterBar, matches
from comfy_tui.widgets.row import Column, Row
from comfy_tui.widgets.row_list import RowList

NAMES = ("Alpha one", "beta two", "Alpha three", "gamma")


class _Fruit(Filterable):
    def compose(self) -> ComposeResult:
        yield FilterBar()
        yield RowList((Column("Name"),), markable=True)

    def on_mount(self) -> None:
        self.filter_changed()
        self.query_one(RowList).focus()

    def filter_changed(self) -> None:
        self.query_one(RowList).set_rows(
            [Row("head", ("Names",), heading=True)]
            + [Row(name, (name,)) for name in NAMES if matches(self.filter_text, name)]
        )


class _App(App[None]):
    def get_default_screen(self) -> _Fruit:
        return _Fruit()


def _names(pilot: Pilot[None]) -> list[str]:
    return [row.key for row in pilot.app.screen.query_one(RowList).rows if not row.heading]


def _looks(*parts: tuple[str, str, bool]) -> Iterator[bool]:
    for wanted, text, expected in parts:
        yield matches(wanted, *text.split("|")) is expected


def test_every_word_counts_and_capitals_do_not() -> None:
    assert all(
        _looks(
            ("", "a", True),
            ("al TWO", "Alpha|two", True),
            ("al three", "Alpha|two", False),
            ("[/x", "a[/x]", True),
        )
    )


async def test_typing_narrows_enter_keeps_escape_clears() -> None:
    async with _App().run_test() as pilot:
        bar, rows = pilot.app.screen.query_one(FilterBar), pilot.app.screen.query_one(RowList)
        assert not bar.display
        await pilot.press("slash", *"alpha")
        await pilot.pause()
        assert _names(pilot) == ["Alpha one", "Alpha three"]
        await pilot.press("enter")
        assert rows.has_focus
        assert bar.display
        assert _names(pilot) == ["Alpha one", "Alpha three"]
        await pilot.press("escape")
        await pilot.pause()
        assert not bar.display
        assert _names(pilot) == list(NAMES)
        await pilot.press("slash", *"gam", "escape")
        await pilot.pause()
        assert rows.has_focus
        assert _names(pilot) == list(NAMES)
        await pilot.press("slash", "enter")
        assert not bar.display


async def test_next_and_previous_wrap() -> None:
    async with _App().run_test() as pilot:
        rows = pilot.app.screen.query_one(RowList)
        await pilot.press("slash", *"alpha", "enter")
        await pilot.pause()
        assert rows.current_key == "Alpha one"
        seen = []
        for key in ("n", "n", "N"):
            await pilot.press(key)
            seen.append(rows.current_key)
        assert seen == ["Alpha three", "Alpha one", "Alpha three"]


async def test_escape_unmarks_where_there_is_no_filter() -> None:
    async with _App().run_test() as pilot:
        rows = pilot.app.screen.query_one(RowList)
        await pilot.press("space")
        assert rows.marked
        await pilot.press("escape")
        assert not rows.marked
