"""Formats of links, link resolution, primitives, order: graph-to-prompt, sections 2, 6, 8 to 11."""

from __future__ import annotations

import pytest
from convert_graphs import codes, converted, graph, inputs, node

from comfy_tui.errors import WorkflowError

SAVE = node(3, "SaveImage", ["p"], {"images": 2})
BLANK = node(1, "Blank", [64, 64, 1], outputs=[[1, 2]])


@pytest.mark.parametrize("version", [0.4, 1, "0.4", None])
def test_links_are_arrays_or_objects_whatever_the_version(version: object) -> None:
    link = {
        "id": 2,
        "origin_id": 1,
        "origin_slot": 0,
        "target_id": 3,
        "target_slot": 0,
        "type": "X",
        "parentId": 4,
    }
    for entry in (link, [2, 1, 0, 3, 0, "X"], [2, "1", "0", "3", "0", "X"]):
        assert inputs(graph([BLANK, SAVE], [entry], version=version), "3")["images"] == ["1", 0]


def test_text_ids() -> None:
    document = graph(
        [node("abc", "Blank"), node("7", "SaveImage", ["p"], {"images": 2})], [(2, "abc", 0, "7", 0)]
    )
    assert inputs(document, "7")["images"] == ["abc", 0]


def test_only_links_that_an_input_names_count() -> None:
    document = graph([BLANK, node(3, "SaveImage", ["p"], {"images": None})], [(2, 1, 0, 3, 0)])
    assert inputs(document, "3") == {"filename_prefix": "p"}
    assert codes(document) == ["unnamed_link"]


def test_target_slots_are_not_trusted_and_the_file_order_is_irrelevant() -> None:
    blend = node(3, "Blend", [0.5], {"two": 2, "one": 1})
    got = inputs(graph([BLANK, node(2, "Blank"), blend], [(1, 1, 0, 3, 9), (2, 2, 0, 3, 0)]), "3")
    assert got == {"by": 0.5, "one": ["1", 0], "two": ["2", 0]}


@pytest.mark.parametrize("links", [[], [(2, 99, 0, 3, 0)]])
def test_dangling_links_are_left_open_with_a_warning(links: list[tuple[int, ...]]) -> None:
    document = graph([SAVE], links)
    assert inputs(document, "3") == {"filename_prefix": "p"}
    assert codes(document) == ["dangling_link"]


def test_two_nodes_with_one_id_are_kept_apart() -> None:
    document = graph([BLANK, node(1, "Note2", ["x"]), SAVE], [(2, 1, 0, 3, 0)])
    prompt = converted(document).prompt
    assert {key: entry["class_type"] for key, entry in prompt.items()} == {
        "1": "Blank",
        "3": "SaveImage",
        "101": "Note2",
    }
    assert codes(document) == ["duplicate_node_id"]


def test_inputs_that_the_class_does_not_declare() -> None:
    saved = {"ghost": 2, "spook": 2}
    document = graph([BLANK, node(3, "SaveImage", ["p"], saved, ["spook"])], [(2, 1, 0, 3, 0)])
    assert inputs(document, "3") == {"filename_prefix": "p", "ghost": ["1", 0]}
    assert codes(document) == ["undeclared_input", "lost_link"]


@pytest.mark.parametrize("mode", [1, 3])
def test_other_modes_behave_like_always(mode: int) -> None:
    assert "1" in converted(graph([BLANK | {"mode": mode}])).prompt


def test_muted_nodes_feed_nothing_and_the_widget_keeps_its_value() -> None:
    nodes = [node(1, "Whole", [9, "fixed"], mode=2), node(2, "Blank", [64, 65, 1], {"height": 2}, ["height"])]
    document = graph(nodes, [(2, 1, 0, 2, 0)])
    assert converted(document).prompt.keys() == {"2"}
    assert inputs(document, "2")["height"] == 65


class TestBypass:
    def _through(self, bypassed: dict[str, object], target: dict[str, object] = SAVE) -> object:
        nodes = [node(1, "LoadPicture", ["a.png"]), bypassed, target]
        name = target["inputs"][0]["name"]  # type: ignore[index]
        return inputs(graph(nodes, [(1, 1, 0, 2, 0), (2, 2, 0, 3, 0), (4, 1, 1, 2, 0)]), "3").get(name)

    def test_same_index(self) -> None:
        assert self._through(node(2, "Invert", None, {"picture": 1}, mode=4)) == ["1", 0]

    def test_the_chosen_input_may_be_open(self) -> None:
        assert self._through(node(2, "Blend", None, {"two": 1}, mode=4)) is None

    def test_by_exact_type_when_the_index_does_not_fit(self) -> None:
        assert self._through(node(2, "Cut", None, {"picture": 1, "mask": 4}, mode=4)) == ["1", 0]

    def test_an_open_target_looks_at_the_index_only(self) -> None:
        show = node(3, "Show", None, {"source": 2})
        assert self._through(node(2, "Cut", None, {"picture": 1}, mode=4), show) is None
        assert self._through(node(2, "Cut", None, {"mask": 4}, mode=4), show) == ["1", 1]

    def test_none_fits(self) -> None:
        assert self._through(node(2, "Note2", None, {"text": 1}, ["text"], mode=4)) is None


class TestReroute:
    def _chain(self, **more: object) -> object:
        nodes = [BLANK, node(2, "Reroute", None, {"": 1}, **more), node(4, "Reroute", None, {"": 5}), SAVE]
        return inputs(graph(nodes, [(1, 1, 0, 2, 0), (5, 2, 0, 4, 0), (2, 4, 0, 3, 0)]), "3").get("images")

    def test_chain(self) -> None:
        assert self._chain() == ["1", 0]

    def test_bypassed_passes_and_muted_does_not(self) -> None:
        assert self._chain(mode=4) == ["1", 0]
        assert self._chain(mode=2) is None

    def test_a_circle_of_reroutes_is_an_error(self) -> None:
        nodes = [node(1, "Reroute", None, {"": 1}), node(2, "Reroute", None, {"": 2}), SAVE]
        document = graph(nodes, [(2, 1, 0, 2, 0), (1, 2, 0, 1, 0)])
        assert codes(document) == ["link_cycle"]


def test_a_circle_of_real_nodes_is_left_to_the_check() -> None:
    nodes = [node(1, "Invert", None, {"picture": 1}), node(2, "Invert", None, {"picture": 2})]
    document = graph(nodes, [(2, 1, 0, 2, 0), (1, 2, 0, 1, 0)])
    assert inputs(document) == {"picture": ["2", 0]}
    assert codes(document) == []


class TestPrimitive:
    def _pushed(self, values: object, target: str = "width", kind: str = "Blank", **more: object) -> object:
        nodes = [
            node(1, "PrimitiveNode", values, outputs=[[1]], **more),
            node(2, kind, None, {target: 1}, [target]),
        ]
        return inputs(graph(nodes, [(1, 1, 0, 2, 0)]), "2")[target]

    def test_whole_numbers_snap_to_the_step_and_keep_to_the_range(self) -> None:
        assert self._pushed([777, "fixed"]) == 776
        assert self._pushed([99999, "fixed"]) == 4096
        assert self._pushed([516, "fixed"]) == 520

    def test_fractions_are_rounded_to_unit_and_decimals(self) -> None:
        assert self._pushed([3.14159, "fixed"], "cfg", "Sample") == 3.1

    def test_choices_and_texts_are_not_checked(self) -> None:
        assert self._pushed(["bogus", "fixed", ""], "schedule", "Sample") == "bogus"
        assert self._pushed(["a {x} cat"], "text", "Encode") == "a x cat"

    def test_without_a_value_the_target_keeps_its_own(self) -> None:
        assert self._pushed(None) == 512

    @pytest.mark.parametrize("mode", [2, 4])
    def test_in_every_mode(self, mode: int) -> None:
        assert self._pushed([64, "fixed"], mode=mode) == 64

    def test_the_range_is_that_of_all_targets(self) -> None:
        nodes = [
            node(1, "PrimitiveNode", [20000, "fixed"], outputs=[[1, 2]]),
            node(2, "Blank", None, {"height": 1}, ["height"]),
            node(3, "Sample", None, {"steps": 2}, ["steps"]),
        ]
        prompt = converted(graph(nodes, [(1, 1, 0, 2, 0), (2, 1, 0, 3, 0)])).prompt
        assert (prompt["2"]["inputs"]["height"], prompt["3"]["inputs"]["steps"]) == (100, 100)

    def test_it_does_not_pass_through_a_reroute(self) -> None:
        nodes = [
            node(1, "PrimitiveNode", [777, "fixed"], outputs=[[1]]),
            node(4, "Reroute", None, {"": 1}, outputs=[[2]]),
            node(2, "Blank", [512], {"width": 2}, ["width"]),
        ]
        assert inputs(graph(nodes, [(1, 1, 0, 4, 0), (2, 4, 0, 2, 0)]), "2")["width"] == 512

    def test_texts_are_replaced_where_the_property_asks(self) -> None:
        asked = {"Run widget replace on values": True}
        assert self._pushed(["%date:yyyy%"], "text", "Note2", properties=asked) == "2026"
        assert self._pushed(["%date:yyyy%"], "text", "Note2") == "%date:yyyy%"


class TestSetAndGet:
    def _document(self, got: str) -> dict[str, object]:
        nodes = [
            BLANK,
            node(4, "SetNode", ["pic"], {"PICTURE": 1}),
            node(5, "GetNode", [got], outputs=[[2]]),
            SAVE,
        ]
        return graph(nodes, [(1, 1, 0, 4, 0), (2, 5, 0, 3, 0)])

    def test_a_get_node_stands_for_what_was_set(self) -> None:
        document = self._document("pic")
        assert inputs(document, "3")["images"] == ["1", 0]
        assert converted(document).prompt.keys() == {"1", "3"}

    def test_a_name_that_nothing_sets_is_reported(self) -> None:
        assert codes(self._document("other")) == ["missing_set_node"]


def test_notes_are_dropped_and_broadcasts_reported() -> None:
    document = graph([node(1, "Note", ["x"]), node(2, "MarkdownNote", ["x"]), node(3, "Anything Everywhere")])
    assert converted(document).prompt.keys() == {"3"}
    assert codes(document) == ["missing_node_type", "unfollowed_links"]


def test_whole_root_ids_come_first_ascending_then_execution_order() -> None:
    nodes = [
        node("z", "SaveImage", ["p"], {"images": 2}),
        node(9, "Blank"),
        node(4294967295, "Blank"),
        node("a", "Blank", outputs=[[2]]),
        node(2, "Blank"),
    ]
    assert list(converted(graph(nodes, [(2, "a", 0, "z", 0)])).prompt) == ["2", "9", "4294967295", "a", "z"]


@pytest.mark.parametrize("value", [None, [], "x", {}, {"nodes": {}}, {"1": {"class_type": "Blank"}}])
def test_what_is_no_workflow_is_refused(value: object) -> None:
    with pytest.raises(WorkflowError):
        converted(value)  # type: ignore[arg-type]
