"""``comfy-tui run`` writes what it was told to change into the workflow that travels along."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from comfy_tui import cli
from comfy_tui.demo.server import DemoServer
from comfy_tui.workflow import Converter, parse_workflow
from run_support import Call, write

SHIPPED = Path("comfy_tui/demo/workflows").resolve()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    monkeypatch.chdir(tmp_path)

    async def call(server: DemoServer, file: Any, *argv: object) -> tuple[int, str, str]:
        path = file if isinstance(file, Path) else write(tmp_path / "flow.json", file)
        words = ["run", str(path), "--server", server.url, *map(str, argv)]
        code = await asyncio.to_thread(cli.main, words)
        out = capsys.readouterr()
        return code, out.out, out.err

    return call


def editor() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SHIPPED / "text_to_image_editor.json").read_text())
    return found


def small(graph: dict[str, Any]) -> dict[str, Any]:
    by_type(graph, "EmptyLatentImage")["widgets_values"] = [64, 64, 1]
    by_type(graph, "KSampler")["widgets_values"][2] = 1
    return graph


def by_type(graph: dict[str, Any], name: str) -> dict[str, Any]:
    return next(node for node in graph["nodes"] if node["type"] == name)


async def sent(server: DemoServer) -> list[tuple[dict[str, Any], dict[str, Any], Converter]]:
    """Prompt, workflow and a converter, of each job that has run, oldest first."""
    async with httpx.AsyncClient() as client:
        entries = (await client.get(server.url + "/history")).json().values()
        converter = Converter((await client.get(server.url + "/object_info")).json())
    return [
        (entry["prompt"][2], entry["prompt"][3].get("extra_pnginfo", {}).get("workflow", {}), converter)
        for entry in entries
    ]


async def test_values_are_in_the_workflow_too(run: Call) -> None:
    flow = small(editor())
    async with DemoServer() as server:
        code, _, err = await run(
            server, flow, "--set", "3.steps=2", "--set", "6.text=a {cat}", "--seed", "7", "--count", 2
        )
        assert code == 0, err
        jobs = await sent(server)
    assert "not in the workflow" not in err
    assert [prompt["3"]["inputs"]["seed"] for prompt, _, _ in jobs] == [7, 8]
    for prompt, workflow, converter in jobs:
        assert prompt["6"]["inputs"]["text"] == "a {cat}"
        assert converter.convert(workflow).prompt == prompt
        assert [n["pos"] for n in workflow["nodes"]] == [n["pos"] for n in flow["nodes"]]


async def test_random_seeds_are_in_each_copys_workflow(run: Call) -> None:
    async with DemoServer() as server:
        code, _, err = await run(server, small(editor()), "--seed", "random", "--count", 2)
        assert code == 0, err
        jobs = await sent(server)
    seeds = [prompt["3"]["inputs"]["seed"] for prompt, _, _ in jobs]
    assert [by_type(workflow, "KSampler")["widgets_values"][0] for _, workflow, _ in jobs] == seeds
    assert seeds[0] != seeds[1]


async def test_what_the_editor_cannot_keep_is_told_once(run: Call) -> None:
    flow = small(editor())
    flow["nodes"].append(dict(by_type(flow, "SaveImage"), id=30, title="Second"))
    text = by_type(flow, "CLIPTextEncode")
    # A primitive that feeds both texts: the editor has one value for them.
    flow["nodes"].append(
        {
            "id": 40,
            "type": "PrimitiveNode",
            "mode": 0,
            "inputs": [],
            "outputs": [{"name": "STRING", "type": "STRING", "links": [90, 91], "widget": {"name": "text"}}],
            "widgets_values": ["one for both", "fixed"],
        }
    )
    texts = [node for node in flow["nodes"] if node["type"] == "CLIPTextEncode"]
    for number, node in zip((90, 91), texts, strict=True):
        node["inputs"].append({"name": "text", "type": "STRING", "widget": {"name": "text"}, "link": number})
        flow["links"].append([number, 40, 0, node["id"], len(node["inputs"]) - 1, "STRING"])
    async with DemoServer() as server:
        code, _, err = await run(
            server, flow, "--set", f"{text['id']}.text=mine", "--seed", "1", "--count", 2
        )
        assert code == 0, err
        jobs = await sent(server)
    assert err.count("not in the workflow that is sent along") == 1
    assert f"{text['id']}.text is queued" in err
    assert [prompt[str(text["id"])]["inputs"]["text"] for prompt, _, _ in jobs] == ["mine", "mine"]
    assert [by_type(workflow, "KSampler")["widgets_values"][0] for _, workflow, _ in jobs] == [1, 2]


async def test_a_picture_has_its_workflow_changed_as_well(run: Call, tmp_path: Path) -> None:
    graph = small(editor())
    async with DemoServer() as server:
        async with httpx.AsyncClient() as client:
            converter = Converter((await client.get(server.url + "/object_info")).json())
        prompt = converter.convert(parse_workflow(json.dumps(graph)).graph or {}).prompt
        tags = PngInfo()
        tags.add_text("prompt", json.dumps(prompt))
        tags.add_text("workflow", json.dumps(graph))
        Image.new("RGB", (2, 2)).save(tmp_path / "made.png", pnginfo=tags)
        code, _, err = await run(server, tmp_path / "made.png", "--set", "3.steps=3")
        assert code == 0, err
        [(queued, workflow, _)] = await sent(server)
    assert queued["3"]["inputs"]["steps"] == 3
    assert converter.convert(workflow).prompt == queued


async def test_a_prompt_alone_has_no_workflow(run: Call) -> None:
    flow = json.loads((SHIPPED / "text_to_image.json").read_text())
    async with DemoServer() as server:
        code, _, err = await run(server, flow, "--set", "3.steps=1", "--seed", "1")
        assert code == 0, err
        [(_, workflow, _)] = await sent(server)
    assert workflow == {}
    assert "not in the workflow" not in err


async def test_a_file_that_is_not_on_the_server_is_found_before_it_is_sent(run: Call, tmp_path: Path) -> None:
    prompt = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "sub/gone.png"}, "_meta": {"title": "In"}},
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}, "_meta": {"title": "Out"}},
    }
    Image.new("RGB", (3, 3)).save(tmp_path / "mine.png")
    async with DemoServer(speed=50.0) as server:
        code, _, err = await run(server, prompt)
        assert code == 1
        assert "Invalid image file: sub/gone.png" in err
        assert not await sent(server)
        assert (await run(server, prompt, "--image", tmp_path / "mine.png"))[0] == 0
