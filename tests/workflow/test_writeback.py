"""Changed values stand where the editor keeps them: converting again gives just those changes."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from convert_graphs import CONVERTER, INFO, NOW, graph, node, subgraph, with_subgraphs
from hypothesis import given
from hypothesis import strategies as st
from test_convert_property import DOCUMENTS, FEW, JSON

from comfy_tui.errors import WorkflowError
from comfy_tui.workflow import Converter, WrittenBack, shared_inputs, write_back
from comfy_tui.workflow.definition import DYNAMIC_COMBO
from comfy_tui.workflow.diagnostic import Severity
from comfy_tui.workflow.writeback.origin import FirstChoice
from comfy_tui.workflow.writeback.source import same

TRUTH = Path(__file__).resolve().parents[3] / "shared" / "truth"
Key = tuple[str, str]


def prompt_of(document: Mapping[str, Any], converter: Converter = CONVERTER) -> dict[str, Any]:
    return converter.convert(document, now=NOW, rng=FirstChoice()).prompt


def write(document: dict[str, Any], changes: dict[Key, Any], converter: Converter = CONVERTER) -> WrittenBack:
    """Write back and see that the result means just what was written, and that the file is as it was."""
    before = json.dumps(document)
    made = write_back(document, changes, converter, now=NOW)
    assert json.dumps(document) == before
    wanted = prompt_of(document, converter)
    after = prompt_of(made.workflow, converter)
    for node_id, name in made.written:
        wanted[node_id]["inputs"][name] = changes[node_id, name]
        if wanted[node_id]["class_type"] == "CustomCombo":  # its index and its last option are computed
            wanted[node_id]["inputs"] = after[node_id]["inputs"] | {name: changes[node_id, name]}
    assert same(wanted, after)
    refused = {(d.node_id, d.input) for d in made.diagnostics if d.code == "not_written"}
    assert not refused & made.written
    held = {k for k, v in changes.items() if k[0] in wanted and same(wanted[k[0]]["inputs"].get(k[1]), v)}
    assert changes.keys() == refused | made.written | held
    return made


def values(document: Mapping[str, Any], index: int = 0) -> Any:
    return document["nodes"][index]["widgets_values"]


def one(kind: str, saved: Any, change: dict[str, Any], **more: Any) -> tuple[Any, list[str]]:
    """The saved values of a workflow's only node after some changes, and the codes of what is said."""
    made = write(graph([node(1, kind, saved, **more)]), {("1", name): v for name, v in change.items()})
    return values(made.workflow), [d.code for d in made.diagnostics]


@pytest.mark.parametrize(
    ("kind", "saved", "change", "then"),
    [
        # the control slot behind a seed keeps its place
        ("Sample", [5, "randomize", 30, 7.0, "flat"], {"steps": 31}, [5, "randomize", 31, 7.0, "flat"]),
        ("Sample", [5, "fixed", 30], {"seed": 2**60}, [2**60, "fixed", 30]),
        # a list too short is made long enough, no longer
        ("Sample", [5], {"steps": 9}, [5, "randomize", 9]),
        ("Sample", None, {"seed": 9}, [9]),
        ("Sample", {"seed": 5, "steps": 6, "odd": 1}, {"seed": 7}, {"seed": 7, "steps": 6, "odd": 1}),
        ("Sample", {"seed": 5}, {"steps": 7}, {"seed": 5, "steps": 7}),
        # surplus values and values of old forced inputs stay
        ("Forced", ["old", 1, 2], {"h": 3}, ["old", 1, 3]),
        ("Note2", ["a", "more"], {"text": "b"}, ["b", "more"]),
        ("Many", [["p"]], {"tags": {"__value__": ["p", "q"]}}, [["p", "q"]]),
        ("Bend", [[[0, 0]]], {"curve": {"__type__": "CURVE", "__value__": [[1, 1]]}}, [[[1, 1]]]),
        ("Bend", [{"points": []}], {"curve": {"points": [[1, 1]]}}, [{"points": [[1, 1]]}]),
        ("Box", [{"x": 1}, 1, 2, 3, 4], {"region": {"x": 9}}, [{"x": 9}, 1, 2, 3, 4]),
        ("LoadPicture", ["a.png", "image"], {"image": "b.png"}, ["b.png", "image"]),
        # children of a dynamic combo, and the values behind them
        ("Resize", ["size", 1, 2, "area"], {"how.height": 5}, ["size", 1, 5, "area"]),
        ("Resize", ["size", 1, 2, "area"], {"method": "cubic"}, ["size", 1, 2, "cubic"]),
        ("CustomCombo", ["b", 1, "a", "b", ""], {"choice": "a"}, ["a", 1, "a", "b", ""]),
        ("CustomCombo", ["b", 1, "a", "b", ""], {"option3": "c"}, ["b", 1, "a", "b", "c"]),
    ],
)
def test_a_value_is_written_where_it_stands(kind: str, saved: Any, change: Any, then: Any) -> None:
    assert one(kind, saved, change) == (then, [])


def test_a_new_choice_brings_its_own_inputs() -> None:
    document = graph([node(1, "Resize", ["size", 1, 2, "area", "tail"])])
    made = write_back(document, {("1", "how"): "factor", ("1", "how.by"): 3.5}, CONVERTER, now=NOW)
    assert values(made.workflow) == ["factor", 3.5, "area", "tail"]
    assert [d.code for d in made.diagnostics] == ["new_choice"]
    made = write_back(document, {("1", "how"): "nested", ("1", "method"): "cubic"}, CONVERTER, now=NOW)
    assert values(made.workflow) == ["nested", "u", 7, "cubic", "tail"]


def test_a_value_that_a_new_choice_has_not_is_not_written() -> None:
    changes = {("1", "how"): "factor", ("1", "how.width"): 9}
    made = write_back(graph([node(1, "Resize", ["size", 1, 2, "area"])]), changes, CONVERTER, now=NOW)
    assert values(made.workflow) == ["factor", 1.0, "area"]
    assert made.written == {("1", "how")}
    assert [(d.code, d.input) for d in made.diagnostics if d.severity is Severity.WARNING] == [
        ("not_written", "how.width")
    ]


def test_values_saved_by_name_change_too() -> None:
    named = {"seed": 5, "control_after_generate": "fixed", "steps": 30}
    made = write(
        graph([node(1, "Sample", [5, "fixed", 30], widgets_values_named=named)]), {("1", "steps"): 31}
    )
    assert made.workflow["nodes"][0]["widgets_values_named"] == named | {"steps": 31}
    named = {"how": "size", "how.width": 1, "how.height": 2, "method": "area"}
    document = graph([node(1, "Resize", ["size", 1, 2, "area"], widgets_values_named=named)])
    made = write_back(document, {("1", "how"): "factor"}, CONVERTER)
    expected = {"how": "factor", "how.by": 1.0, "method": "area"}
    assert made.workflow["nodes"][0]["widgets_values_named"] == expected


def test_values_of_an_unknown_class() -> None:
    marked = node(1, "Gone", [5, "fixed", "t"], {"seed": None, "text": None}, ["seed", "text"])
    assert values(write(graph([marked]), {("1", "text"): "u"}).workflow) == [5, "fixed", "u"]
    named = node(1, "Gone", [5, "t"], widgets_values_named={"seed": 5, "text": "t"})
    assert values(write(graph([named]), {("1", "text"): "u"}).workflow) == [5, "u"]
    apart = node(1, "Gone", [6, "t"], widgets_values_named={"seed": 5, "text": "t"})
    assert not write(graph([apart]), {("1", "text"): "u"}).written


@pytest.mark.parametrize(
    "text", ["a {red|blue} cat", r"\{x\}", "see http://x/y /* no */ |", "a}b|c\\d", "50/50"]
)
def test_texts_come_out_as_typed(text: str) -> None:
    document = graph([node(1, "Encode", ["old {x|y}"]), node(2, "Encode", ["{p|q}"])])
    made = write_back(document, {("1", "text"): text}, CONVERTER, now=NOW)
    after = prompt_of(made.workflow)
    assert after["2"]["inputs"]["text"] == "p"
    if made.written:
        assert after["1"]["inputs"]["text"] == text
    else:
        assert text == r"\{x\}"  # this cannot be said in a dynamic prompt


def test_the_browser_fills_in_names_of_files() -> None:
    nodes = [node(1, "SaveImage", ["%KSampler.seed%"]), node(2, "KSampler", [5, "fixed", "ddim"])]
    made = write_back(graph(nodes), {("2", "seed"): 6}, CONVERTER, now=NOW)
    assert made.written == {("2", "seed")}
    made = write_back(graph(nodes), {("1", "filename_prefix"): "%date:yyyy%"}, CONVERTER, now=NOW)
    assert values(made.workflow) == ["%date:yyyy%"]
    assert [(d.code, d.severity) for d in made.diagnostics] == [("filled_text", Severity.INFO)]


def test_a_primitive_holds_the_value_of_what_it_feeds() -> None:
    nodes = [
        node(1, "PrimitiveNode", [512, "fixed"], outputs=[[1, 2]]),
        node(2, "Blank", [1, 2, 3], {"width": 1}, ["width"]),
        node(3, "Blank", [1, 2, 3], {"height": 2}, ["height"]),
    ]
    document = graph(nodes, [(1, 1, 0, 2, 0), (2, 1, 0, 3, 0)])
    both = {("2", "width"): 520, ("3", "height"): 520}
    made = write(document, both)
    assert values(made.workflow) == [520, "fixed"]
    # what the fed widgets show is not left behind
    assert values(made.workflow, 1) == [520, 2, 3]
    assert values(made.workflow, 2) == [1, 520, 3]
    alone = write(document, {("2", "width"): 520})
    assert not alone.written
    assert "3 height" in alone.diagnostics[0].message
    stepped = write(document, dict.fromkeys(both, 521))
    assert "520" in stepped.diagnostics[0].message
    assert shared_inputs(document, CONVERTER) == {
        ("2", "width"): (("3", "height"),),
        ("3", "height"): (("2", "width"),),
    }


def test_links_are_left_alone() -> None:
    nodes = [
        node(1, "Whole", [3, "fixed"], outputs=[[1]]),
        node(2, "Blank", [8, 2, 3], {"width": 1}, ["width"]),
    ]
    document = graph(nodes, [(1, 1, 0, 2, 0)])
    for value in (16, ["1", 1]):
        made = write(document, {("2", "width"): value})
        assert made.workflow == document
        assert [d.code for d in made.diagnostics] == ["not_written"]


def _promoted(instances: list[dict[str, Any]], inner: list[Any] | None = None) -> dict[str, Any]:
    definition = subgraph(
        "sub",
        inner
        or [
            node(5, "Blank", [16, 2, 3], {"width": 1}, ["width"]),
            node(6, "Blank", [24, 2, 3], {"width": 2}, ["width"]),
        ],
        [(1, -10, 0, 5, 0), (2, -10, 0, 6, 0)],
        [("width", "INT", [1, 2])],
    )
    return with_subgraphs(graph(instances), definition)


def test_an_instance_owns_its_values() -> None:
    document = _promoted([node(10, "sub", [32]), node(11, "sub", [40])])
    made = write(document, {("10:5", "width"): 48, ("10:6", "width"): 48})
    assert [values(made.workflow, i) for i in (0, 1)] == [[48], [40]]
    assert made.workflow["definitions"] == document["definitions"]
    # what is not promoted is in the definition, which both share
    alone = write(document, {("10:5", "height"): 9})
    assert "11:5 height" in alone.diagnostics[0].message
    made = write(document, {("10:5", "height"): 9, ("11:5", "height"): 9})
    assert made.workflow["definitions"]["subgraphs"][0]["nodes"][0]["widgets_values"] == [16, 9, 3]


def test_the_inner_widgets_of_a_lone_instance_say_the_same() -> None:
    """Frontends before 1.46 read the inner widget, later ones the instance."""
    document = _promoted([node(10, "sub", [32])])
    made = write(document, {("10:5", "width"): 48, ("10:6", "width"): 48})
    assert values(made.workflow) == [48]
    inner = made.workflow["definitions"]["subgraphs"][0]["nodes"]
    assert [n["widgets_values"] for n in inner] == [[48, 2, 3], [48, 2, 3]]


def test_a_copy_that_would_change_another_value_is_left_as_it_is() -> None:
    inner = [
        node(5, "Blank", [16, 2, 3], {"width": 1}, ["width"], properties={"Node name for S&R": "Inner"}),
        node(6, "Blank", [24, 2, 3], {"width": 2}, ["width"]),
    ]
    document = _promoted([node(10, "sub", [32])], inner)
    replaced = {"Run widget replace on values": True}
    document["nodes"] += [
        node(20, "PrimitiveNode", ["%Inner.width%"], outputs=[[1]], properties=replaced),
        node(21, "Note2", ["16"], {"text": 1}, ["text"]),
    ]
    document["links"] = [[1, 20, 0, 21, 0, "STRING"]]
    made = write(document, {("10:5", "width"): 48, ("10:6", "width"): 48})
    assert values(made.workflow) == [48]
    assert made.workflow["definitions"] == document["definitions"]


def test_an_inner_widget_owns_a_promoted_value_beside_proxy_widgets() -> None:
    proxies = {"proxyWidgets": [["6", "height"], ["5", "width"], ["-1", "width"]]}
    document = _promoted([node(10, "sub", [2, 16, 16], properties=proxies)])
    made = write(document, {("10:5", "width"): 48, ("10:6", "width"): 48, ("10:6", "height"): 7})
    inner = made.workflow["definitions"]["subgraphs"][0]["nodes"]
    assert [n["widgets_values"] for n in inner] == [[48, 2, 3], [48, 7, 3]]
    assert values(made.workflow) == [7, 48, 48]


def test_nested_subgraphs_and_renumbered_ids() -> None:
    inside = subgraph(
        "in", [node(1, "Blank", [8, 2, 3], {"width": 1}, ["width"])], [(1, -10, 0, 1, 0)], [("w", "INT", [1])]
    )
    outside = subgraph("out", [node(2, "in", [64], {"w": 1})], [(1, -10, 0, 2, 0)], [("w", "INT", [1])])
    document = with_subgraphs(graph([node(1, "out", [72])]), inside, outside)
    key = next((i, "width") for i in prompt_of(document))
    assert values(write(document, {key: 80}).workflow) == [80]
    document["nodes"][0]["widgets_values"] = []
    made = write(document, {key: 80})
    assert made.workflow["definitions"]["subgraphs"][1]["nodes"][0]["widgets_values"] == [80]


def test_group_nodes_keep_values_on_the_instance() -> None:
    group = {"nodes": [node(0, "Sample", [1, "fixed", 2]), node(1, "Note2", ["t"])], "links": []}
    saved = [5, "fixed", 30, 7.0, "flat", "hi"]
    document = graph([node(9, "workflow>g", saved)], extra={"groupNodes": {"g": group}})
    made = write(document, {("9:0", "steps"): 31, ("9:1", "text"): "ho"})
    assert values(made.workflow) == [5, "fixed", 31, 7.0, "flat", "ho"]
    short = graph([node(9, "workflow>g", [5])], extra={"groupNodes": {"g": group}})
    made = write(short, {("9:1", "text"): "ho"})
    assert made.workflow["extra"]["groupNodes"]["g"]["nodes"][1]["widgets_values"] == ["ho"]


def test_what_cannot_be_written_is_said_and_the_rest_is_written() -> None:
    document = graph([node(1, "Note2", ["a"]), node(2, "ImageCompare")], groups=[{"title": "x"}], unknown=[1])
    made = write(
        document,
        {
            ("1", "text"): "b",
            ("1", "nothing"): 1,
            ("7", "text"): "c",
            ("2", "compare_view"): {"__value__": ["x", "y"]},
        },
    )
    assert made.written == {("1", "text")}
    assert [(d.node_id, d.input) for d in made.diagnostics] == [
        ("1", "nothing"),
        ("7", "text"),
        ("2", "compare_view"),
    ]
    assert {k: v for k, v in made.workflow.items() if k != "nodes"} == {
        k: v for k, v in document.items() if k != "nodes"
    }
    made.workflow["groups"][0]["title"] = "y"
    assert document["groups"] == [{"title": "x"}]


def test_not_a_workflow() -> None:
    for function in (lambda d: write_back(d, {}, CONVERTER), lambda d: shared_inputs(d, CONVERTER)):
        with pytest.raises(WorkflowError):
            function({"1": {"class_type": "Note2"}})


def _other(value: Any) -> Any:
    match value:
        case bool():
            return not value
        case int():
            return value + 8
        case float():
            return value + 0.5
        case str():
            return value + " x"
        case {"__value__": list(listed)}:
            return {**value, "__value__": [*listed, "x"]}
    return {"was": value}


def _literals(prompt: dict[str, Any], converter: Converter) -> dict[Key, Any]:
    """Another value for every literal but the choices of dynamic combos."""
    found = {}
    for node_id, entry in prompt.items():
        definition = converter.definitions.get(entry["class_type"])
        dynamic = {s.name for s in definition.declared if s.type == DYNAMIC_COMBO} if definition else set()
        for name, value in entry["inputs"].items():
            parent = name in dynamic or any(other.startswith(f"{name}.") for other in entry["inputs"])
            if not isinstance(value, list) and not parent:
                found[node_id, name] = _other(value)
    return found


@FEW
@given(DOCUMENTS, st.randoms(use_true_random=False))
def test_any_document_is_written_to_or_said_why_not(document: dict[str, Any], rng: random.Random) -> None:
    changes = _literals(prompt_of(document), CONVERTER)
    changes = {key: value for key, value in changes.items() if rng.random() < 0.7}
    made = write_back(document, changes, CONVERTER, now=NOW)
    refused = {(d.node_id, d.input) for d in made.diagnostics if d.code == "not_written"}
    assert changes.keys() >= made.written
    assert not refused & made.written
    after = prompt_of(made.workflow)
    for node_id, name in made.written:
        if name != "filename_prefix":
            assert same(after[node_id]["inputs"][name], changes[node_id, name])


@FEW
@given(JSON, st.dictionaries(st.tuples(st.text(max_size=2), st.text(max_size=2)), JSON, max_size=3))
def test_any_json(value: Any, changes: dict[Key, Any]) -> None:
    for document in (value, {"nodes": value}, graph([node(1, "Resize", value), node(2, "Sample", value)])):
        more = changes | {("1", "how"): value, ("2", "seed"): value}
        try:
            write_back(document, more, CONVERTER)
            shared_inputs(document, CONVERTER)
        except WorkflowError:
            assert not isinstance(document, dict) or not isinstance(document.get("nodes"), list)


@FEW
@given(st.sampled_from(sorted(INFO)), st.lists(JSON, max_size=8))
def test_every_class_with_any_values(kind: str, saved: list[Any]) -> None:
    document = json.loads(
        json.dumps(graph([node(1, kind, saved)])).replace("NaN", "1").replace("Infinity", "1")
    )
    write(document, {k: v for k, v in _literals(prompt_of(document), CONVERTER).items() if "%" not in str(v)})


@pytest.mark.skipif(not TRUTH.is_dir(), reason=f"the server's node classes are not at {TRUTH}")
def test_all_templates() -> None:
    package = pytest.importorskip("comfyui_workflow_templates_json")
    converter = Converter(json.loads((TRUTH / "object_info-0.26.0.json").read_text()))
    rng, wanted, written, single = random.Random(1), 0, 0, [0, 0]
    for path in sorted((Path(package.__file__).parent / "templates").glob("*.json")):
        document = json.loads(path.read_text())
        if not isinstance(document, dict) or not isinstance(document.get("nodes"), list):
            continue
        changes = _literals(prompt_of(document, converter), converter)
        wanted += len(changes)
        written += len(write(document, changes, converter).written)
        if changes:
            key = rng.choice(sorted(changes))
            single[0] += 1
            single[1] += len(write(document, {key: changes[key]}, converter).written)
    assert written / wanted > 0.99
    assert single[1] / single[0] > 0.96  # the rest is kept once for several inputs, or not at all
