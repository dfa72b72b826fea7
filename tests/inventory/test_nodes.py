"""The shelf of node classes: kept ones at once, the server's own soon, nothing asked twice."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.config import profile_from_url
from comfy_tui.demo.server import DemoServer
from comfy_tui.errors import ApiError
from comfy_tui.inventory.inventory import Inventory, Origin
from comfy_tui.inventory.nodes import FRESH_S, NodeInfo, NodeShelf
from comfy_tui.inventory.project_file import project_path, read_project_file, write_project_file
from comfy_tui.inventory.store import InventoryStore

NOBODY = "http://127.0.0.1:9"
NODES = {"Made": {"input": {"required": {}}, "output": [], "output_node": True, "python_module": "nodes"}}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def server() -> AsyncIterator[DemoServer]:
    async with DemoServer() as server:
        yield server


@pytest.fixture
async def client(server: DemoServer) -> AsyncIterator[ComfyClient]:
    async with ComfyClient(profile_from_url(server.url), timeout_s=5) as client:
        yield client


def asked(server: DemoServer) -> int:
    return server.faults.requests.count(("GET", "/object_info"))


async def test_asked_once_an_hour_and_when_something_changed(server: DemoServer, client: ComfyClient) -> None:
    clock = Clock()
    shelf, url = NodeShelf(clock=clock), server.url
    assert shelf.held(url) is None
    first, same = await asyncio.gather(shelf.get(client, "1"), shelf.get(client, "1"))
    assert first is same is shelf.held(url)
    assert (first.is_live, first.read_at_s, asked(server)) == (True, 1000.0, 1)
    assert shelf.held("http://other") is None
    assert not shelf.is_fresh("http://other", "1")
    clock.now += FRESH_S - 1
    assert await shelf.get(client, "1") is first
    assert shelf.is_fresh(url, None)
    assert not shelf.is_fresh(url, "2")  # it was updated
    await shelf.get(client, "2")
    shelf.forget()
    assert not shelf.is_fresh(url, "2")
    await shelf.get(client, "2")
    clock.now += FRESH_S
    assert not shelf.is_fresh(url, "2")
    await shelf.get(client, "2")
    assert asked(server) == 4


async def test_a_failed_fetch_leaves_what_is_held(server: DemoServer, client: ComfyClient) -> None:
    shelf = NodeShelf()
    first = await shelf.get(client, None)
    shelf.forget()
    server.faults.set("/object_info", status=500)
    with pytest.raises(ApiError):
        await shelf.get(client, None)
    assert shelf.held(server.url) is first
    assert not shelf.is_fresh(server.url, None)


async def test_what_is_doubted_is_not_taken_for_fresh_while_it_is_asked_for(
    server: DemoServer, client: ComfyClient
) -> None:
    shelf = NodeShelf()
    held = await shelf.get(client, None)
    shelf.forget()
    server.faults.set("/object_info", delay_s=30.0)
    first = asyncio.create_task(shelf.get(client, None))
    await server.faults.arrived("/object_info", 2)
    assert not shelf.is_fresh(server.url, None)
    second = asyncio.create_task(shelf.get(client, None))
    await asyncio.sleep(0)  # as far as it comes without waiting
    assert not second.done()
    server.faults.clear()
    assert await first is await second is not held


async def test_the_next_session_has_the_kept_ones_at_once(server: DemoServer, client: ComfyClient) -> None:
    clock = Clock()
    before = await NodeShelf(clock=clock).get(client, None)
    clock.now += 50
    shelf = NodeShelf(clock=clock)
    count = len(server.faults.requests)
    kept = await shelf.recall(client)
    assert kept is not None
    assert len(server.faults.requests) == count
    assert (kept.is_live, kept.read_at_s, kept.version) == (False, 1000.0, before.version)
    assert kept.object_info == before.object_info
    assert not shelf.is_fresh(server.url, kept.version)
    now = await shelf.get(client, kept.version)
    assert (now.is_live, now.read_at_s) == (True, 1050.0)
    assert await shelf.recall(client) is now  # never back to older ones


async def test_nothing_is_known_of_a_server_that_was_never_there() -> None:
    async with ComfyClient(profile_from_url(NOBODY)) as nobody:
        assert await NodeShelf().recall(nobody) is None


async def test_models_come_without_reading_the_classes_again(server: DemoServer, client: ComfyClient) -> None:
    shelf = NodeShelf()
    nodes = await shelf.get(client, None)
    assert nodes.inventory.models is None
    whole = await shelf.complete(client)
    held = shelf.held(server.url)
    assert held is not None
    assert whole.models
    assert held.inventory is whole
    assert held.converter is nodes.converter
    assert held.checker is nodes.checker
    assert asked(server) == 1
    assert await shelf.complete(client) is whole


async def test_queueing_does_not_wait_for_models(server: DemoServer, client: ComfyClient) -> None:
    shelf = NodeShelf()
    nodes = await shelf.get(client, None)
    server.faults.set("/models/*", delay_s=5)
    listing = asyncio.create_task(shelf.complete(client))
    await asyncio.sleep(0.1)
    async with asyncio.timeout(1):
        assert await shelf.get(client, None) is nodes
    listing.cancel()
    await asyncio.gather(listing, return_exceptions=True)


async def test_a_projects_inventory_is_kept_true_where_it_has_one(
    server: DemoServer, client: ComfyClient, tmp_path: Path
) -> None:
    shelf = NodeShelf(project=tmp_path)
    await shelf.complete(client)
    assert not project_path(tmp_path).exists()  # a person makes the first
    write_project_file(tmp_path, Inventory(comfyui_version="0.0.1"))
    found = await shelf.complete(client)
    read = read_project_file(tmp_path)
    assert read is not None
    assert (read.comfyui_version, read.server) == (found.comfyui_version, server.url)
    assert read.object_info == found.object_info
    assert json.loads(project_path(tmp_path).read_text())["mode"] == "online"
    before = project_path(tmp_path).stat().st_mtime_ns
    await shelf.complete(client)
    assert project_path(tmp_path).stat().st_mtime_ns == before


async def test_a_project_that_cannot_be_written_is_told(
    client: ComfyClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project_file(tmp_path, Inventory())
    shelf = NodeShelf(project=tmp_path)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("comfy_tui.inventory.project_file.replace_file", full)
    assert (await shelf.complete(client)).models
    assert "No space left" in shelf.project_problem


@pytest.mark.parametrize("url", ["", NOBODY, "http://another:1"])
async def test_offline_the_projects_inventory_counts_where_nothing_is_kept(tmp_path: Path, url: str) -> None:
    told = Inventory(server=url, comfyui_version="1", fetched_at_s=5.0, object_info=NODES)
    write_project_file(tmp_path, told)
    async with ComfyClient(profile_from_url(NOBODY)) as nobody:
        found = await NodeShelf(project=tmp_path).recall(nobody)
        if url == "http://another:1":
            assert found is None
            return
        assert found is not None
        assert (found.inventory.origin, found.is_live, found.read_at_s) == (Origin.FILE, False, 5.0)
        store = InventoryStore()
        store.save(replace(told, server=NOBODY, fetched_at_s=7.0))
        kept = await NodeShelf(store, tmp_path).recall(nobody)
        assert kept is not None
        assert kept.read_at_s == 7.0


def test_preparing_needs_no_network_library() -> None:
    code = (
        "import comfy_tui.inventory.prepare, comfy_tui.inventory.nodes, sys;"
        "sys.exit(any(name in sys.modules for name in ('httpx', 'textual', 'aiohttp')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_of_an_answer() -> None:
    info = NodeInfo.of(NODES, "1", 3.0)
    assert (info.version, info.read_at_s, info.is_live) == ("1", 3.0, True)
    assert info.definition("Made") is not None
    assert info.definition("Gone") is None
