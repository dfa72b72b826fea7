"""Subgraphs and group nodes: graph-to-prompt, sections 9, 13 and 14."""

from __future__ import annotations

from typing import Any

import pytest
from convert_graphs import codes, converted, graph, inputs, node, subgraph, with_subgraphs

from comfy_tui.workflow.conversion.load import DEPTH_LIMIT

SAVE = node(3, "SaveImage", ["p"], {"images": 2})
PLAIN = subgraph(
    "plain",
    [node(5, "Invert", None, {"picture": 1})],
    [(1, -10, 0, 5, 0), (2, 5, 0, -20, 0)],
    [("pic", "PICTURE", [1])],
    [("out", "PICTURE", [2])],
)
SIZED = subgraph(
    "sized",
    [node(5, "Blank", [256, 320, 2], {"width": 1}, ["width"])],
    [(1, -10, 0, 5, 0), (2, 5, 0, -20, 0)],
    [("width", "INT", [1])],
    [("out", "PICTURE", [2])],
)


def plain(**more: Any) -> dict[str, Any]:
    nodes = [
        node(1, "Blank", outputs=[[1]]),
        node(10, "plain", None, {"pic": 1}, outputs=[[2]], **more),
        SAVE,
    ]
    return with_subgraphs(graph(nodes, [(1, 1, 0, 10, 0), (2, 10, 0, 3, 0)]), PLAIN)


def sized(values: Any = None, link: int | None = None, **more: Any) -> dict[str, Any]:
    instance = node(10, "sized", values, {"width": link}, ["width"], **more)
    source = node(1, "Whole", [7, "fixed"], mode=2)
    return with_subgraphs(graph([source, instance], [(1, 1, 0, 10, 0)]), SIZED)


def test_inner_nodes_get_path_ids_and_links_cross_the_panels() -> None:
    prompt = converted(plain()).prompt
    assert prompt.keys() == {"1", "3", "10:5"}
    assert prompt["10:5"]["inputs"] == {"picture": ["1", 0]}
    assert prompt["3"]["inputs"]["images"] == ["10:5", 0]


def test_a_muted_or_bypassed_instance_at_the_root_has_no_inner_nodes() -> None:
    assert converted(plain(mode=2)).prompt.keys() == {"1", "3"}
    assert "images" not in inputs(plain(mode=2), "3")
    assert inputs(plain(mode=4), "3")["images"] == ["1", 0]


@pytest.mark.parametrize("mode", [2, 4])
def test_a_nested_instance_is_emitted_in_every_mode(mode: int) -> None:
    outer = subgraph(
        "outer",
        [node(20, "plain", None, {"pic": 11}, mode=mode)],
        [(11, -10, 0, 20, 0), (12, 20, 0, -20, 0)],
        [("pic", "PICTURE", [11])],
        [("out", "PICTURE", [12])],
    )
    document = plain()
    document["nodes"][1]["type"] = "outer"
    document = with_subgraphs(document, outer, PLAIN)
    assert converted(document).prompt.keys() == {"1", "3", "10:20:5"}
    assert inputs(document, "3").get("images") == (["1", 0] if mode == 4 else None)


def test_inner_modes() -> None:
    for mode, wanted in ((2, None), (4, ["1", 0])):
        document = plain()
        document["definitions"] = {"subgraphs": [PLAIN | {"nodes": [PLAIN["nodes"][0] | {"mode": mode}]}]}
        assert inputs(document, "3").get("images") == wanted


def test_instance_inputs_match_by_name_not_order() -> None:
    document = plain()
    extra = [{"name": "gone", "type": "*", "link": None}]
    document["nodes"][1]["inputs"] = extra + document["nodes"][1]["inputs"]
    assert inputs(document, "10:5") == {"picture": ["1", 0]}


def test_a_renamed_input_is_matched_by_position_with_a_warning() -> None:
    document = plain()
    document["nodes"][1]["inputs"] = [{"name": "old", "type": "PICTURE", "link": 1}]
    assert inputs(document, "10:5") == {"picture": ["1", 0]}
    assert codes(document) == ["renamed_input"]


def test_an_input_that_is_gone_loses_its_link_with_a_warning() -> None:
    document = plain()
    document["nodes"][1]["inputs"] = [{"name": "old", "type": "MODEL", "link": 1}]
    assert inputs(document, "10:5") == {}
    assert codes(document) == ["lost_link"]


def test_an_output_without_link_ids_gives_nothing() -> None:
    document = plain()
    document["definitions"]["subgraphs"] = [
        PLAIN | {"outputs": [{"name": "out", "type": "PICTURE", "linkIds": []}]}
    ]
    assert "images" not in inputs(document, "3")


def test_an_input_that_passes_straight_through_is_followed() -> None:
    through = subgraph(
        "plain", [], [(1, -10, 0, -20, 0)], [("pic", "PICTURE", [1])], [("out", "PICTURE", [1])]
    )
    assert inputs(with_subgraphs(plain(), through), "3")["images"] == ["1", 0]


def test_a_missing_definition_is_a_missing_type() -> None:
    assert codes(with_subgraphs(plain(), SIZED)) == ["missing_node_type"]


class TestPromotedValues:
    def test_the_instance_owns_them_where_it_has_values(self) -> None:
        assert inputs(sized([111]), "10:5") == {"width": 111, "height": 320, "count": 2}

    @pytest.mark.parametrize("values", [None, []])
    def test_else_the_inner_widget_does(self, values: Any) -> None:
        assert inputs(sized(values), "10:5")["width"] == 256

    def test_proxy_widgets_mean_the_inner_widget(self) -> None:
        assert inputs(sized([111], properties={"proxyWidgets": [["5", "width"]]}), "10:5")["width"] == 256

    def test_an_outer_link_that_gives_nothing_falls_back_to_the_inner_value(self) -> None:
        assert inputs(sized([111], link=1), "10:5")["width"] == 256

    def test_instances_are_independent(self) -> None:
        nodes = [node(10, "sized", [1], {"width": None}), node(11, "sized", [2], {"width": None})]
        prompt = converted(with_subgraphs(graph(nodes), SIZED)).prompt
        assert [prompt[key]["inputs"]["width"] for key in ("10:5", "11:5")] == [1, 2]

    def _fan(self) -> dict[str, Any]:
        inner = [
            node(5, "Blank", [1], {"width": 1}, ["width"]),
            node(6, "Blank", [2], {"width": 2}, ["width"]),
            node(7, "Forced", None, {"box": 3}),
        ]
        links = [(1, -10, 0, 5, 0), (2, -10, 0, 6, 0), (3, -10, 0, 7, 0)]
        return subgraph("fan", inner, links, [("w", "INT", [3, 2, 1])])

    def test_the_first_widget_by_link_order_gives_the_value_of_all(self) -> None:
        prompt = converted(with_subgraphs(graph([node(10, "fan", None, {"w": None})]), self._fan())).prompt
        assert [prompt[f"10:{key}"]["inputs"]["width"] for key in (5, 6)] == [2, 2]
        assert prompt["10:7"]["inputs"]["box"] == 2

    def test_the_shared_value_is_copied_into_all_inner_widgets(self) -> None:
        nodes = [node(10, "fan", None, {"w": 1}), node(1, "Whole", [7, "fixed"], mode=2)]
        prompt = converted(with_subgraphs(graph(nodes, [(1, 1, 0, 10, 0)]), self._fan())).prompt
        assert [prompt[f"10:{key}"]["inputs"]["width"] for key in (5, 6)] == [2, 2]

    def test_inputs_without_a_widget_take_no_position(self) -> None:
        both = subgraph(
            "both",
            [node(5, "Blend", [0.5], {"one": 1, "by": 2}, ["by"])],
            [(1, -10, 0, 5, 0), (2, -10, 1, 5, 2)],
            [("pic", "PICTURE", [1]), ("by", "FLOAT", [2])],
        )
        document = with_subgraphs(graph([node(10, "both", [0.25], {"pic": None, "by": None})]), both)
        assert inputs(document, "10:5") == {"by": 0.25}

    def test_an_inner_type_that_the_server_lacks_still_takes_its_position(self) -> None:
        two = subgraph(
            "two",
            [
                node(5, "Gone", [1], {"a": 1}, ["a"]),
                node(6, "Note2", ["x"], {"text": 2, "new": 3}, ["text", "new"]),
            ],
            [(1, -10, 0, 5, 0), (2, -10, 2, 6, 0), (3, -10, 1, 6, 1)],
            [("a", "INT", [1]), ("new", "INT", [3]), ("text", "STRING", [2])],
        )
        saved = {"a": None, "new": None, "text": None}
        document = with_subgraphs(graph([node(10, "two", [5, 6, "mine"], saved, saved)]), two)
        assert inputs(document, "10:6")["text"] == "mine"
        assert inputs(document, "10:5") == {"a": 5}

    def test_through_two_levels(self) -> None:
        outer = subgraph(
            "outer",
            [node(20, "sized", [902], {"width": 11}, ["width"])],
            [(11, -10, 0, 20, 0)],
            [("w", "INT", [11])],
        )
        for values, wanted in (([901], 901), (None, 902)):
            document = with_subgraphs(graph([node(10, "outer", values, {"w": None}, ["w"])]), outer, SIZED)
            assert inputs(document, "10:20:5")["width"] == wanted

    def test_promoted_texts_are_sent_as_they_are(self) -> None:
        texts = subgraph(
            "texts",
            [node(5, "Encode", ["in {b|b}"], {"text": 1}, ["text"])],
            [(1, -10, 0, 5, 0)],
            [("text", "STRING", [1])],
        )
        document = with_subgraphs(graph([node(10, "texts", None, {"text": None})]), texts)
        assert inputs(document, "10:5")["text"] == "in {b|b}"


class TestPrimitives:
    def test_inside(self) -> None:
        inner = [node(6, "PrimitiveNode", [1234, "fixed"], outputs=[[1]]), SIZED["nodes"][0]]
        made = subgraph("sized", inner, [(1, 6, 0, 5, 0)])
        assert inputs(with_subgraphs(graph([node(10, "sized")]), made), "10:5")["width"] == 1232

    def test_through_the_instance(self) -> None:
        document = sized(link=1)
        document["nodes"][0] = node(1, "PrimitiveNode", [64, "fixed"], outputs=[[1]])
        assert inputs(document, "10:5")["width"] == 64


class TestRenumbering:
    def test_inner_ids_that_are_taken_move_above_the_highest(self) -> None:
        document = plain() | {"last_node_id": 40}
        document["nodes"].append(node(5, "Blank"))
        assert converted(document).prompt.keys() == {"1", "3", "5", "10:41"}
        assert inputs(document, "3")["images"] == ["10:41", 0]

    def test_the_second_definition_gives_way_to_the_first(self) -> None:
        document = plain() | {"last_node_id": 60}
        document["nodes"].append(node(11, "sized"))
        assert converted(with_subgraphs(document, PLAIN, SIZED)).prompt.keys() == {"1", "3", "10:5", "11:61"}


def test_warnings_name_the_node_by_its_id_in_the_prompt() -> None:
    document = plain()
    document["definitions"]["subgraphs"] = [PLAIN | {"nodes": [PLAIN["nodes"][0] | {"widgets_values": [1]}]}]
    (found,) = converted(document).diagnostics
    assert (found.code, found.node_id, found.class_type) == ("surplus_values", "10:5", "Invert")
    document["nodes"][1]["mode"] = 2
    assert converted(document).diagnostics == ()


class TestHostile:
    def test_a_subgraph_in_itself(self) -> None:
        inner = subgraph("self", [node(5, "self"), node(6, "Blank")], [])
        document = with_subgraphs(graph([node(10, "self")]), inner)
        assert converted(document).prompt.keys() == {"10:6"}
        assert codes(document) == ["subgraph_cycle"]

    def test_a_circle_of_two(self) -> None:
        one, two = subgraph("one", [node(5, "two")], []), subgraph("two", [node(6, "one")], [])
        assert codes(with_subgraphs(graph([node(10, "one")]), one, two)) == ["subgraph_cycle"]

    def test_too_deep(self) -> None:
        levels = [subgraph(f"s{n}", [node(5, f"s{n + 1}")], []) for n in range(5 * DEPTH_LIMIT)]
        assert "subgraph_too_deep" in codes(with_subgraphs(graph([node(10, "s0")]), *levels))

    def test_a_bomb_is_stopped(self) -> None:
        levels = [subgraph(f"s{n}", [node(i, f"s{n + 1}") for i in range(9)], []) for n in range(20)]
        assert "too_many_nodes" in codes(with_subgraphs(graph([node(10, "s0")]), *levels))


GROUP = {
    "nodes": [
        {"type": "Blank", "inputs": [], "outputs": [], "widgets_values": [512, 512, 1]},
        {"type": "Blend", "inputs": [], "outputs": [], "title": "Mix", "widgets_values": [0.5]},
        {"type": "Blend", "inputs": [], "outputs": [], "title": "Second", "widgets_values": [0.5]},
    ],
    "links": [[0, 0, 1, 0, 1, "PICTURE"], [1, 0, 2, 0, 2, "PICTURE"]],
    "external": [[1, 0, "PICTURE"]],
}


class TestGroupNode:
    def _document(self, mode: int = 0, kind: str = "workflow>Grp") -> dict[str, Any]:
        saved = {"two": 1, "Second two": 5}
        nodes = [
            node(1, "Blank", outputs=[[1]]),
            node(10, kind, [64, 65, 2, 0.75, 0.25], saved, outputs=[[2]], mode=mode),
            node(3, "Stack", None, {"pictures.p0": 2, "pictures.p1": 3}),
        ]
        links = [(1, 1, 0, 10, 0), (5, 1, 0, 10, 1), (2, 10, 0, 3, 0), (3, 10, 1, 3, 1)]
        return graph(nodes, links, extra={"groupNodes": {"Grp": GROUP}})

    @pytest.mark.parametrize("kind", ["workflow>Grp", "workflow/Grp"])
    def test_values_inputs_and_outputs(self, kind: str) -> None:
        prompt = converted(self._document(kind=kind)).prompt
        assert {key: entry["inputs"] for key, entry in prompt.items() if ":" in key} == {
            "10:0": {"width": 64, "height": 65, "count": 2},
            "10:1": {"by": 0.75, "one": ["10:0", 0], "two": ["1", 0]},
            "10:2": {"by": 0.25, "one": ["10:1", 0], "two": ["1", 0]},
        }
        assert prompt["3"]["inputs"] == {"pictures.p0": ["10:1", 0], "pictures.p1": ["10:2", 0]}

    def test_muted(self) -> None:
        assert converted(self._document(2)).prompt.keys() == {"1", "3"}

    def test_bypassed_by_exact_type_only(self) -> None:
        assert inputs(self._document(4), "3") == {"pictures.p0": ["1", 0], "pictures.p1": ["1", 0]}

    def test_without_a_group_it_is_a_missing_type(self) -> None:
        assert codes(graph([node(1, "workflow>Other")])) == ["missing_node_type"]
