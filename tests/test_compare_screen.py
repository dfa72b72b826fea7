"""Several workflows compared, by keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from comfy_tui.demo.server import DemoServer
from comfy_tui.screens.compare import CompareScreen
from comfy_tui.screens.edit import EditScreen
from comfy_tui.screens.findings import FindingsScreen
from comfy_tui.widgets.row_list import RowList
from support import Console, until
from test_findings_screen import broken, editor
from test_workflows_screen import go_to, plain, put, workflows


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "proj"
    (folder / "workflows").mkdir(parents=True)
    put(folder, "a", plain())
    put(folder, "b", broken())
    put(folder, "c", editor())
    put(folder, "d", b"{")
    put(folder, "e", {**plain(), "9": {"class_type": "EmptyImage"}})
    return folder


@asynccontextmanager
async def compare(url: str, project: Path, **options: Any) -> AsyncIterator[Console]:
    async with workflows(url, project, **options) as ui:
        await go_to(ui, "a")
        await ui.press("space", "space", "space", "space", "space", "d")
        await until(lambda: isinstance(ui.app.screen, CompareScreen))
        yield ui


def line_of(ui: Console, name: str) -> list[str]:
    return next(line for line in ui.text().split("\n") if line[:4].strip(" ›✓") == name).split()


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
@pytest.mark.parametrize("legacy", [False, True])
async def test_the_table(legacy: bool, size: tuple[int, int], project: Path) -> None:
    async with DemoServer(legacy=legacy) as server, compare(server.url, project, size=size) as ui:
        await ui.see("5 workflows: 1 valid here", "✗ unreadable", "✗ breaks it")
        await until(lambda: not ui.app.screen._stage)
        assert line_of(ui, "a")[-7:] == ["a", "●", "valid", "0", "0", "0", "0"]
        cells = " ".join(line_of(ui, "b"))
        assert "✗ errors 1 1 1 2 DemoExtraIn" in cells
        assert "✗ errors 1 1 0 0 GoneNode" in " ".join(line_of(ui, "c"))
        await ui.press("j")
        await ui.see("missing nodes: DemoExtraInvert", "missing files: missing.png", "other errors: 2")


async def test_enter_shows_the_findings_and_from_there_the_field(project: Path) -> None:
    async with DemoServer() as server, compare(server.url, project) as ui:
        await ui.see("✗ breaks it")
        await ui.press("j", "enter")
        await until(lambda: isinstance(ui.app.screen, FindingsScreen))
        await ui.see("The server would refuse (5)")
        await ui.press("escape")
        await until(lambda: isinstance(ui.app.screen, CompareScreen))
        await ui.press("enter")
        await until(lambda: isinstance(ui.app.screen, FindingsScreen))
        await ui.see("My photo (1), image")
        await ui.press("enter")
        await until(lambda: isinstance(ui.app.screen, EditScreen))
        fields = await until(lambda: next(iter(ui.app.screen.query("#fields").results(RowList)), None))
        await until(lambda: fields.current_key == "1\nimage")


async def test_the_script_is_for_all_or_for_the_marked(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[str] = []
    async with DemoServer(manager="v4") as server, compare(server.url, project) as ui:
        monkeypatch.setattr(ui.app, "copy", lambda text, what: copied.append(text))
        await ui.see("✗ breaks it")
        await until(lambda: not ui.app.screen._stage)
        for marks in (["j"], ["space"]):
            await ui.press(*marks, "Y")
            await ui.see("All as one shell script")
            await ui.press("c")
            await until(lambda marks=marks: len(copied) == (1 if marks == ["j"] else 2))
        assert "demo-extra-nodes" in copied[0]
        assert "gone-pack" in copied[0]
        assert "gone-pack" not in copied[1]


async def test_offline_the_standing_is_unknown(project: Path) -> None:
    async with compare("http://127.0.0.1:9", project) as ui:
        await ui.see("? unknown", "? not ready", "✗ unreadable", "0 valid here")
        await ui.press("r", "escape")
        await until(lambda: not isinstance(ui.app.screen, CompareScreen))
