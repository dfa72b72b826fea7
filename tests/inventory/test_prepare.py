"""The seam: a file becomes a prompt, with the server's replacements, and a verdict of a known age."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

from comfy_tui.inventory.inventory import Inventory, Origin
from comfy_tui.inventory.nodes import NodeInfo
from comfy_tui.inventory.prepare import Standing, is_outdated, judge, prepare, prepare_again
from comfy_tui.inventory.store import pack, unpack
from comfy_tui.workflow.diagnostic import Severity
from comfy_tui.workflow.edits import Edits
from comfy_tui.workflow.formats import WorkflowFile, WorkflowKind, parse_workflow
from command_support import GRAPH, OBJECT_INFO, PROMPT

REPLACEMENTS = {
    "OldMake": [
        {
            "new_node_id": "Make",
            "old_node_id": "OldMake",
            "old_widget_ids": ["length"],
            "input_mapping": [{"new_id": "size", "old_id": "length"}],
            "output_mapping": [{"new_idx": 0, "old_idx": 1}],
        }
    ],
    "OldSave": [{"new_node_id": "Nowhere", "input_mapping": None, "output_mapping": None}],
}
OLD_PROMPT = {
    "1": {"class_type": "OldMake", "inputs": {"length": 8}, "_meta": {"title": "Paper"}},
    "2": {"class_type": "Save", "inputs": {"images": ["1", 1], "name": "a"}},
}


def info(**changes: Any) -> NodeInfo:
    told = Inventory(comfyui_version="0.26.0", fetched_at_s=100.0, object_info=OBJECT_INFO)
    return NodeInfo.from_inventory(replace(told, **changes))


REPLACING = info(replacements=REPLACEMENTS)


def read(document: Any) -> Any:
    return parse_workflow(json.dumps(document), name="flow")


def test_a_replaceable_class_is_replaced_and_told_not_missing() -> None:
    ready = prepare(read(OLD_PROMPT), REPLACING)
    assert ready.standing is Standing.VALID
    assert ready.prompt is not None
    assert ready.prompt["1"] == {"class_type": "Make", "inputs": {"size": 8}, "_meta": {"title": "Paper"}}
    assert ready.prompt["2"]["inputs"]["images"] == ["1", 0]
    (told,) = ready.diagnostics
    assert (told.code, told.severity, told.node_id) == ("replaced_node", Severity.INFO, "1")
    assert (told.class_type, told.node_title) == ("OldMake", "Paper")
    assert "Make" in told.message
    assert OLD_PROMPT["1"]["class_type"] == "OldMake"


def test_what_is_left_of_a_replaced_node_is_judged() -> None:
    ready = prepare(read(OLD_PROMPT), REPLACING, Edits(values={("1", "size"): 99}))
    assert ready.standing is Standing.ERRORS
    assert {d.code for d in ready.diagnostics} == {"value_bigger_than_max", "replaced_node"}


def test_only_what_the_server_lacks_and_has_the_successor_of() -> None:
    prompt = copy.deepcopy(OLD_PROMPT)
    prompt["2"]["class_type"] = "OldSave"
    ready = prepare(read(prompt), REPLACING)
    assert [d.class_type for d in ready.errors if d.code == "missing_node_type"] == ["OldSave"]
    has_it = info(replacements=REPLACEMENTS, object_info={**OBJECT_INFO, "OldMake": OBJECT_INFO["Make"]})
    kept = prepare(read(OLD_PROMPT), has_it)
    assert kept.prompt is not None
    assert kept.prompt["1"]["class_type"] == "OldMake"
    assert {d.code for d in prepare(read(OLD_PROMPT), info()).errors} == {"missing_node_type"}


def test_an_editor_workflow_with_a_replaceable_class() -> None:
    graph = copy.deepcopy(GRAPH)
    graph["nodes"][0]["type"] = "OldMake"
    graph["nodes"][0]["inputs"] = [
        {"name": "length", "type": "INT", "widget": {"name": "length"}, "link": None}
    ]
    ready = prepare(read(graph), REPLACING)
    assert ready.prompt is not None
    assert ready.prompt["1"]["class_type"] == "Make"
    assert "missing_node_type" not in {d.code for d in ready.diagnostics}
    assert "replaced_node" in {d.code for d in ready.diagnostics}
    assert ready.workflow == graph  # what travels along is the editor's own


def test_other_definitions_make_another_prompt() -> None:
    first = prepare(read(OLD_PROMPT), None)
    assert first.standing is Standing.UNKNOWN
    then = prepare_again(first, REPLACING)
    assert then.standing is Standing.VALID
    installed = info(object_info={**OBJECT_INFO, "OldMake": OBJECT_INFO["Make"]})
    assert prepare_again(then, installed).prompt == OLD_PROMPT
    graph = read(GRAPH)
    waiting = prepare(graph, None)
    assert waiting.standing is Standing.NOT_READY
    ready = prepare_again(waiting, REPLACING)
    assert ready.standing is Standing.VALID
    assert prepare_again(ready, REPLACING).prompt is ready.prompt
    assert prepare_again(ready, None).standing is Standing.UNKNOWN


def test_a_verdict_knows_how_old_it_is() -> None:
    live = prepare(read(PROMPT), info())
    assert (live.checked_at_s, live.by_kept) == (100.0, False)
    kept = judge(live, info(origin=Origin.CACHE))
    assert (kept.standing, kept.checked_at_s, kept.by_kept) == (Standing.VALID, 100.0, True)
    unknown = judge(kept, None)
    assert (unknown.standing, unknown.checked_at_s, unknown.by_kept) == (Standing.UNKNOWN, None, False)
    file = judge(live, info(origin=Origin.FILE, fetched_at_s=None))
    assert (file.checked_at_s, file.by_kept) == (None, True)


def test_replacements_are_kept_on_disk() -> None:
    kept = unpack(pack(REPLACING.inventory))
    assert kept.replacements == REPLACEMENTS
    assert NodeInfo.from_inventory(kept).replacements == REPLACING.replacements


def test_what_cannot_be_converted_is_not_outdated_for_ever() -> None:
    now = info()
    waiting = prepare(read(GRAPH), None)
    assert is_outdated(waiting, now)
    assert not is_outdated(waiting, None)
    assert not is_outdated(prepare(read(GRAPH), now), now)
    assert not is_outdated(prepare(read(PROMPT), now), now)
    broken = prepare(WorkflowFile(WorkflowKind.EDITOR, graph={}), now)
    assert broken.standing is Standing.NOT_READY
    assert not is_outdated(broken, now)


def test_a_missing_class_is_told_once_by_old_servers_too() -> None:
    graph = copy.deepcopy(GRAPH)
    graph["nodes"][1]["type"] = "Gone"
    for version, code in (("0.3.64", "invalid_prompt"), ("0.26.0", "missing_node_type")):
        ready = prepare(read(graph), info(comfyui_version=version))
        assert [d.code for d in ready.errors if d.class_type == "Gone"] == [code]
