"""The websocket: who hears what, in which order, and the known traps."""

from __future__ import annotations

import json
import struct
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import httpx
import pytest
from demo_support import RECORDINGS, graph, listen, post, through

from comfy_tui.demo.server import DemoServer


def _collapse(kinds: list[str]) -> list[str]:
    """Repeats in a row count once: how often ``status`` comes in between is a matter of timing."""
    return [kind for index, kind in enumerate(kinds) if index == 0 or kinds[index - 1] != kind]


async def test_order_of_a_run(server: DemoServer, client: httpx.AsyncClient) -> None:
    async with listen(server) as listener:
        prompt_id = await post(client, graph())
        await listener.until_end(prompt_id)
    assert listener.types() == [
        "status",
        "status",
        "status",
        "execution_start",
        "execution_cached",
        "progress_state",
        "executing",
        "progress_state",
        "progress_state",
        "executing",
        "executed",
        "progress_state",
        "execution_success",
        "status",
        "executing",
    ]
    assert [m["status"]["exec_info"]["queue_remaining"] for m in listener.of("status")] == [0, 1, 1, 0]
    first, *_, last = listener.of("executing")
    assert first == {"node": "1", "display_node": "1", "prompt_id": prompt_id}
    assert last == {"node": None, "prompt_id": prompt_id}
    state = listener.of("progress_state")[-1]["nodes"]["2"]
    assert state == {
        "value": 1.0,
        "max": 1.0,
        "state": "finished",
        "node_id": "2",
        "prompt_id": prompt_id,
        "display_node_id": "2",
        "parent_node_id": None,
        "real_node_id": "2",
    }


@pytest.mark.parametrize("version", ["0.26.0", "0.3.64"])
async def test_order_is_the_recorded_one(version: str) -> None:
    path = RECORDINGS / version / "ws_save_images.jsonl"
    if not path.is_file():
        pytest.skip(f"no recording at {path}")
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    theirs = [line["json"] for line in lines if line["socket"] == "submitter" and line["dir"] == "recv"]
    prompt = graph(batch_size=2)
    prompt["3"] = {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}}
    prompt["4"] = {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}}
    async with (
        DemoServer(legacy=version == "0.3.64") as server,
        httpx.AsyncClient(base_url=server.url) as client,
        listen(server) as listener,
    ):
        await post(client, prompt)
        await listener.until_end()
    assert _collapse(listener.types()) == _collapse([message["type"] for message in theirs])
    for ours, real in zip(_data_keys(listener.messages), _data_keys(theirs), strict=True):
        assert ours == real


def _data_keys(messages: list[Any]) -> list[Any]:
    found: dict[str, Any] = {}
    for message in messages:
        found.setdefault(message["type"], sorted(message["data"]))
    return sorted(found.items())


async def test_history_is_there_when_executing_null_comes(
    server: DemoServer, client: httpx.AsyncClient
) -> None:
    async with listen(server) as listener:
        for color in range(5):
            prompt_id = await post(client, graph(color=color))
            await listener.until_end(prompt_id)
            assert prompt_id in (await client.get(f"/history/{prompt_id}")).json()


async def test_cached_run_reports_outputs_again(server: DemoServer, client: httpx.AsyncClient) -> None:
    # Of another client: a server tells of the end only once the job is out of its queue.
    await post(client, graph(), client_id="first")
    await server.wait_idle()
    async with listen(server) as listener:
        await post(client, graph())
        await listener.until_end()
    assert [m["node"] for m in listener.of("executing")] == [None]
    assert listener.of("execution_cached")[0]["nodes"] == ["1", "2"]
    assert listener.of("executed")[0]["output"]["images"]
    assert listener.of("progress_state")[0]["nodes"]["2"]["state"] == "finished"


async def test_private_and_public(server: DemoServer, client: httpx.AsyncClient) -> None:
    async with listen(server, "mine") as mine, listen(server, "other") as other:
        await post(client, through("DemoSleep", seconds=0.0, steps=2, note="hello"), client_id="mine")
        await mine.until_end()
        await other.until(lambda m: m["type"] == "status" if isinstance(m, dict) else False)
        await server.wait_idle()
        server.send_raw({"type": "end", "data": {}})
        await other.until(lambda m: isinstance(m, dict) and m["type"] == "end")
    assert set(other.types()) == {"status", "binary 3", "end"}
    assert {"execution_start", "progress", "executed", "binary 1"} <= set(mine.types())
    text = next(m for m in other.messages if isinstance(m, bytes))
    assert text == struct.pack(">II", 3, 1) + b"3" + b"hello"


async def test_prompt_without_client_id(server: DemoServer, client: httpx.AsyncClient) -> None:
    async with listen(server) as listener:
        prompt = through("DemoSleep", seconds=0.0, steps=2)
        await client.post("/prompt", json={"prompt": prompt})
        await server.wait_idle()
        server.send_raw({"type": "end", "data": {}})
        await listener.until(lambda m: isinstance(m, dict) and m["type"] == "end")
    assert set(listener.types()) == {"status", "progress", "progress_state", "binary 1", "end"}


async def test_interruption_without_client_id_goes_to_everyone(
    server: DemoServer, client: httpx.AsyncClient
) -> None:
    async with listen(server) as listener:
        await client.post("/prompt", json={"prompt": through("DemoHang")})
        await listener.until(lambda m: m["type"] == "progress_state" and "3" in m["data"]["nodes"])
        await client.post("/interrupt")
        await listener.until(lambda m: m["type"] == "execution_interrupted")


async def test_previews_with_metadata_replace_plain_ones(
    server: DemoServer, client: httpx.AsyncClient
) -> None:
    async with listen(server, flags=True) as listener:
        await post(client, through("DemoSleep", seconds=0.0, steps=2))
        await listener.until_end()
    kinds = listener.types()
    assert kinds.count("binary 4") == 2
    assert "binary 1" not in kinds
    index = kinds.index("binary 4")
    assert (kinds[index - 1], kinds[index + 1]) == ("progress_state", "progress")
    frame = listener.messages[index]
    length = struct.unpack(">I", frame[4:8])[0]
    head = json.loads(frame[8 : 8 + length])
    assert head.keys() == {
        "node_id",
        "prompt_id",
        "display_node_id",
        "parent_node_id",
        "real_node_id",
        "image_type",
    }
    assert frame[8 + length :].startswith(b"\xff\xd8\xff")


async def test_previews_can_be_switched_off_per_prompt(
    server: DemoServer, client: httpx.AsyncClient, legacy: DemoServer, old_client: httpx.AsyncClient
) -> None:
    for on, by, expected in ((server, client, 0), (legacy, old_client, 2)):
        async with listen(on) as listener:
            prompt = through("DemoSleep", seconds=0.0, steps=2)
            await post(by, prompt, extra_data={"preview_method": "none"})
            await listener.until_end()
        assert listener.types().count("binary 1") == expected


async def test_progress_is_throttled_in_the_new_version_only() -> None:
    for is_legacy in (False, True):
        async with (
            DemoServer(legacy=is_legacy, previews=False) as server,
            httpx.AsyncClient(base_url=server.url) as client,
            listen(server) as listener,
        ):
            await post(client, through("DemoSleep", seconds=0.0, steps=200))
            await listener.until_end()
        values = [m["value"] for m in listener.of("progress")]
        assert (values[0], values[-1]) == (1, 200)
        assert (len(values) == 200) is is_legacy


async def test_feature_handshake_only_as_first_object(server: DemoServer) -> None:
    flags = {"type": "feature_flags", "data": {"supports_preview_metadata": True}}
    async with listen(server, "a") as first:
        await first.socket.send_str("{bad json")
        await first.socket.send_json([1])
        await first.socket.send_json(flags)
        answer = await first.next()
        assert answer == {"type": "feature_flags", "data": server.state.features()}
    async with listen(server, "b") as second:
        await second.socket.send_json({"type": "other"})
        await second.socket.send_json(flags)
        server.send_raw({"type": "end", "data": {}})
        assert (await second.next())["type"] == "end"


async def test_an_id_is_made_for_those_who_bring_none(server: DemoServer) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{server.url}/ws") as socket:
        greeting = await socket.receive_json()
    assert len(greeting["data"]["sid"]) == 32


async def test_reconnecting_in_the_middle(server: DemoServer, client: httpx.AsyncClient) -> None:
    async with listen(server) as listener:
        await post(client, through("DemoHang"))
        await listener.until(lambda m: m["type"] == "executing" and m["data"]["node"] == "3")
    async with listen(server) as again:
        assert again.messages[0]["data"]["status"]["exec_info"]["queue_remaining"] == 1
        assert await again.next() == {"type": "executing", "data": {"node": "3"}}
        await client.post("/interrupt")
        await again.until_end()


async def test_take_over_and_its_trap(server: DemoServer) -> None:
    """The second socket takes over; the end of the first leaves the second deaf."""
    async with AsyncExitStack() as earlier, AsyncExitStack() as later:
        await earlier.enter_async_context(listen(server, "same"))
        second = await later.enter_async_context(listen(server, "same"))
        server.send_raw({"type": "one", "data": {}}, "same")
        assert (await second.next())["type"] == "one"
        await earlier.aclose()
        async with listen(server, "witness") as witness:
            server.send_raw({"type": "two", "data": {}})
            await witness.until(lambda m: m["type"] == "two")
        assert "same" not in server.state.hub.client_ids
        assert not second.socket.closed


async def test_logs_for_subscribers(server: DemoServer, client: httpx.AsyncClient) -> None:
    async with listen(server) as listener:
        said = {"clientId": "test", "enabled": True}
        assert (await client.patch("/internal/logs/subscribe", json=said)).status_code == 200
        await post(client, graph())
        entry = await listener.until(lambda m: m["type"] == "logs")
        assert "got prompt" in entry["data"]["entries"][0]["m"]
    assert (await client.patch("/internal/logs/subscribe", json={})).status_code == 500


async def test_another_origin_is_refused(server: DemoServer) -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(f"{server.url}/ws", headers={"Origin": "http://evil.example"})
    assert caught.value.status == 403


async def test_sockets_can_be_cut(server: DemoServer) -> None:
    async with listen(server) as listener:
        await server.drop_sockets()
        message = await listener.socket.receive(timeout=5)
        assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
        assert server.state.hub.client_ids == ()
