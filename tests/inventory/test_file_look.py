"""Files that loaders name and node definitions do not list: the server is asked for them."""

from __future__ import annotations

from typing import Any

import pytest

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.config import profile_from_url
from comfy_tui.demo.server import DemoServer
from comfy_tui.inventory.file_look import look_for_files
from comfy_tui.inventory.nodes import NodeInfo
from comfy_tui.inventory.prepare import Prepared, prepare
from comfy_tui.workflow.edits import Edits
from comfy_tui.workflow.formats import parse_workflow


def loading(*names: str) -> bytes:
    import json

    prompt: dict[str, Any] = {"0": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}}
    for number, name in enumerate(names, 1):
        prompt[str(number)] = {"class_type": "LoadImage", "inputs": {"image": name}}
        prompt[f"p{number}"] = {"class_type": "PreviewImage", "inputs": {"images": [str(number), 0]}}
    return json.dumps(prompt).encode()


async def looked(server: DemoServer, *names: str, url: str = "", edits: Edits | None = None) -> Prepared:
    async with ComfyClient(profile_from_url(server.url)) as client:
        info = NodeInfo.of(await client.object_info(), "0.26.0", 0.0)
        ready = prepare(parse_workflow(loading(*names), name="x"), info, edits)
    async with ComfyClient(profile_from_url(url or server.url)) as client:
        return await look_for_files(client, ready, info, edits)


def said(ready: Prepared) -> list[tuple[str | None, str]]:
    return [(one.node_id, one.code) for one in ready.diagnostics]


@pytest.mark.parametrize("legacy", [False, True])
async def test_what_is_there_and_what_is_not(legacy: bool) -> None:
    async with DemoServer(legacy=legacy) as server:
        folders = server.state.folders
        for kind, name in (("input", "sub/a.png"), ("output", "b.png"), ("input", "sub/empty.png")):
            place = folders.of(kind) / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(b"" if "empty" in name else b"x")
        here = ("sub/a.png", "b.png [output]", "sub/empty.png")
        gone = ("sub/z.png", "b.png [temp]", "pasted/b.png [output]")
        ready = await looked(server, *here, *gone)
    assert said(ready) == [(str(n), "custom_validation_failed") for n in (4, 5, 6)]
    assert ready.unknown_files == ()


async def test_edits_count_and_what_cannot_be_told_stays_unknown() -> None:
    async with DemoServer() as server:
        edits = Edits().with_value(("1", "image"), "sub/new.png")
        ready = await looked(server, "sub/old.png", "../up.png", edits=edits)
        assert said(ready) == [("1", "custom_validation_failed"), ("2", "file_unknown")]
        assert ready.unknown_files == (("input", "../up.png"),)
        server.faults.set("/view", status=403)
        assert said(await looked(server, "sub/a.png")) == [("1", "file_unknown")]


async def test_where_nobody_answers_nothing_is_said() -> None:
    async with DemoServer() as server:
        ready = await looked(server, "sub/a.png", url="http://127.0.0.1:9")
        assert said(ready) == [("1", "file_unknown")]
