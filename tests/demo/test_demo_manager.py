"""The demo server's Manager behaves like the real ones, where their behaviour was recorded."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from demo_support import RECORDINGS, listen

from comfy_tui.demo.manager import MODEL_LIST
from comfy_tui.demo.server import DemoServer

KINDS = ("v3", "v3-old", "v4", "v4-legacy")
INSTALL = {"version": "latest", "selected_version": "latest", "channel": "default", "mode": "cache"}
MANAGER = RECORDINGS / "manager"


def task(ui_id: str, kind: str = "install", **params: Any) -> dict[str, Any]:
    return {"ui_id": ui_id, "client_id": "c", "kind": kind, "params": params}


async def idle(client: httpx.AsyncClient, prefix: str = "") -> dict[str, Any]:
    async with asyncio.timeout(10):
        while True:
            counts: dict[str, Any] = (await client.get(prefix + "/manager/queue/status")).json()
            if not counts["is_processing"]:
                return counts
            await asyncio.sleep(0.01)


async def test_without_one_there_is_none(client: httpx.AsyncClient) -> None:
    for path in ("/manager/version", "/v2/manager/version", "/customnode/installed"):
        assert (await client.get(path)).status_code == 404
    assert "DemoExtraInvert" not in (await client.get("/object_info")).json()


@pytest.mark.skipif(not MANAGER.is_dir(), reason="the recordings are not on this machine")
@pytest.mark.parametrize(
    ("kind", "folder", "names"),
    [
        ("v3", "v3.41", "version v4_version queue_status install_invalid start start_get"),
        ("v3", "v3.41", "install_cnr install_unknown_url install_model_notlisted installed"),
        ("v4", "v4.3", "version v3_version_path is_legacy_ui queue_status queue_status_client task_bad"),
        (
            "v4",
            "v4.3",
            "externalmodel_getlist task_install_cnr queue_history reboot_get reboot_form start_form",
        ),
        ("v4-legacy", "v4.3-legacy-ui", "version is_legacy_ui task batch history queue_status"),
        ("v4-legacy", "v4.3-legacy-ui", "installed"),
    ],
)
async def test_answers_are_those_that_were_recorded(kind: str, folder: str, names: str) -> None:
    async with DemoServer(manager=kind) as server, httpx.AsyncClient(base_url=server.url) as client:
        for name in names.split():
            said = json.loads((MANAGER / folder / f"{name}.json").read_text("utf-8"))
            asked = said["request"]
            body = asked["body"]
            content = body if isinstance(body, str) or body is None else json.dumps(body)
            headers = {"Content-Type": asked["content_type"]} if asked["content_type"] else {}
            answer = await client.request(asked["method"], asked["path"], content=content, headers=headers)
            assert answer.status_code == said["status"], name
            if "json" in said:
                assert answer.json().keys() == said["json"].keys(), name
            elif said["text"] and "validation error" not in said["text"] and "version" not in name:
                assert answer.text == said["text"], name


@pytest.mark.parametrize("kind", ["v3", "v4-legacy"])
async def test_results_come_once_on_the_socket(kind: str) -> None:
    prefix = "/v2" if kind == "v4-legacy" else ""
    async with (
        DemoServer(manager=kind) as server,
        httpx.AsyncClient(base_url=server.url) as client,
        listen(server) as listener,
    ):
        good = {"id": "demo-extra-nodes", **INSTALL, "ui_id": "a"}
        bad = {"id": "nobody-knows", **INSTALL, "ui_id": "b"}
        model = {**MODEL_LIST[0], "ui_id": "m"}
        if kind == "v3":
            for item in (good, bad):
                assert (await client.post("/manager/queue/install", json=item)).status_code == 200
            assert (await client.post("/manager/queue/install_model", json=model)).status_code == 200
            assert (await client.post("/manager/queue/start")).status_code == 200
            assert (await client.post("/manager/queue/start")).status_code == 201
        else:
            batch = {"install": [good, bad], "install_model": [model]}
            assert (await client.post("/v2/manager/queue/batch", json=batch)).json() == {"failed": []}
        last = await listener.until(lambda m: "nodepack_result" in m.get("data", {}))
        assert last["type"] == "cm-queue-status"
        assert last["data"]["status"] == ("done" if kind == "v3" else "batch-done")
        assert last["data"]["nodepack_result"]["a"] == "success"
        assert "Cannot resolve install target" in last["data"]["nodepack_result"]["b"]
        assert last["data"]["model_result"] == {"m": "success"}
        assert (last["data"]["total_count"], last["data"]["done_count"]) == (3, 3)
        await idle(client, prefix)
        assert "demo/demo_soft_light.safetensors" in (await client.get("/models/loras")).json()
        listed = (await client.get(prefix + "/externalmodel/getlist?mode=cache")).json()["models"]
        assert listed[0]["installed"] == "True"


async def test_version_4_keeps_a_history_and_its_worker_dies_of_an_exception() -> None:
    async with DemoServer(manager="v4") as server, httpx.AsyncClient(base_url=server.url) as client:
        tasks = [
            task("a", id="demo-extra-nodes", **INSTALL),
            task("dies", "install-model", url="https://x/y", filename="y.safetensors"),
            task("b", id="nobody-knows", **INSTALL),
        ]
        for item in tasks:
            assert (await client.post("/v2/manager/queue/task", json=item)).status_code == 200
        await client.post("/v2/manager/queue/start")
        counts = await idle(client, "/v2")
        assert (counts["pending_count"], counts["done_count"], counts["total_count"]) == (1, 2, 1)
        assert (await client.post("/v2/manager/queue/start")).status_code == 200
        await idle(client, "/v2")
        history = (await client.get("/v2/manager/queue/history?client_id=c")).json()["history"]
        assert {key: entry["status"]["status_str"] for key, entry in history.items()} == {
            "a": "success",
            "dies": "error",
            "b": "error",
        }
        assert (await client.get("/v2/manager/queue/history?client_id=other")).json() == {"history": {}}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_strong_level_refuses(kind: str) -> None:
    async with (
        DemoServer(manager=kind, manager_level="strong") as server,
        httpx.AsyncClient(base_url=server.url) as client,
    ):
        item = {"id": "demo-extra-nodes", **INSTALL, "ui_id": "a"}
        if kind.startswith("v3"):
            assert (await client.post("/manager/queue/install", json=item)).status_code == 403
        elif kind == "v4-legacy":
            answer = await client.post("/v2/manager/queue/batch", json={"install": [item]})
            assert answer.json() == {"failed": ["demo-extra-nodes"]}
        else:
            await client.post("/v2/manager/queue/task", json=task("a", id="demo-extra-nodes", **INSTALL))
            await client.post("/v2/manager/queue/start")
            await idle(client, "/v2")
            history = (await client.get("/v2/manager/queue/history")).json()["history"]
            assert history["a"]["result"] == "failed"
        method = "GET" if kind == "v3-old" else "POST"
        path = "/manager/reboot" if kind.startswith("v3") else "/v2/manager/reboot"
        assert (await client.request(method, path)).status_code == 403


async def test_old_comfyui_is_refused_by_version_3() -> None:
    async with (
        DemoServer(manager="v3", legacy=True) as server,
        httpx.AsyncClient(base_url=server.url) as client,
    ):
        answer = await client.post("/manager/reboot")
        assert (answer.status_code, answer.json()) == (403, {"error": "comfyui_outdated"})
        assert "outdated" in (await client.get("/manager/startup_alerts")).json()[0]["message"]


async def test_a_reboot_goes_away_and_loads_what_was_installed() -> None:
    async with DemoServer(manager="v4") as server, httpx.AsyncClient(base_url=server.url) as client:
        await client.post("/v2/manager/queue/task", json=task("a", id="demo-extra-nodes", **INSTALL))
        await client.post("/v2/manager/queue/task", json=task("b", id="demo-broken-pack", **INSTALL))
        await client.post("/v2/manager/queue/start")
        await idle(client, "/v2")
        assert (await client.get("/object_info/DemoExtraInvert")).json() == {}
        assert (await client.get("/v2/customnode/installed?mode=imported")).json() == {}
        with pytest.raises(httpx.HTTPError):
            await client.post("/v2/manager/reboot")
        gone = 0
        async with asyncio.timeout(10):
            while True:
                try:
                    await client.get("/system_stats")
                except httpx.HTTPError:
                    gone += 1
                else:
                    if gone:
                        break
                await asyncio.sleep(0.02)
        assert "DemoExtraInvert" in (await client.get("/object_info/DemoExtraInvert")).json()
        assert (await client.get("/object_info/DemoBroken")).json() == {}
        assert (await client.get("/v2/manager/queue/history")).json() == {"history": {}}
        packs = (await client.get("/v2/customnode/installed?mode=imported")).json()
        assert set(packs) == {"demo-extra-nodes", "demo-broken-pack"}
        prompt = {
            "1": {
                "class_type": "EmptyImage",
                "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 1},
            },
            "2": {"class_type": "DemoExtraInvert", "inputs": {"image": ["1", 0]}},
            "3": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}},
        }
        assert (await client.post("/prompt", json={"prompt": prompt})).status_code == 200
        await server.wait_idle()
