"""The Workflows screen by kept node definitions, with pictures among the workflows."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.config import profile_from_url
from comfy_tui.demo.server import DemoServer
from comfy_tui.inventory.inventory import Inventory
from comfy_tui.inventory.nodes import NodeShelf
from comfy_tui.inventory.project_file import project_path, read_project_file, write_project_file
from comfy_tui.workflow import Converter
from comfy_tui.workflow.edits import Edits
from comfy_tui.workflow.parameters import SeedMode
from support import until
from test_workflows_screen import go_to, paste, plain, project, put, screen_of, workflows

__all__ = ["project"]
NOBODY = "http://127.0.0.1:9"
SHIPPED = Path("comfy_tui/demo/workflows").resolve()


def picture(**texts: Any) -> bytes:
    content, tags = io.BytesIO(), PngInfo()
    for name, value in texts.items():
        tags.add_text(name, json.dumps(value))
    Image.new("RGB", (2, 2)).save(content, "PNG", pnginfo=tags)
    return content.getvalue()


async def node_classes() -> dict[str, Any]:
    async with DemoServer() as server, httpx.AsyncClient() as client:
        found: dict[str, Any] = (await client.get(f"{server.url}/object_info")).json()
    return found


async def test_offline_a_verdict_by_kept_definitions_says_how_old_they_are(project: Path) -> None:
    put(project, "editor", json.loads((SHIPPED / "text_to_image_editor.json").read_text()))
    put(project, "wrong", plain(width=0))
    told = Inventory(
        server=NOBODY,
        comfyui_version="0.26.0",
        fetched_at_s=time.time() - 3 * 86400,
        object_info=await node_classes(),
    )
    write_project_file(project, told)
    async with workflows(NOBODY, project) as ui:
        await go_to(ui, "editor")
        await ui.see("OFFLINE", "valid as of", "by what the server said 3d ago", "changed since")
        await go_to(ui, "wrong")
        await ui.see("1 error as of", "by what the server said 3d ago")


async def test_kept_definitions_are_replaced_by_the_servers_own(project: Path) -> None:
    async with DemoServer() as server:
        async with ComfyClient(profile_from_url(server.url)) as client:
            shelf = NodeShelf(clock=lambda: time.time() - 7200)
            await shelf.get(client, None)
        server.faults.set("/object_info", delay_s=1.0)
        async with workflows(server.url, project) as ui:
            await go_to(ui, "api")
            await ui.see("valid as of", "by what the server said 2h ago")
            await ui.gone("by what the server said")
            await ui.see("valid as of")
            held = screen_of(ui).desk.node_info()
            assert held is not None
            assert held.is_live
            await until(lambda: screen_of(ui).desk.node_info().inventory.models, "the models")


async def test_a_projects_inventory_is_written_after_a_fetch(project: Path) -> None:
    write_project_file(project, Inventory(comfyui_version="0.0.1"))
    async with DemoServer() as server, workflows(server.url, project):

        def written() -> Inventory | None:
            found = read_project_file(project)
            return found if found is not None and found.object_info else None

        found = await until(written, f"a new {project_path(project)}")
    assert found.server == server.url
    assert found.models


async def test_pictures_stand_apart_and_open(project: Path, tmp_path: Path) -> None:
    graph = json.loads((SHIPPED / "text_to_image_editor.json").read_text())
    put(project, "flow", plain())
    (project / "workflows" / "made.png").write_bytes(picture(prompt=plain(), workflow=graph))
    (project / "workflows" / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    (tmp_path / "sent.png").write_bytes(picture(workflow=graph))
    async with DemoServer() as server, workflows(server.url, project) as ui:
        await ui.online()
        await ui.see("Project proj (2)", "Project proj: pictures, videos, sound (2)")
        await go_to(ui, "made.png")
        await ui.see("API format", "valid as of")
        await go_to(ui, "photo.jpg")
        await ui.see("holds no workflow")
        await ui.press("o")
        await paste(ui, str(tmp_path / "sent.png"))
        await ui.press("enter")
        await ui.see("Recent (1)", "sent.png", "editor's format")
        await ui.press("o")
        await paste(ui, str(project / "workflows" / "photo.jpg"))
        await ui.press("enter")
        await ui.see("holds no workflow")


async def test_a_replaced_class_is_queued_as_its_successor(project: Path) -> None:
    prompt = plain()
    prompt["1"]["class_type"] = "OldPaper"
    put(project, "old", prompt)
    answer = {"OldPaper": [{"new_node_id": "EmptyImage", "input_mapping": None, "output_mapping": None}]}
    async with DemoServer() as server:
        server.faults.set(
            "/node_replacements", status=200, body=json.dumps(answer), content_type="application/json"
        )
        async with workflows(server.url, project) as ui:
            await ui.online()
            await go_to(ui, "old")
            await ui.see("valid as of", "OldPaper")
            await ui.press("Q")
            await until(lambda: server.faults.count("/prompt", "POST") == 1, "the prompt")
        await server.wait_idle()
        async with httpx.AsyncClient() as client:
            [job] = (await client.get(f"{server.url}/history")).json().values()
    assert job["prompt"][2]["1"]["class_type"] == "EmptyImage"
    assert job["status"]["status_str"] == "success"


async def test_what_was_changed_travels_in_the_workflow(project: Path) -> None:
    graph = json.loads((SHIPPED / "text_to_image_editor.json").read_text())
    put(project, "editor", graph)
    async with DemoServer() as server, workflows(server.url, project) as ui:
        await ui.online()
        await go_to(ui, "editor")
        await ui.see("valid as of")
        screen = screen_of(ui)
        entry = screen.current_entry()
        assert entry is not None
        values = {("3", "steps"): 1, ("5", "width"): 64, ("5", "height"): 64}
        screen.desk.set_edits(entry, Edits(values=values, seed=SeedMode.RANDOM, count=2))
        await ui.press("Q")
        await until(lambda: server.faults.count("/prompt", "POST") == 2, "the prompts")
        await server.wait_idle()
        async with httpx.AsyncClient() as client:
            jobs = (await client.get(f"{server.url}/history")).json().values()
            converter = Converter((await client.get(f"{server.url}/object_info")).json())
    for job in jobs:
        _, _, prompt, extra, *_ = job["prompt"]
        assert prompt["3"]["inputs"]["steps"] == 1
        assert converter.convert(extra["extra_pnginfo"]["workflow"]).prompt == prompt
