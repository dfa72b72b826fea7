"""New seeds in a prompt, and the workflow that says the same."""

from __future__ import annotations

from typing import Any

from comfy_tui.workflow.reseed import reseeded

PROMPT: dict[str, Any] = {
    "3": {"class_type": "KSampler", "inputs": {"seed": 5, "steps": 20}},
    "9": {"class_type": "PrimitiveInt", "inputs": {"value": 6}},
    "4": {"class_type": "KSampler", "inputs": {"seed": ["9", 0], "steps": 6}},
}


def workflow(*values: Any) -> dict[str, Any]:
    return {"nodes": [{"id": 3, "widgets_values": list(values)}, {"id": 9, "widgets_values": {"value": 6}}]}


def test_the_workflow_says_what_the_prompt_says() -> None:
    given = workflow(5, "randomize", 20, True)
    prompt, written = reseeded(PROMPT, given)
    assert written is not None
    seed, primitive = prompt["3"]["inputs"]["seed"], prompt["9"]["inputs"]["value"]
    assert seed != 5
    assert written["nodes"][0]["widgets_values"] == [seed, "randomize", 20, True]
    assert written["nodes"][1]["widgets_values"] == {"value": primitive}
    assert given == workflow(5, "randomize", 20, True)


def test_where_it_is_not_sure_the_workflow_stays() -> None:
    assert (reseeded(PROMPT, workflow(5, 5))[1] or {})["nodes"][0]["widgets_values"] == [5, 5]
    assert (reseeded(PROMPT, workflow(20))[1] or {})["nodes"][0]["widgets_values"] == [20]
    assert reseeded(PROMPT, None)[1] is None
    assert reseeded(PROMPT, {"nodes": "none"})[1] == {"nodes": "none"}
