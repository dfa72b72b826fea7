"""The outline: execution order, subgraphs folded, links and values in a few words."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from convert_graphs import CONVERTER, converted, graph, node, subgraph, with_subgraphs
from hypothesis import given
from hypothesis import strategies as st
from test_convert_property import DOCUMENTS, FEW, JSON

from comfy_tui.workflow import Converter, Outline, OutlineNode, outline_of
from comfy_tui.workflow.outline import MAX_INPUTS, NodeState, short

TRUTH = Path(__file__).resolve().parents[3] / "shared" / "truth"


def outlined(document: dict[str, Any], **more: Any) -> Outline:
    return outline_of(converted(document).prompt, document, CONVERTER.definitions, **more)


def ids(outline: Outline, unfolded: Any = None) -> list[str]:
    return [line.node.id for line in outline.lines(unfolded)]


def entry(kind: str, title: str = "", **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs} | ({"_meta": {"title": title}} if title else {})


def test_a_prompt_in_execution_order() -> None:
    prompt = {
        "1": entry("SaveImage", "Keep", images=["3", 0], filename_prefix="out"),
        "2": entry("Blank", "Empty", width=512, note="a\n  b"),
        "3": entry("Invert", picture=["2", 0], gone=["9", 1]),
    }
    outline = outline_of(prompt, definitions=CONVERTER.definitions)
    assert ids(outline) == ["2", "3", "1"]
    empty, invert, keep = outline.nodes
    assert [(v.name, v.text) for v in empty.values] == [("width", "512"), ("note", "a b")]
    assert (invert.title, invert.class_type) == ("Invert", "Invert")
    assert [link.text for link in invert.links] == ["← 2:0 Empty · PICTURE", "← 9:1"]
    assert [link.text for link in keep.links] == ["← 3:0 Invert · PICTURE"]
    assert ids(outline_of(prompt)) == ["2", "3", "1"]


def test_a_cycle_is_shown_once() -> None:
    prompt = {"1": entry("A", x=["2", 0]), "2": entry("B", x=["1", 0]), "3": entry("C", x=["3", 0])}
    assert sorted(ids(outline_of(prompt))) == ["1", "2", "3"]


def _nested() -> dict[str, Any]:
    inner = subgraph(
        "in",
        [node(3, "Invert", None, {"picture": 1}), node(4, "Blank")],
        [(1, -10, 0, 3, 0), (2, 3, 0, -20, 0)],
        [("p", "PICTURE", [1])],
        [("o", "PICTURE", [2])],
    )
    outer = subgraph(
        "out",
        [node(6, "in", None, {"p": 1}, outputs=[[2]]), node(7, "Note", ["words"])],
        [(1, -10, 0, 6, 0), (2, 6, 0, -20, 0)],
        [("p", "PICTURE", [1])],
        [("o", "PICTURE", [2])],
    )
    nodes = [
        node(1, "SaveImage", ["x"], {"images": 2}),
        node(2, "out", None, {"p": 1}, outputs=[[2]], title="Turn round"),
        node(5, "Blank", outputs=[[1]]),
    ]
    return with_subgraphs(graph(nodes, [(1, 5, 0, 2, 0), (2, 2, 0, 1, 0)]), outer, inner)


def test_subgraphs_are_folded() -> None:
    outline = outlined(_nested())
    lines = [(line.depth, line.node.id, line.node.title, line.folded) for line in outline.lines()]
    assert lines == [(0, "5", "Blank", False), (0, "2", "Turn round", True), (0, "1", "SaveImage", False)]
    assert outline.nodes[1].inner_count == 3
    assert ids(outline, {"2"}) == ["5", "2", "2:6", "1"]
    assert ids(outline) == ["5", "2", "2:6", "2:6:3", "2:6:4", "1"]
    assert [line.depth for line in outline.lines(None)] == [0, 0, 1, 2, 2, 0]
    assert outline.path_to("2:6:3") == ("2", "2:6")
    assert outline.path_to("5") == outline.path_to("no") == ()
    assert outline.nodes[2].links[0].text == "← 2:6:3:0 Invert · PICTURE"


def test_muted_and_bypassed_nodes_have_their_place() -> None:
    nodes = [
        node(1, "SaveImage", ["x"], {"images": 2}),
        node(2, "Invert", None, {"picture": 1}, outputs=[[2]], mode=4),
        node(3, "Blank", outputs=[[1]]),
        node(4, "Blank", mode=2, title="Off"),
        node(5, "MarkdownNote", ["hello"]),
    ]
    outline = outlined(graph(nodes, [(1, 3, 0, 2, 0), (2, 2, 0, 1, 0)]))
    assert [(n.id, n.state) for n in outline.nodes] == [
        ("3", NodeState.ACTIVE),
        ("4", NodeState.MUTED),
        ("2", NodeState.BYPASSED),
        ("1", NodeState.ACTIVE),
    ]
    document = _nested()
    document["nodes"][1]["mode"] = 2
    assert {line.node.state for line in outlined(document).lines(None)} == {NodeState.ACTIVE, NodeState.MUTED}
    assert outlined(document).nodes[1].children[0].children[0].state is NodeState.MUTED


def test_ids_are_those_of_the_prompt_where_they_are_renumbered() -> None:
    definition = subgraph("s", [node(1, "Blank")], [])
    document = with_subgraphs(graph([node(1, "Blank"), node(2, "s")]), definition)
    assert ids(outlined(document)) == ["1", "2", *(i for i in converted(document).prompt if ":" in i)]


def test_group_nodes_are_groups_too() -> None:
    group = {"nodes": [node(0, "Blank"), node(1, "Invert")], "links": [[0, 0, 1, 0, 0, "PICTURE"]]}
    outline = outlined(graph([node(9, "workflow>g")], extra={"groupNodes": {"g": group}}))
    assert ids(outline) == ["9", "9:0", "9:1"]
    assert outline.nodes[0].is_group


def test_no_more_than_the_limit_is_shown() -> None:
    prompt = {str(n): entry("Blank", **{f"i{k}": k for k in range(100)}) for n in range(50)}
    outline = outline_of(prompt, limit=20)
    assert (len(outline.nodes), outline.left_out) == (20, 30)
    assert len(outline.nodes[0].values) == MAX_INPUTS
    document = graph([node(n, "Blank") for n in range(50)])
    assert outlined(document, limit=20).left_out == 30


def _doubling(depth: int) -> dict[str, Any]:
    """Subgraphs that hold the next one twice."""
    definitions = [
        subgraph(f"s{n}", [node(1, f"s{n + 1}"), node(2, f"s{n + 1}"), node(3, "Blank")], [])
        for n in range(depth)
    ]
    return with_subgraphs(
        graph([node(1, "s0"), node(2, "own")]), *definitions, subgraph("own", [node(3, "own")], [])
    )


def test_subgraphs_without_end_are_cut() -> None:
    started = time.perf_counter()
    outline = outline_of({}, _doubling(45), limit=300)
    assert len(ids(outline)) == 300
    assert outline.left_out > 0
    assert time.perf_counter() - started < 2


def test_a_long_chain_is_no_recursion() -> None:
    prompt = {str(n): entry("Invert", picture=[str(n + 1), 0]) for n in range(20_000)}
    started = time.perf_counter()
    outline = outline_of(prompt, limit=50_000)
    assert ids(outline) == [str(n) for n in reversed(range(20_000))]
    assert time.perf_counter() - started < 3


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (None, "null"),
        (1.5, "1.5"),
        ({"__value__": ["a", 1]}, '["a", 1]'),
        ("x" * 100, "x" * 59 + "…"),
        ({str(n): n for n in range(100)}, "{… 100 entries}"),
    ],
)
def test_values_in_a_few_characters(value: Any, text: str) -> None:
    assert short(value) == text


def _check(outline: Outline) -> None:
    def count(made: OutlineNode) -> int:
        return sum(1 + count(child) for child in made.children)

    for line in outline.lines(None):
        assert line.node.inner_count == count(line.node)
        assert isinstance(line.node.title, str)
    assert len(set(ids(outline))) == len(ids(outline))


@FEW
@given(DOCUMENTS, JSON)
def test_odd_documents(document: dict[str, Any], other: Any) -> None:
    prompt = converted(document).prompt
    outline = outline_of(prompt, document, CONVERTER.definitions)
    _check(outline)
    assert set(prompt) <= set(ids(outline))
    _check(outline_of({"1": other, "2": entry("Blank", a=other)}, document))


@FEW
@given(st.dictionaries(st.text(max_size=2), JSON, max_size=4), JSON)
def test_any_json(prompt: dict[str, Any], value: Any) -> None:
    _check(outline_of(prompt))
    for key in ("nodes", "links", "definitions", "extra"):
        _check(outline_of(prompt, {"nodes": [node(1, "s")], key: value}))


@pytest.mark.skipif(not TRUTH.is_dir(), reason=f"the server's node classes are not at {TRUTH}")
def test_all_templates_have_every_node_in_order() -> None:
    package = pytest.importorskip("comfyui_workflow_templates_json")
    converter = Converter(json.loads((TRUTH / "object_info-0.26.0.json").read_text()))
    for path in sorted((Path(package.__file__).parent / "templates").glob("*.json")):
        document = json.loads(path.read_text())
        if not isinstance(document, dict) or not isinstance(document.get("nodes"), list):
            continue
        prompt = converter.convert(document).prompt
        lines = list(outline_of(prompt, document, converter.definitions).lines(None))
        place = {line.node.id: at for at, line in enumerate(lines)}
        assert set(prompt) <= place.keys(), path.name
        for line in lines:
            assert all(place[link.node_id] < place[line.node.id] for link in line.node.links), path.name
