"""Mode 2: sources, preview, form, upload, export and queueing, by keys."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual import events

from comfy_tui.config import Config
from comfy_tui.demo.server import DemoServer
from comfy_tui.library.recent import read_recent
from comfy_tui.screens.workflows import WorkflowsScreen
from comfy_tui.widgets.row_list import RowList
from support import Console, console, until
from test_input_folder import asked

SHIPPED = Path("comfy_tui/demo/workflows").resolve()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one workflow of each kind."""
    folder = tmp_path / "proj"
    (folder / "workflows").mkdir(parents=True)
    put(folder, "api", json.loads((SHIPPED / "text_to_image.json").read_text()))
    return folder


def put(project: Path, name: str, content: Any) -> Path:
    path = project / "workflows" / f"{name}.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def plain(**inputs: Any) -> dict[str, Any]:
    """A picture that is made and saved."""
    empty = {"width": 64, "height": 64, "batch_size": 1, "color": 255, **inputs}
    return {
        "1": {"class_type": "EmptyImage", "inputs": empty, "_meta": {"title": "Empty"}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "t"}, "_meta": {}},
    }


@asynccontextmanager
async def workflows(url: str, project: Path | None, **options: Any) -> AsyncIterator[Console]:
    async with console(url, project=project, **options) as ui:
        await ui.press("2")
        yield ui


def screen_of(ui: Console) -> WorkflowsScreen:
    found = ui.app.screen_stack[0]
    assert isinstance(found, WorkflowsScreen)
    return found


async def go_to(ui: Console, name: str) -> None:
    """Put the cursor on a workflow, as the keys do, and wait for its preview."""
    screen = screen_of(ui)
    entries = screen.query_one("#entries")
    row = await until(
        lambda: next((r for r in entries.rows if not r.heading and r.cells[0] == name), None), name
    )
    entries.select(row.key)
    await until(
        lambda: (
            screen.shown
            and screen.shown.entry.key == row.key
            and (screen.shown.prepared or screen.shown.problem)
        ),
        f"the preview of {name}",
    )


async def paste(ui: Console, text: str) -> None:
    """What a terminal sends for a paste, into the line that has the focus."""
    focused = await until(lambda: ui.app.screen.focused, "a focused line")
    focused.post_message(events.Paste(text))
    await until(lambda: focused.value.endswith(text), "the pasted text")


async def history(server: DemoServer, count: int = 1) -> list[dict[str, Any]]:
    """The prompts of the server's history, oldest first."""
    import httpx

    await server.wait_idle()
    async with httpx.AsyncClient() as client:

        async def ended() -> list[dict[str, Any]]:
            answer = (await client.get(f"{server.url}/history?max_items=200")).json()
            return [entry["prompt"] for entry in answer.values()]

        found = await ended()
        assert len(found) == count
    return found


# -- sources ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("legacy", [False, True])
async def test_lists_every_source(legacy: bool, project: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "own.json").write_text(json.dumps(plain()))
    config = Config(workflow_folders=(folder,))
    async with DemoServer(legacy=legacy) as server, workflows(server.url, project, config=config) as ui:
        screen = await ui.see("Project proj (1)", "Folder mine (1)", "own", "Server (6)", "Templates (2)")
        assert "Text to image (demo)" in screen


async def test_filter_as_you_type(project: Path) -> None:
    async with DemoServer() as server, workflows(server.url, project) as ui:
        await ui.see("Server (6)", "Templates (2)")
        await ui.press("slash")
        await ui.type("blur")
        await ui.see("blend_and_blur", "Blend and blur (demo)", "Server (1 of 6)")
        await ui.gone("two_minutes")
        await ui.press("enter")
        await ui.press("n")
        await ui.see("Templates (1 of 2)")
        await ui.press("escape")
        await ui.see("two_minutes")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_preview_of_both_formats(size: tuple[int, int], project: Path) -> None:
    put(project, "editor", json.loads((SHIPPED / "text_to_image_editor.json").read_text()))
    async with DemoServer() as server, workflows(server.url, project, size=size) as ui:
        await ui.online()
        await go_to(ui, "api")
        await ui.see("API format", "7 nodes", "→ SaveImage", "demo_xl", "a lighthouse", "valid as of")
        await go_to(ui, "editor")
        await ui.see("editor's format", "→ SaveImage", "valid as of", "a lighthouse")


async def test_offline_the_local_sources_work(project: Path) -> None:
    put(project, "editor", json.loads((SHIPPED / "text_to_image_editor.json").read_text()))
    async with workflows("http://127.0.0.1:9", project) as ui:
        await go_to(ui, "api")
        await ui.see("OFFLINE", "does not answer", "not checked", "a lighthouse")
        await go_to(ui, "editor")
        await ui.see("cannot be queued yet", "editor's format")


async def test_nothing_anywhere_says_what_helps() -> None:
    async with workflows("http://127.0.0.1:9", None) as ui:
        await ui.see("No workflows yet", "o opens a file", "workflow_folders")


async def test_a_server_source_that_fails_is_a_line(project: Path) -> None:
    async with DemoServer() as server:
        server.faults.set("/userdata", garbage=True)
        server.faults.set("/object_info", status=500)
        async with workflows(server.url, project) as ui:
            await ui.see("Server: The answer is not JSON", "Templates (2)")
            await go_to(ui, "api")
            await ui.see("not checked: the node definitions cannot be read")
            server.faults.clear()
            await ui.press("r")
            await ui.see("Server (6)", "valid as of")


async def test_the_list_comes_with_the_server(project: Path) -> None:
    server = DemoServer()
    await server.start()
    port, url = server.port, server.url
    await server.stop()
    async with workflows(url, project) as ui:
        await ui.see("OFFLINE")
        async with DemoServer(port=port):
            await ui.see("Server (6)", "Templates (2)", "valid as of")


# -- bad files -------------------------------------------------------------------------------------

BAD: dict[str, tuple[bytes, str]] = {
    "truncated": (b'{"1": {"class_type": "Emp', "not valid JSON"),
    "prose": (b"once upon a time", "line 1, column 1"),
    "list": (b"[1, 2]", "a list, not an object"),
    "number": (b"3", "a number"),
    "empty": (b"", "It is empty"),
    "nothing": (b"{}", "neither a list of nodes"),
    "deep": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "deep"),
    "binary": (bytes(range(256)) * 20, "not a text file"),
    "html": (b"<html></html>", "does not begin like JSON"),
}


async def test_bad_files_each_get_a_message_and_the_app_stays_up(project: Path) -> None:
    for name, (content, _) in BAD.items():
        put(project, name, content)
    os.truncate(put(project, "sparse", b""), 70 * 1024 * 1024)
    os.truncate(put(project, "fifty", b""), 50 * 1024 * 1024)
    (project / "workflows" / "gone.json").symlink_to(project / "nowhere")
    (project / "workflows" / "folder.json").mkdir()
    async with DemoServer() as server, workflows(server.url, project, size=(80, 24)) as ui:
        for name, (_, words) in BAD.items():
            await go_to(ui, name)
            await ui.see(words)
        await go_to(ui, "gone")
        await ui.see("No such file")
        for name, words in (("sparse", "too large"), ("fifty", "not valid JSON")):
            screen = screen_of(ui)
            screen.query_one("#entries").select(f"project|file:{project}/workflows/{name}.json")
            await ui.see("enter reads it")
            await ui.press("enter")
            await ui.see(words)
        await ui.press("Q")
        await ui.see("fifty is not valid JSON")
        await go_to(ui, "api")
        await ui.see("API format")
        assert ("POST", "/prompt") not in server.requests


async def test_odd_values_do_no_harm(project: Path) -> None:
    put(
        project,
        "odd",
        b'{"1": {"class_type": "A", "inputs": {"x": NaN, "seed": 1e999, "t": "\\ud800"}}, "2": 5}',
    )
    put(
        project, "odder", {"1": {"class_type": "KSampler", "inputs": [1], "_meta": 3}, "2": {"class_type": 7}}
    )
    put(
        project,
        "links",
        {"1": {"class_type": "SaveImage", "inputs": {"images": [[], {}]}}, "": {"class_type": ""}},
    )
    async with DemoServer() as server, workflows(server.url, project) as ui:
        for name in ("odd", "odder", "links"):
            await go_to(ui, name)
            await ui.see("error", "as of")
            await ui.press("e")
            await ui.see("copies")
            await ui.press("m", "escape")


# -- queueing --------------------------------------------------------------------------------------


async def test_queue_as_it_is(project: Path) -> None:
    async with DemoServer() as server, workflows(server.url, project) as ui:
        await ui.online()
        await go_to(ui, "api")
        await ui.press("Q")
        await ui.see("Queued", "3 shows the queue")
        (prompt,) = await history(server)
        assert prompt[2] == json.loads((SHIPPED / "text_to_image.json").read_text())
        assert prompt[3]["comfy_tui"]["name"] == "api"


@pytest.mark.parametrize("legacy", [False, True])
async def test_the_editors_format_is_converted_and_travels_along(legacy: bool, project: Path) -> None:
    document = json.loads((SHIPPED / "text_to_image_editor.json").read_text())
    put(project, "editor", document)
    async with DemoServer(legacy=legacy) as server, workflows(server.url, project) as ui:
        await ui.online()
        await go_to(ui, "editor")
        await ui.press("Q")
        await ui.see("Queued")
        (prompt,) = await history(server)
        assert prompt[2]["3"]["class_type"] == "KSampler"
        assert prompt[3]["extra_pnginfo"]["workflow"]["id"] == document["id"]


async def test_edit_values_then_queue_copies(project: Path) -> None:
    path = put(project, "api", json.loads((SHIPPED / "text_to_image.json").read_text()))
    before = path.read_bytes()
    async with DemoServer() as server, workflows(server.url, project) as ui:
        await ui.online()
        await go_to(ui, "api")
        await ui.press("e")
        await ui.see("copies", "lighthouse", "Positive prompt (6), text: text")
        await ui.press("space")  # no action takes several values: nothing is marked
        assert not ui.app.screen.query_one("#fields", RowList).marked
        await ui.press("question_mark")
        await ui.see("Keys (esc closes)", "Queue with these values.")
        await ui.press("escape")
        await ui.press("enter", "home")  # the prompt, on several lines
        await ui.type("red ")
        await ui.press("ctrl+s")
        await ui.see("* red a lighthouse")
        await ui.press("j", "j", "enter")  # the seed
        await ui.see("whole number, 0 to 18446744073709551615")
        await ui.type("x")
        await ui.see("not a whole number")
        await ui.press("enter")  # not taken
        await ui.press("backspace", *["backspace"] * 2, "9", "enter")
        await ui.see("* 9")
        await ui.press("g", "enter", "backspace", "3", "enter")  # copies
        await ui.press("j", "enter", "enter")  # seeds: random, count up
        await ui.see("count up with each copy")
        await ui.press("Q")
        await ui.see("Queued", "3 copies", "edited", "2 values, seeds increment, 3 copies")
        sent = [entry[2] for entry in await history(server, 3)]
        assert sorted(prompt["3"]["inputs"]["seed"] for prompt in sent) == [9, 10, 11]
        assert {prompt["6"]["inputs"]["text"][:6] for prompt in sent} == {"red a "}
        assert path.read_bytes() == before
        await ui.press("u")
        await ui.see("As in the file")
        await ui.gone("2 values")


async def test_choices_and_switches(project: Path) -> None:
    async with DemoServer() as server, workflows(server.url, project) as ui:
        await ui.online()
        await go_to(ui, "api")
        await ui.see("valid as of")
        await ui.press("e")
        await ui.see("sampler_name")
        await ui.press("j", "j", "j", "j", "j", "enter")
        await ui.see("type to narrow", "euler")
        await ui.type("dpmpp_2m")
        await ui.press("enter")
        await ui.see("* dpmpp_2m")
        await ui.press("u")
        await ui.gone("* dpmpp_2m")
        await ui.press("m")
        await ui.see("filename_prefix")


async def test_a_refused_workflow_asks_first_and_shows_why(project: Path) -> None:
    put(project, "bad", plain(width=0))
    async with DemoServer() as server, workflows(server.url, project) as ui:
        await ui.online()
        await go_to(ui, "bad")
        await ui.see("1 error", "Empty (1), width")
        await ui.press("Q")
        await ui.see("The server will refuse it", "Empty (1), width")
        await ui.press("escape")
        assert ("POST", "/prompt") not in server.requests
        await ui.press("Q")
        await ui.see("Queue anyway")
        await ui.press("y")
        await ui.see("The server refused the workflow", "EmptyImage (1), width")


async def test_what_breaks_the_server_is_never_sent(project: Path) -> None:
    prompt = {**plain(), "9": {"class_type": "EmptyImage"}}
    put(project, "killer", prompt)
    async with DemoServer() as server, workflows(server.url, project) as ui:
        await ui.online()
        await go_to(ui, "killer")
        await ui.see("1 error")
        await ui.press("Q")
        await ui.see("would break the server")
        assert ("POST", "/prompt") not in server.requests


async def test_accepted_in_part_is_said(project: Path) -> None:
    prompt = plain()
    prompt["3"] = {
        "class_type": "SaveImage",
        "inputs": {"images": ["4", 0], "filename_prefix": "b"},
        "_meta": {},
    }
    prompt["4"] = {**plain(width=0)["1"]}
    put(project, "part", prompt)
    async with DemoServer() as server, workflows(server.url, project) as ui:
        await ui.online()
        await go_to(ui, "part")
        await ui.press("Q")
        await ui.see("The server will refuse it")
        await ui.press("y")
        await ui.see("Accepted in part", "EmptyImage (4), width")


async def test_marked_workflows_are_queued_after_a_question(project: Path) -> None:
    put(project, "bpi", plain())
    put(project, "cad", b"{")
    async with DemoServer() as server, workflows(server.url, project) as ui:
        await ui.online()
        await go_to(ui, "api")
        await ui.press("space", "space", "space", "Q")
        await ui.see("Queue 2 workflows?", "Cannot be queued", "not valid JSON")
        await ui.press("y")
        await ui.see("2 copies")
        assert len(await history(server, 2)) == 2
        assert not screen_of(ui).query_one("#entries").marked


async def test_refused_connection_offers_the_export(project: Path) -> None:
    server = DemoServer()
    await server.start()
    async with workflows(server.url, project) as ui:
        await ui.online()
        await go_to(ui, "api")
        await server.stop()
        await ui.see("OFFLINE")
        await ui.press("Q")
        await ui.see("It was not sent", "exports")
        await until(lambda: len(ui.app.jobs.unsent) == 1)
        await ui.press("E")
        await ui.see("Exported", "Drag it into ComfyUI")
        written = project / "projects" / "proj" / "workflows" / "api.json"
        assert json.loads(written.read_text()) == json.loads((SHIPPED / "text_to_image.json").read_text())


async def test_an_unknown_fate_is_kept_and_not_sent_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("comfy_tui.monitor.submit.LOOK_DELAYS_S", (0.0,))
    async with DemoServer() as server, workflows(server.url, project) as ui:
        await ui.online()
        await go_to(ui, "api")
        await ui.press("e")
        await ui.see("copies")
        await ui.press("g", "enter", "backspace", "4", "enter")
        server.faults.set("/prompt", close=True, method="POST")
        await ui.press("Q")
        await ui.see("0 of 4 queued", "not known")
        await until(lambda: len(ui.app.jobs.unsent) == 1)
        assert server.faults.count("/prompt", "POST") == 1


async def test_readonly_hides_queueing(project: Path) -> None:
    async with DemoServer() as server, workflows(server.url, project, readonly=True) as ui:
        await ui.online()
        await go_to(ui, "api")
        await ui.press("Q", "i")
        await ui.pilot.pause()
        assert ("POST", "/prompt") not in server.requests
        await ui.press("e")
        await ui.see("copies")
        await ui.press("Q")
        await ui.see("Read-only")
        assert ("POST", "/prompt") not in server.requests


# -- uploads ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("legacy", [False, True])
async def test_upload_and_use_the_name_the_server_gave(legacy: bool, project: Path, tmp_path: Path) -> None:
    from PIL import Image

    for number, name in enumerate(("bild ü.png", "example.png")):
        Image.new("RGB", (9, 9), (number, 1, 2)).save(tmp_path / name)
    load = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "missing.png"}, "_meta": {}},
        "2": plain()["2"],
    }
    put(project, "load", load)
    async with DemoServer(legacy=legacy) as server, workflows(server.url, project) as ui:
        await ui.online()
        await go_to(ui, "load")
        await ui.see("1 error")
        await ui.press("i")
        await ui.see("Upload an input file")
        await paste(ui, f"{tmp_path}/nothing")
        await ui.press("enter")
        await ui.see("no such file")
        await ui.press(*["backspace"] * 7)
        await ui.type("bi")
        await ui.see("bild ü.png")
        await ui.press("enter")
        await asked(ui)
        await ui.press("enter")
        await ui.see("Uploaded", "bild ü.png on the server", "valid as of", "*input file")
        assert (server.state.folders.root / "input" / "bild ü.png").is_file()
        # The name is taken there, with other bytes: the server gives another.
        await ui.press("i")
        await ui.see("Upload an input file")
        await paste(ui, f"{tmp_path}/example.png")
        await ui.press("enter")
        await asked(ui)
        await ui.press("enter")
        await ui.see("is there, with other content")
        await ui.press("k")
        await ui.see("example (1).png on the server", "valid as of")
        await ui.press("Q")
        await ui.see("Queued")
        (prompt,) = await history(server)
        assert prompt[2]["1"]["inputs"]["image"] == "example (1).png"


async def test_the_server_is_asked_for_files_that_its_definitions_do_not_list(project: Path) -> None:
    for name in ("here", "gone"):
        load = {"class_type": "LoadImage", "inputs": {"image": f"sub/{name}.png"}, "_meta": {}}
        put(project, name, {"1": load, "2": plain()["2"]})
    async with DemoServer() as server, workflows(server.url, project) as ui:
        folder = server.state.folders.root / "input" / "sub"
        folder.mkdir()
        (folder / "here.png").write_bytes(b"x")
        await ui.online()
        await go_to(ui, "gone")
        await ui.see("1 error")
        await ui.press("d")
        await ui.see("Invalid image file: sub/gone.png")
        await ui.press("escape")
        await go_to(ui, "here")
        await ui.see("valid as of")
        await until(lambda: not screen_of(ui).shown.prepared.diagnostics, "nothing left unknown")


async def test_a_file_that_came_after_the_lists_were_read_is_not_called_missing(
    project: Path, tmp_path: Path
) -> None:
    from PIL import Image

    Image.new("RGB", (9, 9)).save(tmp_path / "mine.png")
    for name, file in (("browser", "late.png"), ("ours", "missing.png")):
        load = {"class_type": "LoadImage", "inputs": {"image": file}, "_meta": {}}
        put(project, name, {"1": load, "2": plain()["2"]})
    async with DemoServer() as server, workflows(server.url, project) as ui:
        await ui.online()
        await go_to(ui, "browser")
        await ui.see("1 error")
        # Somebody uploads it in a browser.
        shutil.copy(tmp_path / "mine.png", server.state.folders.root / "input" / "late.png")
        await ui.press("Q")
        await ui.see("Queued")
        # Ours, where the lists cannot be read anew.
        await go_to(ui, "ours")
        server.faults.set("/object_info", status=500)
        screen_of(ui).desk.nodes.forget()
        await ui.press("Q")
        await ui.see("The server may refuse it", "Invalid image file: missing.png", "known before")
        await ui.press("escape", "i")
        await ui.see("Upload an input file")
        await paste(ui, f"{tmp_path}/mine.png")
        await ui.press("enter")
        await ui.see("Under which name?")
        await ui.press("enter")
        await ui.see("Node 1 uses it now")
        await ui.press("Q")
        await until(lambda: len(server.record.taken) == 2, "both were queued")


async def test_several_inputs_ask_which_and_failures_are_told(project: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    node = {"class_type": "LoadImage", "inputs": {"image": "example.png"}, "_meta": {"title": "Left"}}
    put(project, "two", {"1": node, "5": {**node, "_meta": {"title": "Right"}}, "2": plain()["2"]})
    async with DemoServer() as server, workflows(server.url, project) as ui:
        await ui.online()
        await go_to(ui, "two")
        server.faults.set("/upload/image", status=413)
        await ui.press("i")
        await ui.see("Which input", "Left (1)", "Right (5)")
        await ui.press("down", "enter")
        await ui.see("Upload an input file")
        await paste(ui, f"{tmp_path}/a.p")
        await ui.see("a.png")
        await ui.press("tab", "enter")
        await asked(ui)
        await ui.press("enter")
        await ui.see("Too large for the server")
        server.faults.clear()
        await ui.press("i")
        await ui.see("Which input")
        await ui.press("down", "enter")
        await paste(ui, f"{tmp_path}/a.png")
        await ui.press("enter")
        await asked(ui)
        await ui.press("enter")
        await ui.see("Node 5 uses it now")


# -- export, open, copy ----------------------------------------------------------------------------


async def test_export_offline_never_overwrites_silently(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = json.loads((SHIPPED / "text_to_image_editor.json").read_text())
    put(project, "editor", document)
    async with workflows("http://127.0.0.1:9", project) as ui:
        await go_to(ui, "editor")
        await ui.press("E")
        await ui.see("Exported", "Drag it into ComfyUI's window")
        folder = project / "projects" / "proj" / "workflows"
        assert json.loads((folder / "editor.json").read_text()) == document
        await ui.press("E")
        await ui.see("There is such a file", "editor (1).json")
        await ui.press("escape", "E")
        await ui.see("There is such a file")
        await ui.press("n")
        await until(lambda: (folder / "editor (1).json").exists())
        await ui.press("E")
        await ui.see("editor (2).json")
        await ui.press("o")
        await ui.gone("There is such a file")
        both = ["editor (1).json", "editor.json"]
        await until(lambda: sorted(path.name for path in folder.iterdir()) == both, "nothing half written")


async def test_export_without_a_project_goes_below_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with DemoServer() as server, workflows(server.url, None) as ui:
        await go_to(ui, "Text to image (demo)")
        await ui.see("valid as of")
        await ui.press("E")
        await ui.see("Export as", "editor's format")
        await ui.press("e")
        await ui.see("Exported")
        assert (tmp_path / "projects" / "default" / "workflows" / "Text to image (demo).json").exists()


async def test_open_a_file_by_its_path(isolated: Path) -> None:
    (isolated / "wf.json").write_text(json.dumps(plain()))
    async with workflows("http://127.0.0.1:9", None) as ui:
        await ui.see("No workflows yet")
        await ui.press("o")
        await ui.see("Open a workflow file")
        await paste(ui, "~/wf.json")
        await ui.press("enter")
        await ui.see("Recent (1)", "API format", "2 nodes")
        assert read_recent() == (isolated / "wf.json",)


async def test_copy_asks_path_or_prompt(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[tuple[str, str]] = []
    async with DemoServer() as server, workflows(server.url, project) as ui:
        monkeypatch.setattr(ui.app, "copy", lambda text, what: copied.append((what, text)))
        await ui.online()
        await go_to(ui, "api")
        await ui.press("y")
        await ui.see("The path", "The prompt as JSON")
        await ui.press("p")
        await until(lambda: copied)
        await ui.press("y")
        await ui.see("The prompt as JSON")
        await ui.press("j")
        await until(lambda: len(copied) == 2)
    assert copied[0] == ("path", str(project / "workflows" / "api.json"))
    assert json.loads(copied[1][1])["3"]["class_type"] == "KSampler"


# -- harm ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_hostile_names_titles_and_texts(size: tuple[int, int], tmp_path: Path) -> None:
    name = "[bold red]x[/] [/nope] \x1b]52;c;aGFja2Vk\x07 \u202egnp"
    folder = tmp_path / "proj"
    (folder / "workflows").mkdir(parents=True)
    prompt = plain()
    prompt["1"]["_meta"]["title"] = name
    prompt["1"]["inputs"]["[/x]\x1b[2J"] = name
    (folder / "workflows" / f"{name.replace('/', '|')}.json").write_text(json.dumps(prompt))
    async with DemoServer(hostile=True) as server, workflows(server.url, folder, size=size) as ui:
        await ui.see("Server (", "Project proj (1)")
        entries = screen_of(ui).query_one("#entries")
        for row in [row for row in entries.rows if not row.heading][::3]:
            entries.select(row.key)
            await until(
                lambda row=row: (
                    (shown := screen_of(ui).shown)
                    and shown.entry.key == row.key
                    and (shown.prepared or shown.problem)
                )
            )
            await ui.press("e")
            await until(lambda: len(ui.app.screen_stack) > 1 or "nothing to change" in ui.text())
            await ui.press("m", "j", "j", "enter")
            text = ui.text()
            assert not any(ch in text for ch in "\x1b\x07\x9b\u202e\u2066\u200f")
            for _ in range(4):
                await ui.press(*["escape"] * (len(ui.app.screen_stack) > 1))
            assert len(ui.app.screen_stack) == 1
        await ui.press("E")
        await ui.see("Exported")
        for path in folder.rglob("projects/**/*.json"):
            assert "\x1b" not in path.name
            assert "\u202e" not in path.name


async def test_a_thousand_files_open_at_once(project: Path) -> None:
    for number in range(1000):
        put(project, f"w{number:04}", plain())
    async with workflows("http://127.0.0.1:9", project) as ui:
        await ui.see("Project proj (1001)")
        await ui.press("G")
        await ui.see("w0999")
