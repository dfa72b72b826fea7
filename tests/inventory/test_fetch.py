"""Fetching from the embedded server, as both versions, and from one that misbehaves."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.types import Device, PackageVersion, SystemStats
from comfy_tui.config import profile_from_url
from comfy_tui.demo.server import DemoServer
from comfy_tui.errors import ApiError, BadReply, ServerError
from comfy_tui.inventory.fetch import fetch_inventory, fetch_nodes, mark_of
from comfy_tui.inventory.inventory import Origin, System, find_packs
from comfy_tui.inventory.keeper import FRESH_S, InventoryKeeper
from comfy_tui.inventory.store import InventoryStore

STATS = SystemStats("0.26.0", "3.12", "2.9", "linux", None, None, ("main.py",), (), ())


@pytest.fixture(params=[False, True], ids=["0.26.0", "0.3.64"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[DemoServer]:
    async with DemoServer(legacy=request.param) as server:
        yield server


@pytest.fixture
async def client(server: DemoServer) -> AsyncIterator[ComfyClient]:
    async with ComfyClient(profile_from_url(server.url), timeout_s=5) as client:
        yield client


async def test_everything_at_once(server: DemoServer, client: ComfyClient) -> None:
    found = await fetch_inventory(client, clock=lambda: 7.0)
    assert found.object_info == await client.object_info()
    assert found.models is not None
    assert set(found.models) == set(await client.model_folders()) - {"custom_nodes"}
    assert found.models["vae"] == await client.models("vae")
    assert found.embeddings == await client.embeddings() != ()
    assert (found.fetched_at_s, found.models_at_s, found.origin) == (7.0, 7.0, Origin.SERVER)
    assert found.server == server.url
    assert found.comfyui_version in ("0.26.0-demo", "0.3.64-demo", "0.26.0", "0.3.64")
    assert found.pack_names == ("comfy_tui_demo",)
    assert found.notes == ()
    assert await client.models("nope") is None


async def test_only_the_nodes(server: DemoServer, client: ComfyClient) -> None:
    found = await fetch_inventory(client, with_models=False)
    assert (found.models, found.models_at_s, found.embeddings) == (None, None, None)
    assert not any(path.startswith("/models") for _, path in server.faults.requests)


async def test_folders_are_asked_for_a_few_at_a_time(server: DemoServer, client: ComfyClient) -> None:
    server.faults.set("/models/*", delay_s=0.02)
    started = time.monotonic()
    found = await fetch_inventory(client)
    assert found.models is not None
    assert time.monotonic() - started < 0.02 * len(found.models)


async def test_what_is_missing_is_a_note(server: DemoServer, client: ComfyClient) -> None:
    server.faults.set("/models/vae", status=500)
    server.faults.set("/embeddings", status=404)
    server.faults.set("/extensions", garbage=True)
    found = await fetch_inventory(client)
    assert found.models is not None
    assert "vae" not in found.models
    assert found.embeddings is None
    assert [note.partition(":")[0] for note in found.notes] == ["models of vae", "embeddings"]


@pytest.mark.parametrize("body", ["[]", '{"a":', "null", "<html>"])
async def test_nodes_that_are_none(server: DemoServer, client: ComfyClient, body: str) -> None:
    server.faults.set("/object_info", status=200, body=body, content_type="application/json")
    with pytest.raises(BadReply):
        await fetch_nodes(client)


async def test_versions_of_packs_where_a_manager_tells(server: DemoServer, client: ComfyClient) -> None:
    installed = {"comfy_tui_demo": {"ver": "1.2", "cnr_id": "demo", "enabled": True}}
    server.faults.set(
        "/v2/customnode/installed", status=200, body=json.dumps(installed), content_type="application/json"
    )
    (pack,) = (await fetch_inventory(client)).packs
    assert (pack.name, pack.version, pack.registry_id) == ("comfy_tui_demo", "1.2", "demo")
    assert pack.node_classes


def test_packs() -> None:
    info = {
        "A": {"python_module": "custom_nodes.zoo"},
        "B": {"python_module": "custom_nodes.zoo"},
        "C": {"python_module": "custom_nodes.Ape.sub"},
        "D": {"python_module": "comfy_extras.x"},
        "E": {"python_module": 3},
        "F": None,
    }
    told = {"js-only": {"ver": "2"}, "off": {"ver": "1", "enabled": False}, "zoo": {"ver": 3}}
    assert [(p.name, p.node_classes, p.version) for p in find_packs(info, told)] == [
        ("Ape.sub", 1, None),
        ("js-only", 0, "2"),
        ("zoo", 2, None),
    ]


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("cuda:0 NVIDIA GeForce RTX 4090 : cudaMallocAsync", "cuda", "NVIDIA GeForce RTX 4090"),
        ("cuda:1 AMD Radeon : native", "cuda", "AMD Radeon"),
        ("xpu:0 Arc", "xpu", "Arc"),
        ("npu", "npu", "npu"),
        ("cpu", "cpu", "cpu"),
    ],
)
def test_the_card(name: str, kind: str, expected: str) -> None:
    device = Device(name, kind, 0, 24 * 2**30, 2**30, None, None)
    system = System.of(replace(STATS, devices=(device,)))
    memory = (None, None) if kind == "cpu" else (24.0, 1.0)
    assert (system.gpu, system.vram_total_gb, system.vram_free_gb) == (expected, *memory)
    assert System.of(STATS) == System()


def test_the_mark() -> None:
    marks = {
        mark_of(STATS),
        mark_of(STATS, ("/extensions/pack/x.js",)),
        mark_of(replace(STATS, argv=("main.py", "--cpu"))),
        mark_of(replace(STATS, comfyui_version="0.27.0")),
        mark_of(replace(STATS, packages=(PackageVersion("frontend", "1", "2"),))),
    }
    assert len(marks) == 5
    assert mark_of(STATS, ("b", "a")) == mark_of(STATS, ("a", "b"))
    assert mark_of(replace(STATS, ram_free_bytes=1)) == mark_of(STATS)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_a_session_asks_once_an_hour(server: DemoServer, client: ComfyClient) -> None:
    clock, store = Clock(), InventoryStore()
    keeper = InventoryKeeper(client, store, clock)
    assert await keeper.load() is None

    def asked() -> int:
        return server.faults.requests.count(("GET", "/object_info"))

    first, same = await asyncio.gather(keeper.get(), keeper.get())
    assert first is same is keeper.held
    assert asked() == 1
    clock.now += FRESH_S - 1
    assert await keeper.get() is first
    keeper.forget()
    assert await keeper.get() is not first
    clock.now += FRESH_S
    await keeper.get()
    assert asked() == 3
    server.faults.set(
        "/extensions", status=200, body='["/extensions/new.js"]', content_type="application/json"
    )
    again = await keeper.get()
    assert asked() == 4
    # The next session has it at once, as old as it is, and asks the server all the same.
    later = InventoryKeeper(client, store, clock)
    kept = await later.load()
    assert kept == replace(again, origin=Origin.CACHE)
    assert (await later.get()).is_live
    assert asked() == 5


async def test_a_failed_fetch_keeps_what_there_is(server: DemoServer, client: ComfyClient) -> None:
    keeper = InventoryKeeper(client)
    first = await keeper.get()
    keeper.forget()
    server.faults.set("/object_info", status=500)
    with pytest.raises(ServerError):
        await keeper.get()
    assert keeper.held is first
    server.faults.clear()
    assert await keeper.get() is not first


async def test_models_stay_where_only_nodes_are_asked_for(client: ComfyClient) -> None:
    clock, store = Clock(), InventoryStore()
    whole = await InventoryKeeper(client, store, clock).get()
    clock.now += 50
    nodes = await InventoryKeeper(client, store, clock).get(with_models=False)
    assert (nodes.fetched_at_s, nodes.models_at_s) == (1050.0, 1000.0)
    assert (nodes.models, nodes.embeddings, nodes.packs) == (whole.models, whole.embeddings, whole.packs)
    assert store.load(nodes.server) == replace(nodes, origin=Origin.CACHE)


async def test_nobody_there() -> None:
    async with ComfyClient(profile_from_url("http://127.0.0.1:9")) as nobody:
        with pytest.raises(ApiError):
            await InventoryKeeper(nobody).get()


async def test_models_are_asked_for_on_top_of_nodes_that_hold(
    server: DemoServer, client: ComfyClient
) -> None:
    clock = Clock()
    keeper = InventoryKeeper(client, InventoryStore(), clock)
    assert (await keeper.get(with_models=False)).models is None
    clock.now += 10
    whole = await keeper.get()
    assert (whole.fetched_at_s, whole.models_at_s) == (1000.0, 1010.0)
    assert whole.models
    assert server.faults.requests.count(("GET", "/object_info")) == 1
    clock.now += FRESH_S - 20
    assert await keeper.get() is whole
    clock.now += 15
    again = await keeper.get()  # the nodes of an hour ago, the models a bit younger: both anew
    assert (again.fetched_at_s, again.models_at_s) == (clock.now, clock.now)


async def test_the_servers_replacements(server: DemoServer, client: ComfyClient) -> None:
    answer = {"Old": [{"new_node_id": "New", "input_mapping": None, "output_mapping": None}]}
    server.faults.set(
        "/node_replacements", status=200, body=json.dumps(answer), content_type="application/json"
    )
    assert (await fetch_inventory(client, with_models=False)).replacements == answer
    server.faults.set("/node_replacements", status=500)
    found = await fetch_inventory(client, with_models=False)
    assert found.replacements == {}
    assert "node replacements" in found.notes[0]
    server.faults.set("/node_replacements", status=404)
    assert (await fetch_inventory(client, with_models=False)).notes == ()
