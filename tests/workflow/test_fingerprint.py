"""The mark of a workflow's structure: the same for what a person calls the same workflow."""

from __future__ import annotations

import copy
from typing import Any

from comfy_tui.workflow.fingerprint import fingerprint, fingerprints


def graph() -> dict[str, Any]:
    return {
        "4": {"class_type": "Load", "inputs": {"ckpt_name": "a.safetensors"}},
        "5": {"class_type": "Text", "inputs": {"text": "a cat", "clip": ["4", 1]}},
        "6": {"class_type": "Text", "inputs": {"text": "bad", "clip": ["4", 1]}},
        "7": {
            "class_type": "KSampler",
            "inputs": {"seed": 1, "steps": 20, "positive": ["5", 0], "negative": ["6", 0], "model": ["4", 0]},
        },
        "8": {"class_type": "Save", "inputs": {"images": ["7", 0]}},
    }


def changed(node: str, name: str, value: Any) -> dict[str, Any]:
    found = copy.deepcopy(graph())
    found[node]["inputs"][name] = value
    return found


def test_texts_seeds_and_ids_do_not_count() -> None:
    renamed = {
        f"{int(key) + 100}": {
            **node,
            "inputs": {
                name: [f"{int(value[0]) + 100}", value[1]] if isinstance(value, list) else value
                for name, value in node["inputs"].items()
            },
            "_meta": {"title": "another"},
        }
        for key, node in reversed(graph().items())
    }
    assert fingerprint(renamed) == fingerprint(graph())
    assert fingerprints(renamed)[1] == fingerprints(graph())[1]
    for other in (changed("5", "text", "a dog"), changed("7", "seed", 2)):
        assert fingerprint(other) == fingerprint(graph())
        assert fingerprints(other)[1] == fingerprints(graph())[1]


def test_values_that_take_time_count_for_the_timing_only() -> None:
    for other in (changed("7", "steps", 50), changed("4", "ckpt_name", "b.safetensors")):
        assert fingerprint(other) == fingerprint(graph())
        assert fingerprints(other)[1] != fingerprints(graph())[1]


def test_wiring_counts() -> None:
    crossed = changed("7", "positive", ["6", 0])
    crossed["7"]["inputs"]["negative"] = ["6", 0]
    assert fingerprint(crossed) != fingerprint(graph())
    assert fingerprint(changed("7", "model", ["4", 1])) != fingerprint(graph())


def test_a_deep_difference_counts() -> None:
    def chain(end: str) -> dict[str, Any]:
        found = {"0": {"class_type": end, "inputs": {}}}
        for number in range(1, 90):
            found[str(number)] = {"class_type": "Pass", "inputs": {"image": [str(number - 1), 0]}}
        return found

    assert fingerprint(chain("A")) != fingerprint(chain("B"))


def test_nothing_is_too_strange() -> None:
    strange: list[Any] = [
        {},
        {"1": None},
        {"1": {"class_type": "A", "inputs": {"x": ["1", 0]}}},
        {"1": {"class_type": "A", "inputs": {"x": [], "y": [None], "z": {"a": "\ud800"}}}},
    ]
    assert all(len(fingerprint(prompt)) == 32 and len(fingerprints(prompt)[1]) == 32 for prompt in strange)
