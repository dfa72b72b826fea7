"""POST /prompt: what is accepted, what is refused, and in which words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from demo_support import RECORDINGS, graph, post, run, through

from comfy_tui.demo.nodes import EXTRA_CLASSES, NODES
from comfy_tui.demo.server import DemoServer

_TROUBLE = "500 Internal Server Error\n\nServer got itself in trouble"


def _recorded(version: str) -> list[Any]:
    folder = RECORDINGS / version / "prompt_errors"
    if not folder.is_dir():
        reason = f"no recordings at {folder}"
        return [pytest.param("", marks=pytest.mark.skip(reason=reason))]
    found = []
    for path in sorted(folder.glob("*.json")):
        case = json.loads(path.read_text("utf-8"))
        if _comparable(case):
            found.append(pytest.param(str(path), id=path.stem))
    return found


def _comparable(case: dict[str, Any]) -> bool:
    """Whether the demo server has every class of the request."""
    request = case["request"]
    prompt = request.get("prompt") if isinstance(request, dict) else None
    if not isinstance(prompt, dict):
        return True
    known = {*NODES, "NoSuchNode", "AlsoMissing", "None"}
    for node in prompt.values():
        kind = node.get("class_type", "None") if isinstance(node, dict) else "None"
        if isinstance(kind, str) and kind not in known:
            return False
    return case["kind"] not in ("loadimage_annotated_ok", "worker_dead")


def _essence(answer: Any) -> Any:
    """What two servers should agree on; not tracebacks, ids, orders, model lists."""
    if not isinstance(answer, dict):
        return answer
    if "error" not in answer:
        return {"node_errors": _nodes(answer["node_errors"])}
    error = {**answer["error"], "details": sorted(answer["error"]["details"].split("\n"))}
    return {"error": error, "node_errors": _nodes(answer["node_errors"])}


def _nodes(node_errors: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for node_id, entry in node_errors.items():
        errors = []
        for error in entry["errors"]:
            extra = {k: v for k, v in error["extra_info"].items() if k not in ("traceback", "input_config")}
            errors.append({**error, "extra_info": extra, "details": error["details"].split(" not in ")[0]})
        errors.sort(key=lambda error: (error["type"], error["details"]))
        found[node_id] = {**entry, "errors": errors, "dependent_outputs": sorted(entry["dependent_outputs"])}
    return found


async def _compare(client: httpx.AsyncClient, path: str) -> None:
    case = json.loads(Path(path).read_text("utf-8"))
    request = case["request"]
    body = request if isinstance(request, str) else json.dumps(request)
    answer = await client.post("/prompt", content=body)
    assert answer.status_code == case["status"], answer.text
    assert answer.headers.get("content-type", "").split(";")[0] == case["content_type"].split(";")[0]
    got: Any = answer.text if isinstance(case["response"], str) else answer.json()
    assert _essence(got) == _essence(case["response"])


@pytest.mark.parametrize("path", _recorded("0.26.0"))
async def test_answers_like_the_recorded_new_server(client: httpx.AsyncClient, path: str) -> None:
    await _compare(client, path)


@pytest.mark.parametrize("path", _recorded("0.3.64"))
async def test_answers_like_the_recorded_old_server(old_client: httpx.AsyncClient, path: str) -> None:
    await _compare(old_client, path)


@pytest.mark.parametrize("body", ["{not json", "", "null"])
async def test_malformed_body_is_a_500(client: httpx.AsyncClient, body: str) -> None:
    answer = await client.post("/prompt", content=body)
    assert (answer.status_code, answer.text) == (500, _TROUBLE)


async def test_content_type_does_not_matter(client: httpx.AsyncClient) -> None:
    answer = await client.post("/prompt", content='{"prompt": {}}', headers={"Content-Type": "text/plain"})
    assert answer.json()["error"]["type"] == "prompt_no_outputs"


async def test_numbers_front_and_gaps(server: DemoServer, client: httpx.AsyncClient) -> None:
    async def number(**more: Any) -> Any:
        return (await client.post("/prompt", json={"prompt": graph(), **more})).json().get("number")

    assert await number() == 0
    assert await number(front=True) == -1
    assert (await client.post("/prompt", json={"prompt": {}})).status_code == 400
    assert await number() == 3
    assert await number(number="3.5", front=True) == 3.5
    assert await number() == 4


async def test_partly_valid_prompt_runs_what_it_can(server: DemoServer, client: httpx.AsyncClient) -> None:
    prompt = graph()
    prompt["3"] = {"class_type": "EmptyImage", "inputs": {**prompt["1"]["inputs"], "width": 0}}
    prompt["4"] = {"class_type": "PreviewImage", "inputs": {"images": ["3", 0]}}
    answer = (await client.post("/prompt", json={"prompt": prompt, "client_id": "a"})).json()
    assert list(answer["node_errors"]) == ["3"]
    assert answer["node_errors"]["3"]["dependent_outputs"] == ["4"]
    await server.wait_idle()
    entry = (await client.get(f"/history/{answer['prompt_id']}")).json()[answer["prompt_id"]]
    assert entry["prompt"][4] == ["2"]
    assert list(entry["outputs"]) == ["2"]
    assert entry["status"]["status_str"] == "success"


async def test_values_are_converted_in_place(server: DemoServer, client: httpx.AsyncClient) -> None:
    entry = await run(server, client, graph(width=" 64 ", height=8.9, color={"__value__": 3}, bogus=1))
    stored = entry["prompt"][2]["1"]["inputs"]
    assert (stored["width"], stored["height"], stored["color"], stored["bogus"]) == (64, 8, 3, 1)


async def test_the_choice_of_models_is_checked(client: httpx.AsyncClient) -> None:
    prompt = {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "nope.safetensors"}},
        "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
    }
    answer = (await client.post("/prompt", json={"prompt": prompt})).json()
    found = answer["node_errors"]["1"]["errors"][0]
    assert found["type"] == "value_not_in_list"
    assert "'demo_xl.safetensors'" in found["details"]


async def test_combo_options_are_not_checked_by_the_old_server(
    client: httpx.AsyncClient, old_client: httpx.AsyncClient
) -> None:
    prompt = through("ImageFlip", flip_method="nope")
    assert (await client.post("/prompt", json={"prompt": prompt})).status_code == 400
    assert (await old_client.post("/prompt", json={"prompt": prompt})).status_code == 200


async def test_output_nodes_of_the_old_version_pass_nothing_on(
    client: httpx.AsyncClient, old_client: httpx.AsyncClient
) -> None:
    prompt = graph()
    prompt["3"] = {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}}
    assert (await client.post("/prompt", json={"prompt": prompt})).json()["node_errors"] == {}
    found = (await old_client.post("/prompt", json={"prompt": prompt})).json()["node_errors"]
    assert found["3"]["errors"][0]["details"] == "tuple index out of range"
    assert (await old_client.get("/object_info/SaveImage")).json()["SaveImage"]["output"] == []


async def test_prompt_ids(client: httpx.AsyncClient, old_client: httpx.AsyncClient) -> None:
    canonical = "11111111-2222-4333-8444-555555555555"
    assert await post(client, graph(), prompt_id=canonical) == canonical
    assert await post(old_client, graph(), prompt_id=5) == "5"
    refused = await client.post("/prompt", json={"prompt": graph(), "prompt_id": canonical.replace("1", "A")})
    assert refused.json()["error"]["type"] == "invalid_prompt_id"


async def test_object_info_has_every_node(client: httpx.AsyncClient) -> None:
    info = (await client.get("/object_info")).json()
    assert set(info) == set(NODES) - EXTRA_CLASSES
    one = (await client.get("/object_info/KSampler")).json()
    assert one == {"KSampler": info["KSampler"]}
    assert (await client.get("/object_info/Nope")).json() == {}
    assert info["KSampler"]["display_name"] == "KSampler (demo)"
    assert info["LoadImage"]["input"]["required"]["image"] == [["example.png"], {"image_upload": True}]


_SAME = "output output_name output_is_list output_node python_module category input_order".split()  # noqa: SIM905


def _options(spec: list[Any]) -> dict[str, Any]:
    options = spec[1] if len(spec) > 1 else {}
    return {key: value for key, value in options.items() if key != "tooltip"}


def test_definitions_agree_with_the_real_ones() -> None:
    path = RECORDINGS.parent / "truth" / "object_info-0.26.0.json"
    if not path.is_file():
        pytest.skip(f"no {path}")
    real = json.loads(path.read_text("utf-8"))
    listings = type("None", (), {"names": lambda self, folder: []})()
    for name, node in NODES.items():
        if name.startswith("Demo"):
            continue
        made = node.definition(listings, legacy=False, dress=str)
        for section in ("required", "optional"):
            theirs = real[name]["input"].get(section, {})
            ours = made["input"].get(section, {})
            assert list(ours) == list(theirs), name
            for key, spec in ours.items():
                if name.startswith("LoadImage") and key == "image":
                    continue
                assert spec[0] == theirs[key][0], (name, key)
                assert _options(spec) == _options(theirs[key]), (name, key)
        for key in _SAME:
            assert made[key] == real[name][key], (name, key)
        assert made.get("deprecated", False) == real[name].get("deprecated", False), name
