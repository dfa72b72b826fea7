"""Running prompts: pictures, the cache, failures, interruption, the queue, the history, memory."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any

import httpx
import pytest
from demo_support import Listener, graph, listen, post, run, started, through
from PIL import Image

from comfy_tui.demo.seed import WORKFLOWS
from comfy_tui.demo.server import DemoServer


def _workflow(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((WORKFLOWS / name).read_text("utf-8"))
    return found


async def _picture(client: httpx.AsyncClient, entry: dict[str, Any], node_id: str = "2") -> Image.Image:
    place = entry["outputs"][node_id]["images"][0]
    answer = await client.get("/view", params=place)
    assert answer.status_code == 200
    return Image.open(io.BytesIO(answer.content))


def _saving(prefix: str, **changes: Any) -> dict[str, Any]:
    prompt = graph(**changes)
    prompt["2"] = {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": prefix}}
    return prompt


async def test_pictures_carry_prompt_and_workflow(server: DemoServer, client: httpx.AsyncClient) -> None:
    png = {"workflow": {"id": "wf", "nodes": []}, "note": "x"}
    entry = await run(server, client, _saving("a/b", color=0xFF0000), extra_data={"extra_pnginfo": png})
    picture = await _picture(client, entry)
    assert picture.size == (16, 8)
    assert picture.convert("RGB").getpixel((0, 0)) == (255, 0, 0)
    assert json.loads(picture.info["prompt"]) == _saving("a/b", color=0xFF0000)
    assert json.loads(picture.info["workflow"]) == {"id": "wf", "nodes": []}
    assert json.loads(picture.info["note"]) == "x"
    assert entry["outputs"]["2"]["images"] == [
        {"filename": "b_00001_.png", "subfolder": "a", "type": "output"}
    ]


async def test_counters_and_placeholders(server: DemoServer, client: httpx.AsyncClient) -> None:
    await run(server, client, _saving("x"))
    entry = await run(server, client, _saving("x", batch_size=2, color=1))
    names = [image["filename"] for image in entry["outputs"]["2"]["images"]]
    assert names == ["x_00002_.png", "x_00003_.png"]
    entry = await run(server, client, _saving("%width%_%date:yyyy%"))
    assert entry["outputs"]["2"]["images"][0]["filename"] == "16_%date:yyyy%_00001_.png"


async def test_saving_outside_is_an_error(server: DemoServer, client: httpx.AsyncClient) -> None:
    entry = await run(server, client, _saving("../../x"))
    assert entry["status"]["messages"][-1][0] == "execution_error"


async def test_image_nodes_really_run(server: DemoServer, client: httpx.AsyncClient) -> None:
    prompt = graph(width=10, height=10, color=0x000000)
    two = {
        "class_type": "EmptyImage",
        "inputs": {"width": 10, "height": 10, "batch_size": 1, "color": 0xFF8000},
    }
    prompt |= {
        "10": two,
        "11": {
            "class_type": "ImageBlend",
            "inputs": {"image1": ["1", 0], "image2": ["10", 0], "blend_factor": 0.5, "blend_mode": "normal"},
        },
        "12": {"class_type": "ImageInvert", "inputs": {"image": ["11", 0]}},
        "13": {"class_type": "ImageBlur", "inputs": {"image": ["12", 0], "blur_radius": 2, "sigma": 1.0}},
        "14": {
            "class_type": "ImageScaleBy",
            "inputs": {"image": ["13", 0], "upscale_method": "lanczos", "scale_by": 2.0},
        },
        "15": {
            "class_type": "ImageCrop",
            "inputs": {"image": ["14", 0], "width": 12, "height": 8, "x": 1, "y": 1},
        },
        "16": {"class_type": "ImageRotate", "inputs": {"image": ["15", 0], "rotation": "90 degrees"}},
    }
    prompt["2"]["inputs"]["images"] = ["16", 0]
    picture = await _picture(client, await run(server, client, prompt))
    assert picture.size == (8, 12)
    red, green, blue = picture.convert("RGB").getpixel((4, 4))  # type: ignore[misc]
    assert (abs(red - 128) < 3, abs(green - 191) < 3, blue) == (True, True, 255)


@pytest.mark.parametrize("name", sorted(p.name for p in WORKFLOWS.glob("*.json") if "editor" not in p.name))
async def test_shipped_prompts_do_what_they_say(
    server: DemoServer, client: httpx.AsyncClient, name: str
) -> None:
    entry = await run(server, client, _workflow(name))
    failing = name == "out_of_memory.json"
    assert entry["status"]["status_str"] == ("error" if failing else "success")


async def test_text_to_image_depends_on_text_and_seed(server: DemoServer, client: httpx.AsyncClient) -> None:
    async def made(seed: int, text: str) -> bytes:
        prompt = _workflow("text_to_image.json")
        prompt["3"]["inputs"]["seed"] = seed
        prompt["6"]["inputs"]["text"] = text
        return (await _picture(client, await run(server, client, prompt), "9")).tobytes()

    assert await made(1, "a") == await made(1, "a")
    assert len({await made(1, "a"), await made(2, "a"), await made(1, "b")}) == 3


async def test_repeated_prompts_are_cached(server: DemoServer, client: httpx.AsyncClient) -> None:
    await run(server, client, through("ImageInvert"))
    entry = await run(server, client, through("ImageInvert"))
    assert sorted(dict(entry["status"]["messages"])["execution_cached"]["nodes"]) == ["1", "2", "3"]
    assert list(entry["outputs"]) == ["2"]
    changed = await run(server, client, through("ImageInvert", **{}) | {"1": graph(color=9)["1"]})
    assert dict(changed["status"]["messages"])["execution_cached"]["nodes"] == []


async def test_cached_outputs_without_client_id(
    server: DemoServer, client: httpx.AsyncClient, legacy: DemoServer, old_client: httpx.AsyncClient
) -> None:
    async def second_run(on: DemoServer, by: httpx.AsyncClient) -> Any:
        await run(on, by, graph())
        prompt_id = (await by.post("/prompt", json={"prompt": graph()})).json()["prompt_id"]
        await on.wait_idle()
        return (await by.get(f"/history/{prompt_id}")).json()[prompt_id]["outputs"]

    assert await second_run(server, client) == {}
    assert list(await second_run(legacy, old_client)) == ["2"]


async def test_a_changed_input_file_runs_again(server: DemoServer, client: httpx.AsyncClient) -> None:
    prompt = graph()
    prompt["1"] = {"class_type": "LoadImage", "inputs": {"image": "example.png"}}
    await run(server, client, prompt)
    Image.new("RGB", (5, 5)).save(server.state.folders.root / "input" / "example.png")
    entry = await run(server, client, prompt)
    assert dict(entry["status"]["messages"])["execution_cached"]["nodes"] == []
    assert (await _picture(client, entry)).size == (5, 5)


async def test_error_tells_what_and_where(server: DemoServer, client: httpx.AsyncClient) -> None:
    entry = await run(server, client, through("DemoError", message="no such luck"))
    assert entry["status"]["status_str"] == "error"
    assert entry["status"]["completed"] is False
    name, data = entry["status"]["messages"][-1]
    assert name == "execution_error"
    assert (data["node_id"], data["node_type"], data["executed"]) == ("3", "DemoError", ["1"])
    assert (data["exception_type"], data["exception_message"]) == ("ValueError", "no such luck\n")
    assert data["current_inputs"]["message"] == ["no such luck"]
    assert data["current_inputs"]["image"] == ["demo_images(batch=1, height=8, width=16)"]
    assert set(data["current_outputs"]) == {"1", "2", "3"}
    assert data["traceback"]


async def test_out_of_memory(server: DemoServer, client: httpx.AsyncClient) -> None:
    server.state.memory.load("x", 1024)
    entry = await run(server, client, through("DemoOutOfMemory", gigabytes=40.0))
    data = entry["status"]["messages"][-1][1]
    assert data["exception_type"] == "torch.OutOfMemoryError"
    assert "out of memory" in data["exception_message"]
    assert server.state.memory.models == ()


async def test_a_batch_that_is_too_large_runs_out_of_memory(
    server: DemoServer, client: httpx.AsyncClient
) -> None:
    prompt = _workflow("text_to_image.json")
    prompt["5"]["inputs"].update(width=1024, height=1024, batch_size=16)
    entry = await run(server, client, prompt)
    assert entry["status"]["messages"][-1][1]["exception_type"] == "torch.OutOfMemoryError"


async def test_link_input_given_a_literal_fails_at_run_time(
    server: DemoServer, client: httpx.AsyncClient
) -> None:
    prompt = {"2": {"class_type": "PreviewImage", "inputs": {"images": "hello"}}}
    entry = await run(server, client, prompt)
    assert entry["status"]["messages"][-1][1]["exception_type"] == "TypeError"


async def test_undeclared_link_reaches_the_node(server: DemoServer, client: httpx.AsyncClient) -> None:
    prompt = graph()
    prompt["2"]["inputs"]["bogus"] = ["1", 0]
    entry = await run(server, client, prompt)
    assert "unexpected keyword argument 'bogus'" in entry["status"]["messages"][-1][1]["exception_message"]


async def test_undeclared_cycle_fails_but_says_success(server: DemoServer, client: httpx.AsyncClient) -> None:
    prompt = graph()
    prompt["1"]["inputs"]["bogus"] = ["2", 0]
    entry = await run(server, client, prompt)
    assert entry["status"]["messages"][-1][1]["exception_type"] == "graph.DependencyCycleError"
    assert entry["status"]["status_str"] == "success"


async def _start_hanging(client: httpx.AsyncClient, **inputs: Any) -> str:
    """Queue a prompt that hangs, and come back when it runs."""
    prompt_id = await post(client, through("DemoHang", **inputs))
    await started(client, prompt_id)
    return prompt_id


async def _at_node(listener: Listener, node_id: str) -> None:
    def at_it(message: Any) -> bool:
        return bool(message["type"] == "executing" and message["data"]["node"] == node_id)

    await listener.until(at_it)


async def test_interrupt_by_id_and_in_general(server: DemoServer, client: httpx.AsyncClient) -> None:
    async with listen(server) as listener:
        prompt_id = await _start_hanging(client)
        await _at_node(listener, "3")
        assert (await client.post("/interrupt", json={"prompt_id": "other"})).status_code == 200
        assert server.state.queue.interrupt_requested is False
        assert (await client.post("/interrupt", json={"prompt_id": prompt_id})).content == b""
        await listener.until_end(prompt_id)
        entry = (await client.get(f"/history/{prompt_id}")).json()[prompt_id]
        name, data = entry["status"]["messages"][-1]
        assert (name, data["node_id"], data["executed"]) == ("execution_interrupted", "3", ["1"])
        assert (entry["status"]["status_str"], entry["status"]["completed"]) == ("error", False)
        again = await post(client, through("DemoHang") | {"1": graph(color=2)["1"]})
        await _at_node(listener, "3")
        await client.post("/interrupt")
        await listener.until_end(again)


async def test_interrupting_an_idle_server_does_nothing(
    server: DemoServer, client: httpx.AsyncClient
) -> None:
    await client.post("/interrupt")
    entry = await run(server, client, graph())
    assert entry["status"]["status_str"] == "success"


async def test_queue_order_delete_and_clear(server: DemoServer, client: httpx.AsyncClient) -> None:
    running = await _start_hanging(client)
    late = await post(client, graph(color=1), number=9)
    soon = await post(client, graph(color=2), front=True)
    middle = await post(client, graph(color=3), number=5)
    queue = (await client.get("/queue")).json()
    assert [item[1] for item in queue["queue_running"]] == [running]
    assert {item[1] for item in queue["queue_pending"]} == {late, soon, middle}
    assert queue["queue_pending"][0][1] == soon
    assert (await client.get("/prompt")).json() == {"exec_info": {"queue_remaining": 4}}
    for ids in ([middle], ["unknown"], [running]):
        answer = await client.post("/queue", json={"delete": ids})
        assert (answer.status_code, answer.content) == (200, b"")
    assert (await client.get("/prompt")).json()["exec_info"]["queue_remaining"] == 3
    await client.post("/queue", json={"clear": True})
    assert (await client.get("/queue")).json()["queue_pending"] == []
    assert (await client.get(f"/history/{middle}")).json() == {}
    await client.post("/interrupt")
    await server.wait_idle()


async def test_secrets_of_queue_and_history(
    server: DemoServer, client: httpx.AsyncClient, legacy: DemoServer, old_client: httpx.AsyncClient
) -> None:
    for on, by, hidden in ((server, client, True), (legacy, old_client, False)):
        data = {"api_key_comfy_org": "S", "x": 1}
        prompt_id = await post(by, through("DemoHang"), extra_data=data)
        await started(by, prompt_id)
        item = (await by.get("/queue")).json()["queue_running"][0]
        assert ("api_key_comfy_org" not in item[3]) is hidden
        assert item[3]["x"] == 1
        await by.post("/interrupt")
        await on.wait_idle()
        stored = (await by.get(f"/history/{prompt_id}")).json()[prompt_id]["prompt"][3]
        assert "api_key_comfy_org" not in stored
        assert stored["x"] == 1


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [0, 1, 2, 3, 4, 5]),
        ("?max_items=2", [4, 5]),
        ("?max_items=100", [0, 1, 2, 3, 4, 5]),
        ("?offset=1&max_items=2", [1, 2]),
        ("?offset=4", [4, 5]),
        ("?offset=-2&max_items=2", [4, 5]),
        ("?offset=-3", [0, 1, 2, 3, 4, 5]),
        ("?offset=99", []),
        ("?max_items=0", []),
        ("?offset=0&max_items=0", [0]),
        ("?max_items=-1", []),
        ("?offset=2&max_items=-5", [2]),
    ],
)
async def test_history_is_cut_like_the_recorded_one(
    server: DemoServer, client: httpx.AsyncClient, query: str, expected: list[int]
) -> None:
    ids = [await post(client, graph(color=n)) for n in range(6)]
    await server.wait_idle()
    found = (await client.get(f"/history{query}")).json()
    assert list(found) == [ids[n] for n in expected]


async def test_history_delete_clear_and_bad_query(server: DemoServer, client: httpx.AsyncClient) -> None:
    ids = [await post(client, graph(color=n)) for n in range(3)]
    await server.wait_idle()
    await client.post("/history", json={"delete": [ids[0], "x"]})
    assert list((await client.get("/history")).json()) == ids[1:]
    await client.post("/history", json={"clear": True})
    assert (await client.get("/history")).json() == {}
    assert (await client.get("/history?max_items=abc")).status_code == 500


async def test_reused_id_keeps_its_place(server: DemoServer, client: httpx.AsyncClient) -> None:
    first = await post(client, graph())
    second = await post(client, graph(color=1))
    await post(client, graph(color=2), prompt_id=first)
    await server.wait_idle()
    found = (await client.get("/history")).json()
    assert list(found) == [first, second]
    assert found[first]["prompt"][2]["1"]["inputs"]["color"] == 2


async def test_memory_is_taken_and_given_back(server: DemoServer, client: httpx.AsyncClient) -> None:
    async def device() -> Any:
        return (await client.get("/system_stats")).json()["devices"][0]

    before = await device()
    assert (before["type"], before["index"], before["torch_vram_total"]) == ("cuda", 0, 0)
    assert before["vram_total"] == 24 * 1024**3
    await run(server, client, _workflow("text_to_image.json"))
    after = await device()
    assert before["vram_free"] - after["vram_free"] == 6617 * 1024**2
    assert after["torch_vram_total"] > 6617 * 1024**2
    assert after["torch_vram_free"] == after["torch_vram_total"] - 6617 * 1024**2
    await client.post("/free", json={"unload_models": True})
    await server.wait_idle()
    freed = await device()
    assert (freed["vram_free"], freed["torch_vram_total"]) == (before["vram_free"], 0)


async def test_free_keeps_or_drops_the_cache(server: DemoServer, client: httpx.AsyncClient) -> None:
    async def cached_after(body: dict[str, bool]) -> int:
        await run(server, client, graph())
        assert (await client.post("/free", json=body)).status_code == 200
        await server.wait_idle()
        entry = await run(server, client, graph())
        return len(dict(entry["status"]["messages"])["execution_cached"]["nodes"])

    assert await cached_after({"unload_models": True}) == 2
    assert await cached_after({"free_memory": False}) == 2
    assert await cached_after({"free_memory": True}) == 0


async def test_http_answers_while_a_node_is_busy(client: httpx.AsyncClient) -> None:
    await _start_hanging(client, ignore_interrupt=True)
    await client.post("/interrupt")
    answers = await asyncio.gather(*(client.get("/system_stats") for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}


async def test_dead_worker_keeps_the_job_for_ever(server: DemoServer, client: httpx.AsyncClient) -> None:
    server.dead_worker()
    prompt_id = await post(client, graph())
    await started(client, prompt_id)
    await post(client, graph(color=1))
    await client.post("/interrupt")
    await client.post("/queue", json={"clear": True})
    with pytest.raises(TimeoutError):
        await server.wait_idle(0.05)
    assert [item[1] for item in (await client.get("/queue")).json()["queue_running"]] == [prompt_id]


async def test_a_node_without_inputs_kills_the_worker(server: DemoServer, client: httpx.AsyncClient) -> None:
    await post(client, graph() | {"9": {"class_type": "EmptyImage"}})
    with pytest.raises(TimeoutError):
        await server.wait_idle(0.05)


async def test_cpu_shape() -> None:
    async with DemoServer(device="cpu") as server, httpx.AsyncClient(base_url=server.url) as client:
        stats = (await client.get("/system_stats")).json()
    device = stats["devices"][0]
    assert (device["name"], device["type"], device["index"]) == ("cpu", "cpu", None)
    assert device["vram_total"] == device["torch_vram_total"] == stats["system"]["ram_total"]


async def test_versions_say_demo(client: httpx.AsyncClient, old_client: httpx.AsyncClient) -> None:
    new = (await client.get("/system_stats")).json()["system"]
    old = (await old_client.get("/system_stats")).json()["system"]
    assert (new["comfyui_version"], old["comfyui_version"]) == ("0.26.0-demo", "0.3.64-demo")
    assert (new["os"], old["os"]) == ("linux", "posix")
    assert "deploy_environment" in new
    assert "deploy_environment" not in old
    assert "demo" in new["argv"][0]
    assert (await old_client.get("/features")).json().keys() == {
        "supports_preview_metadata",
        "max_upload_size",
    }


async def test_warm_up_leaves_real_outputs() -> None:
    async with DemoServer(warm_up=True) as server, httpx.AsyncClient(base_url=server.url) as client:
        entries = (await client.get("/history")).json().values()
        assert [entry["status"]["status_str"] for entry in entries] == ["success"] * 3
        assert len((await client.get("/internal/files/output")).json()) == 3
