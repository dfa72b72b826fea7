"""Manners of the HTTP layer, misbehaviour on request, and hostile texts."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from demo_support import graph, listen, post, through

from comfy_tui.demo.hostile import NASTY
from comfy_tui.demo.server import DemoServer


@pytest.mark.parametrize("path", ["/nope", "/queue/", "/api/api/queue", "/api/nope"])
async def test_unknown_paths(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.content) == (404, b"")
    assert answer.headers["content-type"] == "application/octet-stream"
    posted = await client.post(path)
    assert (posted.status_code, posted.text) == (405, "405: Method Not Allowed")


async def test_methods(client: httpx.AsyncClient) -> None:
    assert (await client.delete("/prompt")).text == "405: Method Not Allowed"
    assert (await client.head("/system_stats")).status_code == 200
    for path in ("/prompt", "/zzz"):
        answer = await client.options(path)
        assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    "path", ["/system_stats", "/queue", "/prompt", "/history", "/object_info", "/models"]
)
async def test_bare_and_under_api(client: httpx.AsyncClient, path: str) -> None:
    bare, under = await client.get(path), await client.get(f"/api{path}")
    assert bare.status_code == under.status_code == 200
    assert bare.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/queue", "", 500),
        ("/queue", "{}", 200),
        ("/queue", "[]", 200),
        ("/history", "{", 500),
        ("/history", "[]", 200),
        ("/free", "", 500),
        ("/free", "[]", 500),
        ("/free", "{}", 200),
        ("/interrupt", "", 200),
        ("/interrupt", "{", 200),
        ("/interrupt", "[]", 500),
        ("/settings", "", 500),
    ],
)
async def test_bodies(client: httpx.AsyncClient, path: str, body: str, status: int) -> None:
    assert (await client.post(path, content=body)).status_code == status


async def test_origin_rule(
    server: DemoServer, client: httpx.AsyncClient, old_client: httpx.AsyncClient
) -> None:
    async def status(**headers: str) -> int:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return (await client.get("/prompt", headers=sent)).status_code

    port = server.port
    assert await status(Origin=f"http://127.0.0.1:{port}") == 200
    assert await status(Origin="http://127.0.0.1") == 200
    assert await status(Origin="null") == 200
    assert await status(Origin=f"https://127.0.0.1:{port}") == 200
    assert await status(Origin="http://127.0.0.1:1") == 403
    assert await status(Origin=f"http://localhost:{port}") == 403
    assert await status(Origin="http://evil.example") == 403
    assert await status(Host="192.168.1.5:8188", Origin="http://evil.example") == 200
    assert await status(Host="localhost", Origin="http://localhost:1234") == 200
    assert await status(Sec_Fetch_Site="cross-site") == 403
    assert await status(Sec_Fetch_Site="same-site") == 200
    assert (await old_client.get("/prompt", headers={"Sec-Fetch-Site": "cross-site"})).status_code == 200


async def test_login() -> None:
    async with (
        DemoServer(require_auth="Bearer x") as server,
        httpx.AsyncClient(base_url=server.url) as client,
    ):
        refused = await client.get("/prompt")
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == 'Bearer realm="demo"'
        assert refused.headers["content-type"].startswith("text/html")
        assert (await client.get("/prompt", headers={"Authorization": "Bearer x"})).status_code == 200
    async with (
        DemoServer(require_auth="Basic dTpw") as server,
        httpx.AsyncClient(base_url=server.url) as client,
    ):
        assert (await client.get("/prompt", auth=("u", "p"))).status_code == 200


async def test_prefix() -> None:
    async with DemoServer(prefix="/comfy/") as server, httpx.AsyncClient(base_url=server.url) as client:
        assert server.url.endswith("/comfy")
        assert (await client.get("/api/prompt")).status_code == 200
        assert server.requests == [("GET", "/prompt")]
        assert (await client.get(f"http://127.0.0.1:{server.port}/prompt")).status_code == 404
        async with listen(server) as listener:
            await post(client, graph())
            await listener.until_end()


async def test_faults_that_answer(server: DemoServer, client: httpx.AsyncClient) -> None:
    server.faults.set("/history", status=502)
    answer = await client.get("/api/history?max_items=1")
    assert answer.status_code == 502
    assert answer.text.startswith("<html>")
    server.faults.set("/history", body='{"x": 1}', content_type="application/json", headers={"X-A": "b"})
    answer = await client.get("/history")
    assert (answer.status_code, answer.json(), answer.headers["x-a"]) == (200, {"x": 1}, "b")
    server.faults.set("/history", garbage=True)
    answer = await client.get("/history")
    assert answer.headers["content-type"].startswith("application/json")
    with pytest.raises(json.JSONDecodeError):
        answer.json()
    server.faults.clear("/history")
    assert (await client.get("/history")).json() == {}


async def test_faults_that_break_off(server: DemoServer, client: httpx.AsyncClient) -> None:
    server.faults.set("/queue", close=True)
    with pytest.raises(httpx.RemoteProtocolError):
        await client.get("/queue")
    server.faults.set("/queue", cut=True)
    with pytest.raises(httpx.RemoteProtocolError):
        await client.get("/queue")
    server.faults.clear()
    assert (await client.get("/queue")).status_code == 200


async def test_faults_that_wait(server: DemoServer, client: httpx.AsyncClient) -> None:
    server.faults.set("/prompt", hang=True)
    with pytest.raises(httpx.ReadTimeout):
        await client.get("/prompt", timeout=0.05)
    asking = asyncio.create_task(client.get("/prompt"))
    await server.faults.arrived("/prompt", 2)
    server.faults.clear()
    with pytest.raises(httpx.RemoteProtocolError):
        await asking
    server.faults.set("/prompt", delay_s=0.01)
    assert (await client.get("/prompt")).status_code == 200


async def test_faults_by_method_times_and_pattern(server: DemoServer, client: httpx.AsyncClient) -> None:
    server.faults.set("/queue", status=503, method="POST", times=1)
    assert (await client.get("/queue")).status_code == 200
    assert (await client.post("/queue", json={})).status_code == 503
    assert (await client.post("/queue", json={})).status_code == 200
    server.faults.set("/userdata*", status=500)
    assert (await client.get("/userdata?dir=workflows")).status_code == 500
    server.faults.set("*", status=500)
    assert (await client.get("/prompt")).status_code == 500


async def test_requests_are_recorded(server: DemoServer, client: httpx.AsyncClient) -> None:
    await client.get("/api/history?max_items=3", headers={"X-Secret": "s"})
    await client.get("/api/jobs")
    assert server.requests == [("GET", "/history"), ("GET", "/api/jobs")]
    assert server.seen[0].query == {"max_items": "3"}
    assert server.seen[0].headers["X-Secret"] == "s"
    assert server.faults.count("/history", "GET") == 1
    server.faults.forget()
    assert server.requests == []


async def test_stopping_does_not_wait_for_hanging_things(
    server: DemoServer, client: httpx.AsyncClient
) -> None:
    server.faults.set("/queue", hang=True)
    await post(client, through("DemoHang", ignore_interrupt=True))
    asking = asyncio.create_task(client.get("/queue"))
    await server.faults.arrived("/queue")
    async with asyncio.timeout(5):
        await server.stop()
    with pytest.raises(httpx.TransportError):
        await asking


async def test_starting_again_on_the_same_port() -> None:
    server = DemoServer()
    first = await server.start()
    await server.stop()
    assert await server.start() == first
    async with httpx.AsyncClient(base_url=first) as client:
        assert (await client.get("/prompt")).status_code == 200
    await server.stop()


async def test_hostile_texts_everywhere() -> None:
    async with (
        DemoServer(hostile=True, warm_up=True) as server,
        httpx.AsyncClient(base_url=server.url) as client,
    ):

        async def get(path: str) -> str:
            return json.dumps((await client.get(path)).json(), ensure_ascii=False)

        encoded = json.dumps(NASTY, ensure_ascii=False)[1:-1]
        for path in (
            "/system_stats",
            "/object_info/KSampler",
            "/object_info/CheckpointLoaderSimple",
            "/models/checkpoints",
            "/experiment/models/loras",
            "/templates/index.json",
            "/templates/demo_text_to_image.json",
            "/internal/logs",
            "/history",
        ):
            assert encoded in await get(path), path
        legal = encoded.replace("/", "|")
        for path in ("/userdata?dir=workflows", "/internal/files/output", "/internal/files/input"):
            assert legal in await get(path), path
        entries = list((await client.get("/history")).json().values())
        assert [entry["status"]["status_str"] for entry in entries] == ["success"] * 3
        place = entries[0]["outputs"]["9"]["images"][0]
        assert (await client.get("/view", params=place)).status_code == 200
        prompt_id = await post(client, through("DemoError", message="m"))
        await server.wait_idle()
        assert encoded in await get(f"/history/{prompt_id}")
