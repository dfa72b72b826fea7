"""The outline of a workflow, by keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from comfy_tui.demo.server import DemoServer
from comfy_tui.screens.edit import EditScreen
from comfy_tui.screens.outline import OutlineScreen
from support import Console, until
from test_findings_screen import broken
from test_workflows_screen import go_to, plain, put, workflows

INNER = "11111111-2222-3333-4444-555555555555"


def nested() -> dict[str, Any]:
    """An editor workflow with a subgraph of one node, and a muted one."""
    image = {"name": "IMAGE", "type": "IMAGE"}
    empty = {
        **{"id": 7, "type": "EmptyImage", "title": "Inner", "pos": [0, 0], "mode": 0, "inputs": []},
        **{"outputs": [{**image, "links": [1]}], "properties": {}, "widgets_values": [64, 32, 1, 5]},
    }
    return {
        "version": 0.4,
        "nodes": [
            {
                **{"id": 5, "type": INNER, "pos": [0, 0], "mode": 0, "inputs": [], "properties": {}},
                "outputs": [{**image, "links": [9]}],
                "widgets_values": [],
            },
            {
                **{"id": 6, "type": "SaveImage", "title": "Keep", "pos": [9, 0], "mode": 0, "outputs": []},
                "inputs": [{"name": "images", "type": "IMAGE", "link": 9}],
                **{"properties": {}, "widgets_values": ["t"]},
            },
        ],
        "links": [[9, 5, 0, 6, 0, "IMAGE"]],
        "definitions": {
            "subgraphs": [
                {
                    **{"id": INNER, "name": "Making", "version": 1, "inputs": []},
                    "inputNode": {"id": -10, "bounding": [0, 0, 1, 1]},
                    "outputNode": {"id": -20, "bounding": [0, 0, 1, 1]},
                    "outputs": [{"id": "o1", **image, "linkIds": [1]}],
                    "nodes": [empty],
                    "links": [
                        {
                            **{"id": 1, "origin_id": 7, "origin_slot": 0},
                            **{"target_id": -20, "target_slot": 0, "type": "IMAGE"},
                        }
                    ],
                }
            ]
        },
    }


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "proj"
    (folder / "workflows").mkdir(parents=True)
    put(folder, "nested", nested())
    put(folder, "plain", plain())
    return folder


@asynccontextmanager
async def outline(url: str, project: Path, name: str, **options: Any) -> AsyncIterator[Console]:
    async with workflows(url, project, **options) as ui:
        await ui.online()
        await go_to(ui, name)
        await ui.see("as of")
        await ui.press("v")
        await until(lambda: isinstance(ui.app.screen, OutlineScreen))
        yield ui


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
@pytest.mark.parametrize("legacy", [False, True])
async def test_nodes_in_order_with_values_and_links(
    legacy: bool, size: tuple[int, int], project: Path
) -> None:
    async with DemoServer(legacy=legacy) as server, outline(server.url, project, "plain", size=size) as ui:
        text = await ui.see(
            "plain · 2 nodes", "Empty (1) · EmptyImage", "width       64", "← 1:0 Empty · IMAGE"
        )
        assert text.index("Empty (1)") < text.index("(2) · SaveImage")


async def test_subgraphs_fold(project: Path) -> None:
    async with DemoServer() as server, outline(server.url, project, "nested") as ui:
        await ui.see("▸", "subgraph of 1 node", "Keep (6)")
        assert "Inner (5:7)" not in ui.text()
        await ui.press("space")
        await ui.see("▾", "Inner (5:7)", "height      32")
        await ui.press("h")
        await ui.gone("Inner (5:7)")
        await ui.press("m")
        await ui.see("Inner (5:7)")
        await ui.press("m")
        await ui.gone("Inner (5:7)")
        await ui.press("enter")
        await ui.see("Inner (5:7)")
        await ui.press("j", "j", "j", "enter")
        await until(lambda: isinstance(ui.app.screen, EditScreen))
        await until(lambda: ui.app.screen.query_one("#fields").current_key == "5:7\nheight")


async def test_a_link_leads_to_its_source_and_a_filter_into_subgraphs(project: Path) -> None:
    async with DemoServer() as server, outline(server.url, project, "nested") as ui:
        await ui.see("← 5:7:0")
        await ui.press("G", "enter")
        await ui.see("Inner (5:7)")
        rows = ui.app.screen.query_one("#outline")
        await until(lambda: rows.current_key == "node|5:7")
        await ui.press("m", "m")
        await ui.gone("Inner (5:7)")
        await ui.press("slash")
        await ui.type("height")
        await ui.see("1 node of 3", "Inner (5:7)")
        await ui.press("enter", "escape")
        await ui.see("Keep (6)")
        await ui.press("q")
        await until(lambda: not isinstance(ui.app.screen, OutlineScreen))


async def test_edited_values_and_a_node_without_values(project: Path) -> None:
    put(project, "broken", broken())
    async with DemoServer() as server, outline(server.url, project, "broken") as ui:
        rows = ui.app.screen.query_one("#outline")
        await until(lambda: rows.rows)
        rows.select("node|8")
        await ui.press("enter")
        await ui.see("Node 8 has no value")
        await ui.press("v")
        await until(lambda: isinstance(ui.app.screen, OutlineScreen))
        rows = ui.app.screen.query_one("#outline")
        await until(lambda: rows.rows)
        rows.select("value|7|steps")
        await ui.press("enter")
        await until(lambda: isinstance(ui.app.screen, EditScreen))
        await ui.press("enter", "backspace", "9", "enter", "escape")
        await ui.see("edited: 1 value")
        await ui.press("v")
        await until(lambda: isinstance(ui.app.screen, OutlineScreen))
        await ui.press("slash")
        await ui.type("ksampler")
        await ui.see("steps", "  9")


async def test_offline_the_structure_is_shown(project: Path) -> None:
    async with workflows("http://127.0.0.1:9", project) as ui:
        await go_to(ui, "nested")
        await ui.press("v")
        await ui.see("subgraph of 1 node", "Keep (6)")


async def test_a_long_graph_does_not_block(project: Path) -> None:
    prompt = {str(number): plain()["1"] for number in range(1, 3001)}
    put(project, "long", {**prompt, **{"9999": plain()["2"]}})
    async with DemoServer() as server, outline(server.url, project, "long") as ui:
        await ui.see("(1) · EmptyImage")
        await ui.press("G")
        await until(lambda: ui.app.screen.query_one("#outline").cursor > 5000)
        await ui.see("long · 2000 nodes of 3001", "and 1001 nodes more, which are not shown")


async def test_hostile_titles(tmp_path: Path) -> None:
    name = "[bold red]x[/] [/nope] \x1b]52;c;aGFja2Vk\x07 \u202egnp"
    (tmp_path / "workflows").mkdir()
    prompt = plain()
    prompt["1"]["_meta"]["title"] = name
    prompt["1"]["inputs"][name] = name
    prompt[name] = {"class_type": name, "inputs": {"x": [name, 0]}}
    put(tmp_path, "evil", prompt)
    async with DemoServer(hostile=True) as server, outline(server.url, tmp_path, "evil", size=(80, 24)) as ui:
        text = await ui.see("[bold red]x[/] [/nope]")
        assert not any(ch in text for ch in "\x1b\x07\x9b\u202e\u2066\u200f")
