"""A workflow's findings: groups, advice, copying, jumping, uploading, installing, by keys."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from comfy_tui.demo.server import DemoServer
from comfy_tui.inventory.prepare import prepare
from comfy_tui.inventory.registry import Outside
from comfy_tui.screens.edit import EditScreen
from comfy_tui.screens.findings import FindingsScreen
from comfy_tui.screens.outline import OutlineScreen
from comfy_tui.widgets.finding_rows import make_findings
from comfy_tui.workflow.checking import BREAKS_SERVER
from comfy_tui.workflow.diagnostic import Diagnostic, Severity
from comfy_tui.workflow.formats import parse_workflow
from support import Console, until
from test_input_folder import asked
from test_workflows_screen import go_to, paste, plain, put, workflows

URL = "https://huggingface.co/demo/demo/resolve/main/nowhere.safetensors"


def broken() -> dict[str, Any]:
    """A missing node, model and image, and two wrong values."""
    return {
        "1": {"class_type": "LoadImage", "inputs": {"image": "missing.png"}, "_meta": {"title": "My photo"}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "t"}, "_meta": {}},
        "3": {"class_type": "DemoExtraInvert", "inputs": {"image": ["1", 0]}, "_meta": {"title": "Invert"}},
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "nowhere.safetensors"}},
        "5": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["4", 1], "text": "a"}},
        "6": {"class_type": "EmptyLatentImage", "inputs": {"width": 0, "height": 64, "batch_size": 1}},
        "7": {
            "class_type": "KSampler",
            "inputs": {
                **{"model": ["4", 0], "positive": ["5", 0], "negative": ["5", 0], "latent_image": ["6", 0]},
                **{"seed": 1, "steps": 5, "cfg": 7, "scheduler": "normal", "denoise": 1},
                "sampler_name": "eulr",
            },
            "_meta": {"title": "Sample"},
        },
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["7", 0], "vae": ["4", 2]}},
        "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "t"}},
    }


def editor() -> dict[str, Any]:
    """An editor workflow whose pack and model are named by its properties."""
    image = {"name": "IMAGE", "type": "IMAGE"}
    return {
        "version": 0.4,
        "nodes": [
            {
                **{"id": 1, "type": "CheckpointLoaderSimple", "pos": [0, 0], "mode": 0, "inputs": []},
                "outputs": [
                    {"name": "MODEL", "type": "MODEL", "links": None},
                    {"name": "CLIP", "type": "CLIP", "links": None},
                    {"name": "VAE", "type": "VAE", "links": [1]},
                ],
                "properties": {
                    "models": [{"name": "nowhere.safetensors", "url": URL, "directory": "checkpoints"}]
                },
                "widgets_values": ["nowhere.safetensors"],
            },
            {
                **{"id": 2, "type": "GoneNode", "title": "Gone", "pos": [300, 0], "mode": 0},
                "inputs": [{"name": "vae", "type": "VAE", "link": 1}],
                "outputs": [{**image, "links": [2]}],
                "properties": {"cnr_id": "gone-pack", "ver": "1.2.0"},
                "widgets_values": [],
            },
            {
                **{"id": 3, "type": "SaveImage", "pos": [600, 0], "mode": 0, "outputs": []},
                "inputs": [{"name": "images", "type": "IMAGE", "link": 2}],
                "properties": {},
                "widgets_values": ["t"],
            },
        ],
        "links": [[1, 1, 2, 2, 0, "VAE"], [2, 2, 0, 3, 0, "IMAGE"]],
    }


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "proj"
    (folder / "workflows").mkdir(parents=True)
    put(folder, "broken", broken())
    return folder


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("comfy_tui.screens.install_actions.STEP_S", 0.05)


def page_of(ui: Console) -> FindingsScreen:
    found = ui.app.screen
    assert isinstance(found, FindingsScreen)
    return found


async def choose(ui: Console, words: str) -> None:
    """Put the cursor on the row that holds the words."""
    rows = page_of(ui).query_one("#findings")

    def find() -> Any:
        for row in rows.rows:
            texts = [cell if isinstance(cell, str) else cell.text for cell in row.cells]
            if not row.heading and words in " ".join(texts):
                return row
        return None

    rows.select((await until(find, words)).key)
    await ui.pilot.pause()


async def settled(ui: Console) -> None:
    """Wait until nothing is being asked."""
    await until(lambda: page_of(ui)._prepared and not page_of(ui)._stage, "the answers")


@asynccontextmanager
async def findings(url: str, project: Path, name: str = "broken", **options: Any) -> AsyncIterator[Console]:
    async with workflows(url, project, **options) as ui:
        await ui.online()
        await go_to(ui, name)
        await ui.see("as of")
        await ui.press("d")
        await until(lambda: isinstance(ui.app.screen, FindingsScreen))
        await settled(ui)
        yield ui


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
@pytest.mark.parametrize("legacy", [False, True])
async def test_all_findings_under_headings(legacy: bool, size: tuple[int, int], project: Path) -> None:
    async with (
        DemoServer(legacy=legacy) as server,
        findings(server.url, project, size=size) as ui,
    ):
        await ui.see("The server would refuse (5)", "What to do", "5 errors as of", "My photo (1), image")
        await choose(ui, "sampler_name")
        await ui.see("Sample (7) · KSampler", "input sampler_name", "Did you mean:", "euler")
        await choose(ui, "Invert (3)")
        await ui.see("DemoExtraInvert", "missing_node_type" if not legacy else "error")
        await choose(ui, "nowhere.safetensors")
        await ui.press("escape")
        await ui.see("d shows 5 findings")


async def test_the_conversion_and_the_properties_of_the_workflow(project: Path) -> None:
    put(project, "editor", editor())
    async with DemoServer() as server, findings(server.url, project, "editor") as ui:
        await choose(ui, "gone-pack")
        await ui.see("comfy node install gone-pack", "told by: workflow")
        await choose(ui, "→ nowhere")
        await ui.see("models/checkpoints", URL[:40], "curl -L -C -")


async def test_what_breaks_the_server_comes_first(project: Path) -> None:
    put(project, "killer", {**plain(width=0), "9": {"class_type": "EmptyImage"}})
    async with DemoServer() as server, findings(server.url, project, "killer") as ui:
        text = await ui.see("Breaks the server: never sent (1)", "breaks the server")
        assert page_of(ui)._findings[0].group == "breaks"
        assert "What to do" not in text


async def test_nothing_is_wrong(project: Path) -> None:
    put(project, "good", plain())
    async with DemoServer() as server, findings(server.url, project, "good") as ui:
        await ui.see("Nothing is wrong", "● valid")
        await ui.gone("Upload", "Install", "Registry")
        await ui.press("Y", "I", "i", "y", "enter", "a")
        await ui.see("No script")
        await ui.press("q")
        await ui.see("valid as of")


async def test_enter_goes_to_the_field_or_to_the_node(project: Path) -> None:
    async with DemoServer() as server, findings(server.url, project) as ui:
        await choose(ui, "sampler_name")
        await ui.press("enter")
        await until(lambda: isinstance(ui.app.screen, EditScreen))
        await until(lambda: ui.app.screen.query_one("#fields").current_key == "7\nsampler_name")
        await ui.press("escape")
        await ui.see("d shows")
        await ui.press("d")
        await until(lambda: isinstance(ui.app.screen, FindingsScreen))
        await settled(ui)
        await choose(ui, "Invert (3)")
        await ui.press("enter")
        await until(lambda: isinstance(ui.app.screen, OutlineScreen))
        await ui.see("› · Invert (3)")


async def test_filter_and_back(project: Path) -> None:
    async with DemoServer() as server, findings(server.url, project) as ui:
        await ui.press("slash")
        await ui.type("sampler")
        await ui.see("refuse (1 of 5)")
        await ui.gone("My photo")
        await ui.press("enter", "escape")
        await ui.see("My photo")
        await ui.press("escape")
        await until(lambda: not isinstance(ui.app.screen, FindingsScreen))


async def test_copying(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(project, "editor", editor())
    copied: list[tuple[str, str]] = []
    async with DemoServer() as server, findings(server.url, project, "editor") as ui:
        monkeypatch.setattr(ui.app, "copy", lambda text, what: copied.append((what, text)))
        await choose(ui, "comfy node install")
        await ui.press("y")
        await ui.see("Copy", "1  command: comfy node install gone-pack")
        await ui.press("1")
        await until(lambda: copied)
        assert copied[-1] == ("command", "comfy node install gone-pack")
        await ui.press("Y")
        await ui.see("All as one shell script", "Read it before use")
        await ui.press("c")
        await until(lambda: len(copied) == 2)
        assert "comfy node install gone-pack" in copied[1][1]
        assert URL in copied[1][1]
        for words in ("Saved", "there is such a file"):
            await ui.press("Y")
            await ui.see("Save it to a file")
            await ui.press("s")
            await ui.see("Save the script")
            await ui.press("enter")
            await ui.see(words)
        assert "gone-pack" in (project / "editor needs.sh").read_text()


async def test_upload_the_missing_image(project: Path, tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (9, 9)).save(tmp_path / "mine.png")
    async with DemoServer() as server, findings(server.url, project) as ui:
        await ui.press("i")
        await ui.see("Upload an input file")
        await paste(ui, f"{tmp_path}/mine.png")
        await ui.press("enter")
        await asked(ui)
        await ui.press("enter")
        await ui.see("Uploaded", "4 errors")
        await ui.gone("My photo (1), image")
        await ui.press("escape")
        await ui.see("edited: 1 value", "d shows 4 findings")


@pytest.mark.parametrize(("manager", "legacy"), [("v4", False), ("v3", False), ("v4-legacy", False)])
async def test_install_and_restart(manager: str, legacy: bool, project: Path) -> None:
    async with (
        DemoServer(manager=manager, legacy=legacy, speed=50) as server,
        findings(server.url, project) as ui,
    ):
        await choose(ui, "Invert (3)")
        await ui.press("I")
        await ui.see("Install demo-extra-nodes?", "from https://", "Rule: The Manager", "security_level")
        assert not server.state.manager.disk.packs
        await ui.press("y")
        await ui.see("is on the server", "R restarts ComfyUI")
        await ui.see("The server would refuse (5)")  # not there before the restart
        await ui.press("R")
        await ui.see("Restart ComfyUI now?", "No job runs or waits")
        await ui.press("y")
        await ui.see("is back", "The server would refuse (4)")
        assert "R restarts" not in ui.text()


async def test_a_pack_that_does_not_load_is_told(project: Path) -> None:
    prompt = plain()
    prompt["5"] = {"class_type": "DemoBroken", "inputs": {"image": ["1", 0]}, "_meta": {}}
    prompt["2"]["inputs"]["images"] = ["5", 0]
    put(project, "half", prompt)
    async with DemoServer(manager="v4", speed=50) as server, findings(server.url, project, "half") as ui:
        await choose(ui, "DemoBroken")
        await ui.press("I")
        await ui.see("Install demo-broken-pack?")
        await ui.press("y")
        await ui.see("R restarts ComfyUI")
        await ui.press("R")
        await ui.see("Restart ComfyUI now?")
        await ui.press("y")
        await ui.see("back without the nodes", "DemoBroken")


async def test_a_manager_that_refuses_says_its_rule(project: Path) -> None:
    async with (
        DemoServer(manager="v3", manager_level="strong", speed=50) as server,
        findings(server.url, project) as ui,
    ):
        await choose(ui, "Invert (3)")
        await ui.press("I")
        await ui.see("Install demo-extra-nodes?")
        await ui.press("y")
        await ui.see("does not allow this")
        assert not server.state.manager.disk.packs
        assert "R restarts" not in ui.text()


async def test_without_a_manager_the_command_is_the_way(project: Path) -> None:
    put(project, "editor", editor())
    async with DemoServer() as server, findings(server.url, project, "editor") as ui:
        await choose(ui, "comfy node install")
        await ui.press("I")
        await ui.see("No Manager is known", "y copies the command")


async def test_readonly_neither_uploads_nor_installs(project: Path) -> None:
    async with (
        DemoServer(manager="v4") as server,
        findings(server.url, project, readonly=True) as ui,
    ):
        await ui.press("i", "R")
        await choose(ui, "Invert (3)")
        await ui.press("I")
        await ui.pilot.pause()
        assert isinstance(ui.app.screen, FindingsScreen)
        assert not any(method == "POST" for method, _ in server.requests)


async def test_the_registry_is_asked_only_after_a_question(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        if request.url.host == "api.comfy.org":
            return httpx.Response(200, json={"id": "found-pack", "repository": "https://github.com/a/b"})
        return httpx.Response(404)

    monkeypatch.setattr("comfy_tui.screens.findings.Outside", lambda: Outside(httpx.MockTransport(answer)))
    async with DemoServer() as server, findings(server.url, project) as ui:
        await ui.see("a asks the registry about 1 class")
        await ui.press("a")
        await ui.see("Ask other hosts?", "api.comfy.org", "raw.githubusercontent.com", "DemoExtraInvert")
        await ui.press("n")
        await ui.pilot.pause()
        assert not asked
        await ui.press("a")
        await ui.see("Ask other hosts?")
        await ui.press("y")
        await ui.see("found-pack")
        assert "api.comfy.org" in asked


async def test_offline_what_is_known_stays(project: Path) -> None:
    server = DemoServer()
    await server.start()
    async with findings(server.url, project) as ui:
        await server.stop()
        await ui.see("OFFLINE")
        await ui.press("escape")
        await ui.press("d")
        await until(lambda: isinstance(ui.app.screen, FindingsScreen))
        await ui.see("The server would refuse (5)", "What to do", "not known")
        await ui.press("r")
        await ui.see("The server would refuse (5)")


async def test_never_connected_says_so(project: Path) -> None:
    put(project, "editor", editor())
    async with workflows("http://127.0.0.1:9", project) as ui:
        await go_to(ui, "editor")
        await ui.press("d")
        await ui.see("Nothing is known yet", "editor's format")
        await ui.press("escape")
        await go_to(ui, "broken")
        await ui.press("d")
        await ui.see("Not checked")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_hostile_titles_values_and_server(size: tuple[int, int], tmp_path: Path) -> None:
    name = "[bold red]x[/] [/nope] \x1b]52;c;aGFja2Vk\x07 \u202egnp"
    folder = tmp_path / "proj"
    (folder / "workflows").mkdir(parents=True)
    prompt = broken()
    for node in prompt.values():
        node["_meta"] = {"title": name}
    prompt["3"]["class_type"] = name
    prompt["1"]["inputs"]["image"] = name
    prompt["4"]["inputs"]["ckpt_name"] = f"{name}.safetensors"
    put(folder, "evil", prompt)
    async with (
        DemoServer(hostile=True, manager="v4") as server,
        findings(server.url, folder, "evil", size=size) as ui,
    ):
        rows = page_of(ui).query_one("#findings")
        for row in [row for row in rows.rows if not row.heading]:
            rows.select(row.key)
            await ui.pilot.pause()
            assert not any(ch in ui.text() for ch in "\x1b\x07\x9b\u202e\u2066\u200f")
        await ui.press("Y")
        await ui.see("All as one shell script")
        await ui.press("escape")


def test_every_finding_has_its_group_and_a_key_of_its_own() -> None:
    def said(severity: Severity, code: str) -> Diagnostic:
        return Diagnostic(severity, code, "words", node_id="1", class_type="A")

    changed = said(Severity.WARNING, "lost_value")
    found = (
        said(Severity.INFO, "note"),
        changed,
        said(Severity.WARNING, "doubt"),
        said(Severity.WARNING, "doubt"),
        said(Severity.ERROR, "value_not_in_list"),
        said(Severity.ERROR, BREAKS_SERVER),
    )
    ready = prepare(parse_workflow(json.dumps(broken())), None)
    made = make_findings(replace(ready, diagnostics=found, conversion=(changed,)), ())
    assert [one.group for one in made] == ["breaks", "refused", "doubt", "doubt", "known", "converted"]
    assert len({one.key for one in made}) == len(made)


async def test_a_model_of_the_managers_list_is_installed(project: Path) -> None:
    lora = {
        **{"lora_name": "demo/demo_soft_light.safetensors", "strength_model": 1.0, "strength_clip": 1.0},
        **{"model": ["4", 0], "clip": ["4", 1]},
    }
    prompt = {key: node for key, node in broken().items() if key in ("4", "5", "6", "7", "8", "9")}
    prompt["4"]["inputs"]["ckpt_name"] = "demo_xl.safetensors"
    prompt["7"]["inputs"] |= {"sampler_name": "euler", "model": ["10", 0]}
    prompt["6"]["inputs"]["width"] = 64
    put(project, "lora", {**prompt, "10": {"class_type": "LoraLoader", "inputs": lora}})
    async with (
        DemoServer(manager="v3", speed=50) as server,
        findings(server.url, project, "lora") as ui,
    ):
        await choose(ui, "→ demo/demo_soft_light")
        await ui.press("I")
        await ui.see("Install demo_soft_light.safetensors?", "into models/loras/demo", "example.invalid")
        await ui.press("y")
        await ui.see("demo_soft_light.safetensors is in models/loras/demo", "● valid")
