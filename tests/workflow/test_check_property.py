"""Any value gives a verdict, and a verdict keeps its word."""

from __future__ import annotations

import json
from typing import Any

from check_nodes import NODES, judge
from hypothesis import given, settings
from hypothesis import strategies as st

from comfy_tui.workflow.diagnostic import Severity

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
JSON = st.recursive(
    SCALARS, lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=8), x, max_size=3)
)
IDS = st.sampled_from(["1", "2", "3", "4"])
LINKS = st.tuples(IDS | JSON, st.integers(-2, 3) | JSON).map(list)
NAMES = sorted(
    {name for raw in NODES.values() for s in raw["input"].values() for name in s} | {"mode.width", "bogus"}
)
NODE = st.fixed_dictionaries(
    {"class_type": st.sampled_from([*NODES, "Nope"])},
    optional={"inputs": st.dictionaries(st.sampled_from(NAMES), LINKS | JSON, max_size=5), "_meta": JSON},
)
PROMPTS = st.dictionaries(IDS, NODE | NODE | JSON, max_size=4)
VERSIONS = st.sampled_from([None, "0.3.64"])


@settings(max_examples=150, deadline=None)
@given(PROMPTS | JSON, VERSIONS)
def test_any_prompt_gives_a_verdict(prompt: Any, version: str | None) -> None:
    before = json.dumps(prompt)
    verdict = judge(prompt, version=version)
    assert verdict.ok == all(d.severity is not Severity.ERROR for d in verdict.diagnostics)
    assert not (verdict.ok and verdict.refusal)
    assert json.dumps(prompt) == before
    for finding in verdict.diagnostics:
        assert finding.message
        assert len(finding.message) < 2000


@settings(max_examples=100, deadline=None)
@given(
    PROMPTS,
    st.dictionaries(st.sampled_from(sorted(NODES)), JSON | st.just(NODES["Types"]), max_size=4),
    VERSIONS,
)
def test_any_definitions_give_a_verdict(prompt: Any, nodes: Any, version: str | None) -> None:
    judge(prompt, nodes=nodes, version=version)


SPEC = st.lists(
    st.sampled_from(["INT", "COMBO", "COMFY_DYNAMICCOMBO_V3", "COMFY_AUTOGROW_V3", "COMFY_DYNAMICSLOT_V3"])
    | JSON
    | st.dictionaries(st.sampled_from(["options", "template", "min", "max", "inputs", "image_upload"]), JSON),
    max_size=3,
)


@settings(max_examples=100, deadline=None)
@given(SPEC, JSON, VERSIONS)
def test_any_input_spec_gives_a_verdict(spec: Any, value: Any, version: str | None) -> None:
    nodes = {"X": {"input": {"required": {"x": spec}}, "output": ["INT"], "output_node": True}}
    judge({"1": {"class_type": "X", "inputs": {"x": value}}}, nodes=nodes, version=version)
