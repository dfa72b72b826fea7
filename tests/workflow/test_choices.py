"""Another choice of a dynamic combo in a prompt: its inputs come, those of the old choice go."""

from __future__ import annotations

from typing import Any

import pytest
from convert_graphs import INFO, graph, node

from comfy_tui.commands.run_values import Key, assignments, changed_prompt
from comfy_tui.errors import ConfigError
from comfy_tui.inventory.nodes import NodeInfo
from comfy_tui.inventory.prepare import Standing, prepare
from comfy_tui.widgets.field_row import FormFields
from comfy_tui.workflow import convert, parse_workflow
from comfy_tui.workflow.choices import with_choices
from comfy_tui.workflow.edits import Edits
from comfy_tui.workflow.writeback import write_back
from run_support import node as api

KNOWN = NodeInfo.of(INFO, "0.26.0", 0.0)
SIZED = {"how": "size", "how.width": 8, "how.height": 9, "method": "area", "source": ["2", 0]}


def prompt(**inputs: Any) -> dict[str, Any]:
    return {"1": api("Resize", **inputs), "2": api("Blank", width=1, height=1, count=1)}


def chosen(before: dict[str, Any], **changes: Any) -> Any:
    keys: dict[Key, Any] = {("1", name.replace("__", ".")): value for name, value in changes.items()}
    return with_choices(prompt(**before), keys, KNOWN.definitions)["1"]["inputs"]


def test_the_browser_makes_the_same_of_it() -> None:
    for choice, saved in (("factor", ["factor"]), ("size", ["size"])):
        document = graph([node(1, "Resize", saved)])
        made = convert(document, INFO).prompt["1"]["inputs"]
        other = "size" if choice == "factor" else "factor"
        start = convert(graph([node(1, "Resize", [other])]), INFO).prompt["1"]["inputs"]
        assert chosen(start, how=choice) == made


def test_what_is_no_other_choice_changes_nothing() -> None:
    for changes in ({"how": "size"}, {"how": "odd"}, {"how": 5}, {"method": "cubic"}, {"how__width": 3}):
        assert chosen(SIZED, **changes) == SIZED
    linked = {**SIZED, "how": ["2", 0]}
    assert chosen(linked, how="factor") == linked
    start = prompt(**SIZED)
    assert with_choices(start, {("1", "how"): "factor"}, None) is start
    odd: dict[str, Any] = {"1": 5, "2": {"class_type": [], "inputs": {}}, "3": {"class_type": "Resize"}}
    assert with_choices(odd, {(n, "how"): "factor" for n in "123"}, KNOWN.definitions) is odd


def test_links_stay_where_the_new_choice_has_them_too() -> None:
    assert "how.width" not in chosen({**SIZED, "how.width": ["2", 0]}, how="factor")
    back = chosen({"how": "factor", "how.by": 2.0, "how.height": ["2", 0]}, how="size")
    assert back["how.height"] == ["2", 0]


@pytest.mark.parametrize("reverse", [False, True])
def test_set_chooses_and_sets_in_any_order(reverse: bool) -> None:
    words = ["Resize.how=factor", "1.how.by=3"]
    values, _ = assignments(prompt(**SIZED), KNOWN, words[::-1] if reverse else words)
    assert values == {("1", "how"): "factor", ("1", "how.by"): 3.0}
    inputs = changed_prompt(prompt(**SIZED), values, KNOWN)["1"]["inputs"]
    assert inputs == {"how": "factor", "how.by": 3.0, "method": "area", "source": ["2", 0]}
    document = graph(
        [node(1, "Resize", ["size", 8, 9, "area"], {"source": 1}), node(2, "Blank", [1, 1, 1])],
        [(1, 2, 0, 1, 0)],
    )
    written = write_back(document, values, KNOWN.converter)
    assert convert(written.workflow, INFO).prompt["1"]["inputs"] == inputs


def test_set_of_an_input_of_the_old_choice_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"has no input how\.width"):
        assignments(prompt(**SIZED), KNOWN, ["1.how.width=3", "1.how=factor"])


def test_the_form_follows_the_choice() -> None:
    import json

    ready = prepare(parse_workflow(json.dumps(prompt(**SIZED)).encode(), name="x"), KNOWN)
    form = FormFields(ready, KNOWN)
    edits = Edits().with_value(("1", "how"), "factor").with_value(("1", "how.width"), 5)
    form.take(edits)
    names = [field.input for field in form.shown(everything=True) if field.node_id == "1"]
    assert names == ["how", "how.by", "method"]
    how = form.find("1\nhow", edits)
    assert how is not None
    assert (how.field.value, how.value, how.edited) == ("size", "factor", True)
    again = prepare(ready.file, KNOWN, edits)
    assert again.edited(edits)["1"]["inputs"].keys() == {"how", "how.by", "method", "source"}
    assert "required_input_missing" not in {one.code for one in again.diagnostics}
    assert again.standing is not Standing.UNKNOWN
