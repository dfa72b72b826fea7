"""Whatever a file holds, a conversion ends with diagnostics or a WorkflowError, and in linear time."""

from __future__ import annotations

import json
import random
import time
from typing import Any

import pytest
from convert_graphs import INFO, converted, graph, node, subgraph, with_subgraphs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from comfy_tui.errors import WorkflowError
from comfy_tui.workflow import convert, next_values, parse_workflow

SCALARS = st.none() | st.booleans() | st.integers(-20, 20) | st.floats() | st.text(max_size=3) | st.integers()
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=6,
)
IDS = st.integers(-20, 6) | st.sampled_from([-10, -20, "1", "g0", 1.0, None])
TYPES = st.sampled_from(
    [*INFO, "PrimitiveNode", "Reroute", "SetNode", "GetNode", "sub", "sub2", "Gone", "workflow>g", ""]
)
NAMES = st.sampled_from(["picture", "seed", "how", "how.by", "pictures.p1", "text", "one", "w", ""])


def mixed(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly what belongs there, sometimes anything."""
    return st.one_of(good, good, good, JSON)


PORTS = st.fixed_dictionaries(
    {},
    optional={
        "name": mixed(NAMES),
        "type": mixed(st.sampled_from(["*", "PICTURE", "INT"])),
        "link": mixed(IDS),
        "links": mixed(st.lists(IDS, max_size=3)),
        "linkIds": mixed(st.lists(IDS, max_size=3)),
        "widget": mixed(st.fixed_dictionaries({"name": mixed(NAMES)})),
    },
)
NODES = st.fixed_dictionaries(
    {"id": mixed(IDS), "type": mixed(TYPES)},
    optional={
        "mode": mixed(st.sampled_from([0, 2, 4])),
        "inputs": mixed(st.lists(mixed(PORTS), max_size=3)),
        "outputs": mixed(st.lists(mixed(PORTS), max_size=2)),
        "widgets_values": JSON | st.lists(JSON, max_size=6),
        "widgets_values_named": JSON,
        "properties": JSON | st.just({"proxyWidgets": [["1", "w"]], "Run widget replace on values": True}),
        "title": JSON,
    },
)
LINKS = st.lists(IDS, min_size=5, max_size=6) | st.fixed_dictionaries(
    {"id": IDS, "origin_id": IDS, "origin_slot": IDS, "target_id": IDS, "target_slot": IDS}
)
BODY: dict[str, Any] = {
    "nodes": mixed(st.lists(mixed(NODES), max_size=4)),
    "links": mixed(st.lists(mixed(LINKS), max_size=5)),
}
SUBGRAPHS = st.fixed_dictionaries(
    BODY | {"id": st.sampled_from(["sub", "sub2"])},
    optional={
        "inputs": mixed(st.lists(mixed(PORTS), max_size=2)),
        "outputs": mixed(st.lists(mixed(PORTS), max_size=2)),
        "definitions": JSON,
    },
)
GROUPS = st.fixed_dictionaries(
    {}, optional={"nodes": BODY["nodes"], "links": BODY["links"], "external": JSON, "config": JSON}
)
DOCUMENTS = st.fixed_dictionaries(
    BODY | {"nodes": st.lists(mixed(NODES), max_size=5)},
    optional={
        "last_node_id": JSON,
        "state": JSON,
        "version": JSON,
        "definitions": mixed(
            st.fixed_dictionaries({"subgraphs": mixed(st.lists(mixed(SUBGRAPHS), max_size=3))})
        ),
        "extra": mixed(
            st.fixed_dictionaries({"groupNodes": mixed(st.fixed_dictionaries({"g": mixed(GROUPS)}))})
        ),
    },
)
FEW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@FEW
@given(DOCUMENTS)
def test_odd_documents_convert_to_a_sound_prompt(document: dict[str, Any]) -> None:
    made = converted(document)
    text = json.dumps(made.prompt, allow_nan=False)
    for entry in json.loads(text).values():
        assert isinstance(entry["class_type"], str)
        for value in entry["inputs"].values():
            if isinstance(value, list):  # any bare list is a link to a node that is there
                assert value[0] in made.prompt
                assert isinstance(value[1], int)
    next_values(made.prompt, made.workflow, made.controls, random.Random(0))
    assert json.dumps(converted(document).prompt) == text


@FEW
@given(JSON)
def test_any_json_is_a_workflow_or_a_workflow_error(value: Any) -> None:
    for wrapped in (value, {"nodes": value}, {"nodes": [value], "links": value, "definitions": value}):
        try:
            found = parse_workflow(json.dumps(wrapped))
        except WorkflowError:
            continue
        if found.graph is not None:
            converted(found.graph)


@FEW
@given(
    st.dictionaries(
        st.sampled_from(["A", "B"]),
        JSON
        | st.fixed_dictionaries(
            {},
            optional={
                "input": mixed(
                    st.fixed_dictionaries(
                        {
                            "required": mixed(
                                st.dictionaries(
                                    NAMES,
                                    mixed(
                                        st.tuples(
                                            mixed(
                                                st.sampled_from(
                                                    [
                                                        "INT",
                                                        "FLOAT",
                                                        "COMBO",
                                                        "COMFY_AUTOGROW_V3",
                                                        "COMFY_DYNAMICCOMBO_V3",
                                                        "COMFY_MATCHTYPE_V3",
                                                    ]
                                                )
                                            ),
                                            JSON
                                            | st.fixed_dictionaries(
                                                {},
                                                optional={
                                                    k: JSON
                                                    for k in (
                                                        "default",
                                                        "min",
                                                        "max",
                                                        "step",
                                                        "round",
                                                        "options",
                                                        "template",
                                                        "remote",
                                                        "control_after_generate",
                                                    )
                                                },
                                            ),
                                        ).map(list)
                                    ),
                                    max_size=3,
                                )
                            )
                        }
                    )
                ),
                "input_order": JSON,
                "output": JSON,
                "display_name": JSON,
            },
        ),
        max_size=2,
    ),
    st.lists(JSON, max_size=4),
)
def test_odd_definitions_do_not_raise(info: dict[str, Any], values: list[Any]) -> None:
    nodes = [
        node(1, "PrimitiveNode", [3.7, "fixed"], outputs=[[1]]),
        node(2, "A", values, {"w": 1}),
        node(3, "B", values),
    ]
    made = convert(graph(nodes, [(1, 1, 0, 2, 0)]), info)
    next_values(made.prompt, made.workflow, made.controls, random.Random(0))


def test_values_too_deep_for_the_machine_are_a_workflow_error() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(WorkflowError):
        converted(graph([node(1, "Note2", [value])]))


def _chain(count: int, kind: str, **more: Any) -> dict[str, Any]:
    """Sources of one kind in a row, each of which also feeds a consumer of its own."""
    nodes, links = [node(0, "Blank")], []
    for n in range(1, count):
        nodes.append(node(n, kind, None, {"picture": n}, **more))
        nodes.append(node(count + n, "Invert", None, {"picture": count + n}))
        links += [(n, n - 1, 0, n, 0), (count + n, n, 0, count + n, 0)]
    return graph(nodes, links)


def _nested(count: int) -> dict[str, Any]:
    inner = subgraph(
        "s",
        [node(5, "Invert", None, {"picture": 1})],
        [(1, -10, 0, 5, 0), (2, 5, 0, -20, 0)],
        [("p", "PICTURE", [1])],
        [("o", "PICTURE", [2])],
    )
    nodes = [node(n, "s", None, {"p": n}) for n in range(100, 100 + count)]
    return with_subgraphs(graph(nodes, [(n, n - 1, 0, n, 0) for n in range(100, 100 + count)]), inner)


@pytest.mark.parametrize(
    "make",
    [
        lambda n: _chain(n, "Reroute"),
        lambda n: _chain(n, "Invert", mode=4),
        lambda n: _chain(n, "Gone"),
        _nested,
    ],
)
def test_time_grows_with_size_only(make: Any) -> None:
    def seconds(document: dict[str, Any]) -> float:
        took = []
        for _ in range(3):
            started = time.perf_counter()
            converted(document)
            took.append(time.perf_counter() - started)
        return min(took)

    small, large = seconds(make(300)), seconds(make(3000))
    assert large < 10 * small * 4 + 0.1
