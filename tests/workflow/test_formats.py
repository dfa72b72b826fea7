"""Telling what a workflow file is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from comfy_tui.errors import WorkflowError
from comfy_tui.workflow import WorkflowKind, parse_workflow, read_workflow
from comfy_tui.workflow.formats import DEPTH_LIMIT, SIZE_LIMIT

PROMPT = {"3": {"class_type": "SaveImage", "inputs": {"filename_prefix": "p"}}}
GRAPH = {"nodes": [], "links": [], "version": 0.4}
EXTRA = {"client_id": "c", "extra_pnginfo": {"workflow": GRAPH}}
ITEM = [7, "id", PROMPT, EXTRA, ["3"]]


@pytest.mark.parametrize(
    "value", [GRAPH, {"workflow": GRAPH}, {"workflow": json.dumps(GRAPH)}, {"prompt": GRAPH}]
)
def test_editor_documents(value: Any) -> None:
    found = parse_workflow(json.dumps(value), name="a.json")
    assert (found.kind, found.graph, found.workflow, found.prompt) == (
        WorkflowKind.EDITOR,
        GRAPH,
        GRAPH,
        None,
    )
    assert found.name == "a.json"
    assert found.notes == ()


@pytest.mark.parametrize(
    ("value", "workflow"),
    [
        (PROMPT, None),
        ({"prompt": PROMPT}, None),
        ({"prompt": PROMPT, "extra_data": EXTRA, "client_id": "c"}, GRAPH),
        ({"prompt": PROMPT, "extra_data": {"extra_pnginfo": {"workflow": None}}}, None),
        ({"prompt": json.dumps(PROMPT), "workflow": json.dumps(GRAPH)}, GRAPH),
        ({"prompt": ITEM, "outputs": {}, "status": {}}, GRAPH),
        ({"some-id": {"prompt": ITEM, "outputs": {}}}, GRAPH),
        ({"id": "x", "status": "completed", "workflow": {"prompt": PROMPT, "extra_data": EXTRA}}, GRAPH),
        (ITEM, GRAPH),
        (ITEM[:3], None),
    ],
)
def test_prompts(value: Any, workflow: Any) -> None:
    found = parse_workflow(json.dumps(value))
    assert (found.kind, found.prompt, found.graph, found.workflow) == (
        WorkflowKind.API,
        PROMPT,
        None,
        workflow,
    )


def test_a_node_called_prompt_is_a_node() -> None:
    assert parse_workflow(json.dumps({"prompt": PROMPT["3"]})).prompt == {"prompt": PROMPT["3"]}


def test_of_many_jobs_the_last_is_used_with_a_note() -> None:
    other = {"4": {"class_type": "X", "inputs": {}}}
    found = read_workflow({"a": {"prompt": ITEM}, "b": {"prompt": [8, "b", other]}})
    assert found.prompt == other
    assert "2 jobs" in found.notes[0]


def test_entries_that_are_not_nodes_are_left_out_with_a_note() -> None:
    found = read_workflow({**PROMPT, "version": 1})
    assert found.prompt == PROMPT
    assert "version" in found.notes[0]


@pytest.mark.parametrize(
    "value",
    [None, True, 1, "x", [], [1, 2, 3], {}, {"a": 1}, {"prompt": {}}, {"prompt": "x"}, {"workflow": [1]}],
)
def test_what_is_no_workflow_is_said_to_be_none(value: Any) -> None:
    with pytest.raises(WorkflowError) as caught:
        parse_workflow(json.dumps(value), name="x.json")
    assert "x.json is not a workflow" in str(caught.value)
    assert caught.value.hint


def test_broken_json_names_line_and_column() -> None:
    with pytest.raises(WorkflowError, match="line 2, column 8"):
        parse_workflow('{\n  "a": x}')


@pytest.mark.parametrize("text", ["", "  ", "<html>", '{"nodes": [', b"\x89PNG\r\n\x1a\n\0\0", "1" * 5000])
def test_what_is_no_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(WorkflowError):
        parse_workflow(text)


def test_numbers_that_are_not_finite_are_null_with_a_note() -> None:
    found = parse_workflow('{"nodes": [NaN, -Infinity, 1e999, 1.5], "t": "NaN, 1"}')
    assert found.graph == {"nodes": [None, None, None, 1.5], "t": "NaN, 1"}
    assert len(found.notes) == 1
    assert parse_workflow('{"nodes": [], "t": "Infinity"}').notes == ()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(encoding: str) -> None:
    assert parse_workflow('{"nodes": ["ü"]}'.encode(encoding)).graph == {"nodes": ["ü"]}


def test_broken_characters_are_replaced_with_a_note() -> None:
    found = parse_workflow(b'{"nodes": ["a\xffb", "\\ud800", "\\ud83d\\ude00", "\\\\ud800"]}')
    assert found.graph == {"nodes": ["a\ufffdb", "\ufffd", "\U0001f600", "\\ud800"]}
    assert len(found.notes) == 2


@pytest.mark.parametrize("depth", [DEPTH_LIMIT + 5, 5_000, 200_000])
def test_too_deep(depth: int) -> None:
    with pytest.raises(WorkflowError, match="deep"):
        parse_workflow('{"nodes": ' + "[" * depth + "]" * depth + "}")


def test_text_in_text_in_text_ends() -> None:
    value = json.dumps(GRAPH)
    for _ in range(8):
        value = json.dumps({"prompt": value})
    with pytest.raises(WorkflowError):
        parse_workflow(value)


def test_too_large() -> None:
    with pytest.raises(WorkflowError, match="64 MB"):
        parse_workflow(b" " * (SIZE_LIMIT + 1))
