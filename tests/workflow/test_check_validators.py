"""What core classes check in their own Python code (comfyui-api, section 5.7), known by their names."""

from __future__ import annotations

from typing import Any

import pytest
from check_nodes import found, graph, node

from comfy_tui.workflow.checking import check

FILE = ["COMBO", {"options": ["none", "3d/cube.glb"], "file_upload": True}]
SIZE = ["INT", {"min": 1, "max": 4096}]
MOVES = ("horizontal_movement", "vertical_movement", "pan", "tilt", "roll", "zoom")
INFO: dict[str, Any] = {
    "Blank": node({}, gives=["IMAGE", "MODEL_TASK_ID"]),
    "Text": node({}, gives=["STRING"]),
    "LoadImage": node({"image": [["here.png"], {"image_upload": True}]}, gives=["IMAGE"]),
    "LoadImageOutput": node(
        {"image": ["COMBO", {"image_upload": True, "image_folder": "output", "remote": {}}]}, output=True
    ),
    "Load3D": node({"model_file": FILE, "width": SIZE}, output=True, module="comfy_extras.nodes_load_3d"),
    "SelectModelDevice": node({"device": ["COMBO", {"options": ["default", "cpu"]}]}, output=True),
    "FluxProUltraImageNode": node(
        {"aspect_ratio": ["STRING", {}]}, output=True, module="comfy_api_nodes.nodes_bfl"
    ),
    "KlingCameraControls": node({name: ["FLOAT", {"min": -10, "max": 10}] for name in MOVES}, output=True),
    "TripoConversionNode": node(
        {"original_model_task_id": ["MODEL_TASK_ID,RIG_TASK_ID", {}]}, {"face_limit": SIZE}, output=True
    ),
}
RAISED = "exception_during_validation"
FAILED = "custom_validation_failed"


def judged(kind: str, version: str = "0.26.0", /, **inputs: Any) -> set[tuple[str, str | None]]:
    prompt = graph(n1=(kind, inputs), n2=("Blank", {}), n3=("Text", {}))
    return {(code, name) for _, code, name in found(check(prompt, INFO, version=version))}


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("3d/cube.glb", set()),
        ("elsewhere/unknown.glb", set()),
        ("3d/unknown.glb", {(FAILED, "model_file")}),
        ("none", set()),
        ("", set()),
        (None, set()),
        (5, {(RAISED, "model_file")}),
        (["nowhere", 0], {(RAISED, "model_file")}),
    ],
)
def test_a_3d_loader_looks_for_its_file_itself(file: Any, expected: set[Any]) -> None:
    assert judged("Load3D", model_file=file, width=99999) == expected


def test_a_3d_loader_raises_without_its_file_and_older_ones_only_had_a_list() -> None:
    assert judged("Load3D", width=1) == {(RAISED, "model_file")}
    older = {**INFO, "Load3D": node({"model_file": [[], {"file_upload": True}]}, output=True)}
    verdict = check(graph(n1=("Load3D", {"model_file": "x.glb"})), older, version="0.3.64")
    assert found(verdict) == {("1", "value_not_in_list", "model_file")}


def test_devices_of_another_machine_are_taken() -> None:
    assert judged("SelectModelDevice", device="gpu:3") == set()


def test_the_output_loader_knows_what_is_not_in_the_input_folder() -> None:
    for name in ("here.png", "x.png [output]", "sub/x.png"):
        assert judged("LoadImageOutput", image=name) == set()
    assert judged("LoadImageOutput", image="gone.png") == {(FAILED, "image")}


@pytest.mark.parametrize("ratio", ["16:9", "1:4", " 4 : 1 "])
def test_aspect_ratios_that_are_taken(ratio: str) -> None:
    assert judged("FluxProUltraImageNode", aspect_ratio=ratio) == set()


@pytest.mark.parametrize("ratio", ["5:1", "0:1", "wide", "1:2:3", 5, ["3", 0]])
def test_aspect_ratios_that_are_not(ratio: Any) -> None:
    assert judged("FluxProUltraImageNode", aspect_ratio=ratio) == {(RAISED, "aspect_ratio")}
    assert judged("FluxProUltraImageNode", "0.3.64", aspect_ratio=ratio) == {(FAILED, "aspect_ratio")}


def test_a_camera_must_move() -> None:
    still = dict.fromkeys(MOVES, 0)
    assert judged("KlingCameraControls", **still) == {(FAILED, MOVES[0])}
    assert judged("KlingCameraControls", **{**still, "zoom": 99}) == set()
    assert judged("KlingCameraControls", **{**still, "pan": "x"}) == {("invalid_input_type", "pan")}


def test_a_conversion_wants_a_task_whatever_the_type_is_called() -> None:
    task = "original_model_task_id"
    assert judged("TripoConversionNode", **{task: ["2", 1]}) == set()
    assert judged("TripoConversionNode", **{task: ["2", 0]}) == {(FAILED, task)}
    assert judged("TripoConversionNode", **{task: "abc"}) == {(RAISED, task)}
    assert judged("TripoConversionNode") == {(RAISED, task)}


def test_what_old_servers_make_of_odd_nodes() -> None:
    """A list of inputs has none of them; a text that says class_type makes the server raise."""
    prompt = {"1": {"class_type": "SelectModelDevice", "inputs": [["device", "cpu"]]}}
    assert found(check(prompt, INFO, version="0.3.64")) == {("1", "required_input_missing", "device")}
    for odd, refusal in (("a class_type", "malformed_prompt"), ("a node", "invalid_prompt")):
        assert check({"1": odd}, INFO, version="0.3.64").refusal == refusal
    first = {"1": {"class_type": "Gone", "inputs": {}}, "2": 5}
    assert check(first, INFO, version="0.3.64").refusal == "invalid_prompt"
    assert check(first, INFO, version="0.26.0").refusal == "malformed_prompt"
