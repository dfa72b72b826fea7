"""Exports that keep the editor's format, layout and notes with the changed values in it, by keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from comfy_tui.demo.server import DemoServer
from comfy_tui.workflow.edits import Edits
from support import Console, until
from test_workflows_screen import go_to, plain, put, screen_of, workflows

SHIPPED = Path("comfy_tui/demo/workflows").resolve()


def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SHIPPED / "text_to_image_editor.json").read_text())
    note = {"id": 90, "type": "Note", "pos": [5, 6], "size": [9, 9], "mode": 0, "inputs": [], "outputs": []}
    found["nodes"].append({**note, "properties": {}, "widgets_values": ["Mind the gap"]})
    return found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "proj"
    (folder / "workflows").mkdir(parents=True)
    put(folder, "editor", document())
    put(folder, "api", plain())
    return folder


def written(project: Path, name: str = "editor") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((project / "projects/proj/workflows" / f"{name}.json").read_text())
    return found


async def change(ui: Console, name: str, values: dict[tuple[str, str], Any]) -> None:
    screen = screen_of(ui)
    entry = screen.current_entry()
    assert entry is not None
    assert entry.name == name
    screen.desk.set_edits(entry, Edits(values=values))
    screen.show_again()
    await ui.see("edited:")


@pytest.mark.parametrize("legacy", [False, True])
async def test_changes_are_written_into_the_editors_format(legacy: bool, project: Path) -> None:
    before = (project / "workflows/editor.json").read_bytes()
    async with DemoServer(legacy=legacy) as server, workflows(server.url, project) as ui:
        await ui.online()
        await go_to(ui, "editor")
        await ui.see("valid as of")
        await ui.press("e", "m")
        await ui.see("filename_prefix")
        await change_in_form(ui, "3\nsteps", "7")
        await ui.press("escape")
        await ui.see("edited: 1 value")
        await ui.press("E")
        await ui.see("Export as", "The editor's format, with 1 changed value in it")
        await ui.press("e")
        await ui.see("Exported", "1 changed value written into it", "Drag it into ComfyUI")
    made, wanted = written(project), document()
    sampler = next(node for node in made["nodes"] if node["id"] == 3)
    old = next(node for node in wanted["nodes"] if node["id"] == 3)
    assert 7 in sampler["widgets_values"]
    old["widgets_values"] = sampler["widgets_values"]
    assert made == wanted
    assert (project / "workflows/editor.json").read_bytes() == before


async def change_in_form(ui: Console, key: str, text: str) -> None:
    rows = ui.app.screen.query_one("#fields")
    await until(lambda: rows.select(key), key)
    await ui.press("enter", *["backspace"] * 4)
    await ui.type(text)
    await ui.press("enter")


async def test_api_format_where_it_is_asked_for(project: Path) -> None:
    async with DemoServer() as server, workflows(server.url, project) as ui:
        await ui.online()
        await go_to(ui, "editor")
        await ui.see("valid as of")
        await change(ui, "editor", {("3", "steps"): 7})
        await ui.press("E")
        await ui.see("Export as")
        await ui.press("a")
        await ui.see("Exported", "API format")
        assert written(project)["3"]["inputs"]["steps"] == 7
        await ui.press("E")
        await ui.see("Export as")
        await ui.press("e")
        await ui.see("There is such a file")
        await ui.press("n")
        await until(lambda: (project / "projects/proj/workflows/editor (1).json").exists())
        assert "nodes" in written(project, "editor (1)")
        assert "nodes" not in written(project)


async def test_what_cannot_be_written_is_told(project: Path) -> None:
    async with DemoServer() as server, workflows(server.url, project) as ui:
        await ui.online()
        await go_to(ui, "editor")
        await ui.see("valid as of")
        await change(ui, "editor", {("3", "steps"): 7, ("3", "nothing"): 1})
        await ui.press("E")
        await ui.see("Export as")
        await ui.press("e")
        await ui.see("1 changed value written into it", "Not written: 1 value", "nothing")


async def test_api_files_and_unknown_nodes_are_exported_without_a_choice(project: Path) -> None:
    async with workflows("http://127.0.0.1:9", project) as ui:
        await go_to(ui, "api")
        await ui.press("E")
        await ui.see("Exported")
        assert written(project, "api") == plain()
        await go_to(ui, "editor")
        await ui.press("E")
        await until(lambda: (project / "projects/proj/workflows/editor.json").exists())
        assert written(project) == document()
