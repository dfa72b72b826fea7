"""Collecting what advice is made from: Managers of both generations, kept maps, the registry."""

from __future__ import annotations

import asyncio
import gzip
import importlib.util
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.manager import Manager
from comfy_tui.comfy.types import PackageVersion
from comfy_tui.config import profile_from_url
from comfy_tui.errors import BadReply
from comfy_tui.inventory.catalogue import load_catalogue, read_catalogue
from comfy_tui.inventory.inventory import Inventory, Pack
from comfy_tui.inventory.knowledge import collect, known_here
from comfy_tui.inventory.maps import FRESH_S, PUBLIC_URL, MapStore
from comfy_tui.inventory.registry import MOST_CLASSES, Outside, read_registry_pack
from comfy_tui.workflow.advice import AdviceKind, Catalogue, Knowledge, Origin, PackMap, advise
from comfy_tui.workflow.advice.models import read_model_list
from comfy_tui.workflow.diagnostic import Diagnostic, Severity

RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "recordings" / "manager"
recorded = pytest.mark.skipif(not RECORDINGS.is_dir(), reason="no recordings of real servers here")
MAP = {"pack-a": [["ClassA", "Shared"], {}], "pack-b": [["Shared"], {}]}
MODELS = {
    "models": [
        {"filename": "m.sft", "save_path": "vae", "type": "VAE", "url": "https://huggingface.co/a/m.sft"}
    ]
}
MISSING = (Diagnostic(Severity.ERROR, "missing_node_type", "", node_id="1", class_type="ClassA"),)
UNLISTED = (
    Diagnostic(
        Severity.ERROR, "value_not_in_list", "", node_id="1", class_type="VAELoader", input="vae_name"
    ),
)


class Server:
    """A server that answers what it is told to and remembers what it was asked."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path_qs)
        found = self.answers.get(request.path_qs)
        if found is None:
            raise web.HTTPNotFound
        if isinstance(found, int):
            return web.Response(status=found)
        if isinstance(found, bytes | str):
            return web.Response(body=found if isinstance(found, bytes) else found.encode())
        return web.json_response(found)


@asynccontextmanager
async def serving(answers: dict[str, Any]) -> AsyncIterator[tuple[Server, ComfyClient]]:
    server = Server(answers)
    app = web.Application()
    app.router.add_get("/{path:.*}", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        async with ComfyClient(profile_from_url(f"http://127.0.0.1:{port}"), timeout_s=5) as client:
            yield server, client
    finally:
        await runner.cleanup()


V4 = {"/v2/manager/version": "V4.3", "/v2/manager/is_legacy_manager_ui": {"is_legacy_manager_ui": False}}
V4_OLD_LOOK = {**V4, "/v2/manager/is_legacy_manager_ui": {"is_legacy_manager_ui": True}}
V3 = {"/manager/version": "V3.41"}


@pytest.fixture
def store(tmp_path: Path) -> MapStore:
    return MapStore(tmp_path / "maps")


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (V4, Manager(4, "4.3")),
        (V4_OLD_LOOK, Manager(4, "4.3", legacy_ui=True)),
        ({"/v2/manager/version": "V4.3"}, Manager(4, "4.3")),
        (V3, Manager(3, "3.41")),
        ({}, None),
        ({"/v2/manager/version": "<html>", "/manager/version": "V3.2"}, Manager(3, "3.2")),
        ({"/v2/manager/version": "V" + "4" * 100_000}, None),
        ({"/v2/manager/version": 405, "/manager/version": 410}, None),
    ],
)
async def test_which_manager(answers: dict[str, Any], expected: Manager | None) -> None:
    async with serving(answers) as (_, client):
        assert await client.manager() == expected


@pytest.mark.parametrize(
    ("answers", "mappings", "models"),
    [
        (V4, "/v2/customnode/getmappings?mode=cache", None),
        (V4_OLD_LOOK, "/v2/customnode/getmappings?mode=cache", "/v2/externalmodel/getlist?mode=cache"),
        (V3, "/customnode/getmappings?mode=cache", "/externalmodel/getlist?mode=cache"),
    ],
)
async def test_its_lists_are_asked_for_where_they_are(
    answers: dict[str, Any], mappings: str, models: str | None, store: MapStore
) -> None:
    answers = {**answers, mappings: MAP, **({models: MODELS} if models else {})}
    async with serving(answers) as (server, client):
        found = await collect(client, Knowledge(), MISSING + UNLISTED, maps=store)
    assert found.notes == ()
    assert found.knowledge.manager_map == PackMap.read(MAP)
    assert found.knowledge.model_list == (read_model_list(MODELS) if models else ())
    assert "/node_replacements" in server.asked


async def test_nothing_is_asked_for_nothing(store: MapStore) -> None:
    async with serving({}) as (server, client):
        found = await collect(client, Knowledge(), (), maps=store)
    assert server.asked == []
    assert found.knowledge == Knowledge()


async def test_a_server_without_all_that(store: MapStore) -> None:
    async with serving({}) as (_, client):
        found = await collect(client, Knowledge(), MISSING, maps=store)
    assert (found.manager, found.notes) == (None, ())


async def test_what_fails_is_a_note(store: MapStore) -> None:
    path = "/v2/customnode/getmappings?mode=cache"
    for answer in (500, "no json", [1]):
        async with serving({**V4, path: answer, "/node_replacements": 500}) as (_, client):
            found = await collect(client, Knowledge(), MISSING, maps=store)
        assert found.knowledge.manager_map is None
        assert [note.split(":")[0] for note in found.notes] == [
            "node replacements",
            "the Manager's map of packs",
        ]
        assert found.manager is not None
    async with serving({}) as (_, client):
        pass
    gone = await collect(client, Knowledge(), MISSING, maps=store)
    assert gone.notes


async def test_the_map_is_kept_for_a_day(store: MapStore) -> None:
    path = "/v2/customnode/getmappings?mode=cache"
    async with serving({**V4, path: MAP}) as (server, client):
        await collect(client, Knowledge(), MISSING, maps=store)
        again = await collect(client, Knowledge(), MISSING, maps=store)
        assert server.asked.count(path) == 1
        assert again.knowledge.manager_map == PackMap.read(MAP)
        later = MapStore(store.folder, lambda: time.time() + FRESH_S + 60)
        await collect(client, Knowledge(), MISSING, maps=later)
        assert server.asked.count(path) == 2
    assert store.newest() == PackMap.read(MAP)
    known = known_here(maps=store)
    advice = advise(MISSING, knowledge=known)[0]
    assert (advice.origin, advice.commands) == (Origin.CACHED_MAP, ("comfy node install pack-a",))


async def test_replacements_of_the_server(store: MapStore) -> None:
    answer = {"ClassA": [{"new_node_id": "ClassB", "input_mapping": None, "output_mapping": None}]}
    async with serving({"/node_replacements": answer}) as (_, client):
        found = await collect(client, Knowledge(object_info={"ClassB": {}}), MISSING, maps=store)
    assert advise(MISSING, knowledge=found.knowledge)[0].kind is AdviceKind.REPLACE_NODE


async def test_lists_are_not_read_without_end() -> None:
    manager = Manager(3, "3.41")
    async with serving({manager.mappings_path: b" " * (16 * 1024 * 1024 + 1)}) as (_, client):
        with pytest.raises(BadReply, match="too large"):
            await client.pack_mappings(manager)


# -- kept maps ---------------------------------------------------------------------------------------------


def test_kept_maps_that_are_broken_count_as_none(store: MapStore) -> None:
    assert store.newest() is None
    store.save("http://a", MAP)
    file = next(store.folder.iterdir())
    assert file.stat().st_mode & 0o77 == 0
    for content in (b"", b"x", gzip.compress(b"{"), gzip.compress(b"[]"), gzip.compress(bytes(40_000_000))):
        file.write_bytes(content)
        assert store.fresh("http://a") is None
        assert store.newest() is None


def test_the_newest_map_that_can_be_read_counts(store: MapStore) -> None:
    store.save("http://a", MAP)
    os.utime(next(store.folder.iterdir()), (1, 1))
    store.save("http://b", {"pack-c": [["ClassA"], {}]})
    newest = store.newest()
    assert newest is not None
    assert set(newest.packs) == {"pack-c"}
    for number in range(20):
        store.save(f"http://{number}", MAP)
    assert len(list(store.folder.iterdir())) == 8


def test_a_map_that_cannot_be_kept_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    MapStore(tmp_path / "file" / "maps").save("http://a", MAP)
    MapStore(tmp_path).save("http://a", {"a": float("nan"), "b": object()})


# -- the network outside -----------------------------------------------------------------------------------

Handler = Callable[[httpx.Request], httpx.Response]


def outside(handler: Handler) -> Outside:
    return Outside(httpx.MockTransport(handler), timeout_s=2)


NODE = {
    "id": "comfyui-a",
    "name": "A",
    "repository": "https://github.com/o/a",
    "status": "NodeStatusActive",
    "latest_version": {"version": "1.2.0"},
}


async def test_nobody_outside_is_asked_without_leave(
    store: MapStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError

    monkeypatch.setattr(Outside, "__init__", never)
    found = await collect(None, Knowledge(), MISSING, maps=store)
    assert found.knowledge == Knowledge()


async def test_the_registry_and_the_public_map(store: MapStore) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        assert "authorization" not in request.headers
        if str(request.url) == PUBLIC_URL:
            return httpx.Response(200, json=MAP)
        return httpx.Response(200, json=NODE) if "Class%20C" in str(request.url) else httpx.Response(404)

    wanted = MISSING + tuple(
        Diagnostic(Severity.ERROR, "missing_node_type", "", node_id="2", class_type=name)
        for name in ("Class C/é", "Nobody", "Core")
    )
    known = Knowledge(catalogue=Catalogue(core={"Core": ()}))
    async with outside(answer) as out:
        found = await collect(None, known, wanted, outside=out, maps=store)
        again = await collect(None, known, MISSING, outside=out, maps=store)
    assert asked == [
        PUBLIC_URL,
        "https://api.comfy.org/comfy-nodes/Class%20C%2F%C3%A9/node",
        "https://api.comfy.org/comfy-nodes/Nobody/node",
    ]
    assert again.knowledge.cached_map == PackMap.read(MAP)
    advices = advise(wanted, knowledge=found.knowledge)
    assert [(a.origin, a.kind) for a in advices] == [
        (Origin.CACHED_MAP, AdviceKind.INSTALL_PACK),
        (Origin.REGISTRY, AdviceKind.INSTALL_PACK),
        (Origin.NOBODY, AdviceKind.FIND_NODE),
        (Origin.CATALOGUE, AdviceKind.UPDATE_COMFYUI),
    ]
    assert advices[1].commands == ("comfy node install comfyui-a",)


async def test_a_host_that_fails_is_a_note_and_not_asked_on(store: MapStore) -> None:
    count = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal count
        count += 1
        if count == 1:
            raise httpx.ConnectError("no")
        return [
            httpx.Response(503),
            httpx.Response(302, headers={"location": "http://x"}),
            httpx.Response(200, content=b" " * 2_000_000),
            httpx.Response(200, content=b"{"),
        ][(count - 2) % 4]

    wanted = [Diagnostic(Severity.ERROR, "missing_node_type", "", class_type=f"C{n}") for n in range(100)]
    async with outside(answer) as out:
        found = await collect(None, Knowledge(), wanted, outside=out, maps=store)
    assert found.knowledge.registry == {}
    assert len(found.notes) == 3
    assert f"{MOST_CLASSES} of 100" in found.notes[1]
    assert count <= 6


@pytest.mark.parametrize("answer", [None, 3, [], {}, {"id": "-rf"}, {"id": 3}, {"id": "a b"}, {"name": "x"}])
def test_odd_answers_of_the_registry(answer: Any) -> None:
    assert read_registry_pack(answer) is None


def test_answers_of_the_registry() -> None:
    found = read_registry_pack(NODE)
    assert found is not None
    assert (found.pack.id, found.pack.repository, found.pack.version) == (
        "comfyui-a",
        "https://github.com/o/a",
        "1.2.0",
    )
    banned = read_registry_pack({**NODE, "status": "NodeStatusBanned", "repository": "git@x"})
    assert banned is not None
    assert not banned.active
    assert banned.pack.repository is None


# -- what is known without asking --------------------------------------------------------------------------


def test_what_is_known_here(tmp_path: Path, store: MapStore) -> None:
    (tmp_path / "references").mkdir()
    (tmp_path / "references" / "models.md").write_text("`a.safetensors` https://huggingface.co/a/a\n")
    inventory = Inventory(
        comfyui_version="0.26.0",
        object_info={"A": {}},
        models={"vae": ("x.sft",)},
        packs=(Pack("ComfyUI-KJNodes", 3, "1.0.0", "comfyui-kjnodes"),),
    )
    packages = (PackageVersion("frontend", "1", "2"),)
    known = known_here(inventory, project=tmp_path, packages=packages, maps=store)
    assert (known.version, known.models) == ("0.26.0", {"vae": ("x.sft",)})
    assert known.installed is not None
    assert known.installed[0].id == "comfyui-kjnodes"
    assert known.references[0].name == "a.safetensors"
    assert known.packages[0].required == "2"
    assert known.catalogue.models
    assert known_here(project=tmp_path / "none", maps=store).references == ()


# -- the catalogue -----------------------------------------------------------------------------------------


def test_the_catalogue_is_there() -> None:
    found = load_catalogue()
    source = found.models["wan_2.1_vae.safetensors"][0]
    assert (source.folder, source.origin) == ("vae", Origin.CATALOGUE)
    assert source.url is not None
    assert source.url.startswith("https://huggingface.co/")
    assert len(found.models) > 300
    assert "0.26.2" in found.core["SaveText"]


def test_odd_catalogues_are_empty() -> None:
    for data in (
        None,
        [],
        {},
        {"models": 3, "core": []},
        {"models": {"vae": {"a": 3, "b": []}}, "core": {"A": 3}},
    ):
        assert read_catalogue(data) == Catalogue()


@pytest.mark.skipif(
    importlib.util.find_spec("comfyui_workflow_templates_json") is None,
    reason="the template package is absent",
)
def test_the_catalogue_is_what_the_tool_makes() -> None:
    tool = Path(__file__).resolve().parent.parent / "tools" / "build_catalogue.py"
    spec = importlib.util.spec_from_file_location("build_catalogue", tool)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["build_catalogue"] = module
    spec.loader.exec_module(module)
    content = module.TARGET.read_bytes()
    assert json.loads(gzip.decompress(content)) == module.build()
    assert len(content) < 300_000


# -- recordings --------------------------------------------------------------------------------------------


@recorded
@pytest.mark.parametrize("path", ["v3.41/getmappings_cache.json", "v4.3/getmappings_cache.json"])
def test_maps_of_real_managers(path: str) -> None:
    found = PackMap.read(json.loads((RECORDINGS / path).read_text())["json_first_items"])
    assert found.find("Int to Text")[0].title == "alkemann nodes"
    assert found.find("BILLoRACaptionNode") == ()


@recorded
def test_a_map_with_registry_ids_of_a_real_manager() -> None:
    text = (RECORDINGS / "v4.3-simulated-registry/after_cnr_keys_excerpt.json").read_text()
    found = PackMap.read(json.loads(text))
    assert found.find("AddLabel")[0].id == "comfyui-kjnodes"
    assert found.claims["SAMLoader"] == "comfyui-impact-pack"


@recorded
def test_the_model_list_of_a_real_manager() -> None:
    answer = json.loads((RECORDINGS / "v3.41/externalmodel_cache.json").read_text())["json_first_items"]
    assert [(s.folder, s.name) for s in read_model_list(answer)] == [
        ("vae_approx", "taef1_decoder.pth"),
        ("vae_approx", "taef1_encoder.pth"),
    ]


@recorded
@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("v3.41", Manager(3, "3.41")),
        ("v4.3", Manager(4, "4.3")),
        ("v4.3-legacy-ui", Manager(4, "4.3", legacy_ui=True)),
    ],
)
async def test_real_managers_are_told_apart(folder: str, expected: Manager) -> None:
    answers: dict[str, Any] = {}
    for file in sorted((RECORDINGS / folder).glob("*.json")):
        data = json.loads(file.read_text())
        request = data.get("request") if isinstance(data, dict) else None
        if request and request["method"] == "GET" and data["status"] == 200:
            answers[request["path"]] = data["json"] if "json" in data else data.get("text", "{}")
    async with serving(answers) as (_, client):
        assert await asyncio.wait_for(client.manager(), 10) == expected
