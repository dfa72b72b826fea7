"""Widgets and their values: graph-to-prompt, sections 4, 5, 7 and 10."""

from __future__ import annotations

import pytest
from convert_graphs import codes, converted, graph, inputs, node, one


def test_values_are_given_in_widget_order_and_controls_take_one() -> None:
    assert one("Sample", [5, "fixed", 30, 7, "wavy"]) == {
        "seed": 5,
        "steps": 30,
        "cfg": 7,
        "schedule": "wavy",
    }


def test_a_missing_control_value_is_not_repaired() -> None:
    assert one("Sample", [5, 30, 7, "wavy"]) == {"seed": 5, "steps": 7, "cfg": "wavy", "schedule": "flat"}


@pytest.mark.parametrize("values", [None, [], {}])
def test_without_values_the_defaults_are_sent(values: object) -> None:
    assert one("Sample", values) == {"seed": 0, "steps": 20, "cfg": 1.0, "schedule": "flat"}


def test_values_are_taken_as_they_are() -> None:
    got = one("Sample", ["12", "fixed", 999999, None, "bogus"])
    assert got == {"seed": "12", "steps": 999999, "cfg": None, "schedule": "bogus"}


def test_null_becomes_the_first_choice_and_is_reported() -> None:
    document = graph([node(1, "Sample", [1, "fixed", 2, 3, None])])
    assert inputs(document)["schedule"] == "flat"
    assert codes(document) == ["null_value"]


def test_null_in_a_multiline_text_is_empty() -> None:
    assert one("Encode", [None]) == {"text": ""}


def test_surplus_values_are_ignored_with_a_warning() -> None:
    assert codes(graph([node(1, "Blank", [1, 2, 3, 4, 5])])) == ["surplus_values"]


def test_the_object_form_is_read_by_name() -> None:
    assert one("Sample", {"steps": 9, "seed": 4}) == {"seed": 4, "steps": 9, "cfg": 1.0, "schedule": "flat"}


def test_a_control_named_by_its_flag_takes_a_value_and_is_not_sent() -> None:
    assert one("Whole", [7, "randomize"]) == {"value": 7}


def test_a_controlled_combo_has_a_control_and_a_filter() -> None:
    assert one("Pick", ["z", "increment", "x"]) == {"name": "z"}


def test_inputs_are_never_ordered_by_the_file() -> None:
    assert list(one("Sample", [1, "fixed", 2, 3, "flat"])) == ["seed", "steps", "cfg", "schedule"]


def test_upload_buttons_take_a_value_and_are_not_sent() -> None:
    assert one("LoadPicture", ["b.png", {"odd": "object"}]) == {"image": "b.png"}


def test_players_take_no_value_and_an_empty_combo_has_no_key() -> None:
    assert one("LoadAudio", ["a.mp3", None, ""]) == {"audio": "a.mp3"}
    assert one("LoadAudio") == {}


def test_a_view_without_values_is_sent_wrapped() -> None:
    assert one("ImageCompare") == {"compare_view": {"__value__": ["", ""]}}


def test_lists_are_wrapped_and_objects_are_not() -> None:
    assert one("Many", [["p", "q"]]) == {"tags": {"__value__": ["p", "q"]}}
    assert one("Note2", [{"a": [1]}]) == {"text": {"a": [1]}}
    assert one("Bend", [[1, 2]]) == {"curve": {"__type__": "CURVE", "__value__": [1, 2]}}


def test_a_bounding_box_takes_five_values_and_sends_one() -> None:
    box = {"x": 1, "y": 2, "width": 3, "height": 4}
    assert one("Box", [box, 1, 2, 3, 4]) == {"region": box}


def test_the_prompt_shares_nothing_with_the_file() -> None:
    document = graph([node(1, "Note2", [{"a": [1]}])])
    converted(document).prompt["1"]["inputs"]["text"]["a"].append(2)
    assert document["nodes"][0]["widgets_values"] == [{"a": [1]}]


def test_big_integers_stay_exact_and_infinity_is_null() -> None:
    assert one("Sample", [18446744073709551615])["seed"] == 18446744073709551615
    assert one("Sample", [1, "fixed", float("inf")])["steps"] is None


def test_old_dummy_values_are_dropped_only_where_they_do_not_fit() -> None:
    assert one("Forced", ["DUMMY", 100, 200]) == {"w": 100, "h": 200}
    assert one("Forced", [100, 200]) == {"w": 100, "h": 200}


def test_old_sampler_names_lose_their_prefix() -> None:
    assert one("KSampler", [1, True, "sample_ddim"]) == {"seed": 1, "sampler_name": "ddim"}


def test_a_custom_combo_grows_and_computes_its_index() -> None:
    got = one("CustomCombo", ["two", 99, "one", "two", ""])
    assert got == {"choice": "two", "index": 1, "option1": "one", "option2": "two", "option3": ""}
    assert one("CustomCombo", ["gone", 0, "one"])["index"] == -1


class TestDynamicCombo:
    def test_children_take_the_values_behind_it(self) -> None:
        assert one("Resize", ["factor", 3.5, "cubic"]) == {"how": "factor", "how.by": 3.5, "method": "cubic"}

    def test_default_choice_and_children(self) -> None:
        assert one("Resize") == {"how": "size", "how.width": 64, "how.height": 32, "method": "area"}

    def test_nested(self) -> None:
        got = one("Resize", ["nested", "u", 3, "cubic"])
        assert got == {"how": "nested", "how.inner": "u", "how.inner.n": 3, "method": "cubic"}

    def test_an_unknown_choice_has_no_children_and_is_reported(self) -> None:
        document = graph([node(1, "Resize", ["bogus", 2048, "cubic"])])
        assert inputs(document) == {"how": "bogus", "method": 2048}
        assert codes(document) == ["unknown_dynamic_option"]

    def test_null_is_the_first_choice_after_the_values_were_given(self) -> None:
        got = one("Resize", [None, 2048])
        assert got == {"how": "size", "how.width": 64, "how.height": 32, "method": 2048}

    def test_links_of_children_are_kept_by_name_and_stale_ones_lost(self) -> None:
        saved = {"how.by": 1, "how.width": 2}
        nodes = [node(1, "Resize", ["factor", 3.5, "cubic"], saved, saved), node(2, "Whole", [1, "fixed"])]
        document = graph(nodes, [(1, 2, 0, 1, 0), (2, 2, 0, 1, 1)])
        assert inputs(document) == {"how": "factor", "how.by": ["2", 0], "method": "cubic"}
        assert codes(document) == ["lost_link"]

    def test_a_group_inside_a_choice_grows(self) -> None:
        nodes = [node(1, "Resize", ["like", "area"], {"how.other": 1, "how.extra.e3": 1}), node(2, "Blank")]
        got = inputs(graph(nodes, [(1, 2, 0, 1, 0)]))
        assert got == {"how": "like", "method": "area", "how.other": ["2", 0], "how.extra.e3": ["2", 0]}


class TestAutogrow:
    def test_elements_are_sent_under_their_names_with_gaps(self) -> None:
        nodes = [
            node(1, "Stack", None, {"pictures.p0": 1, "pictures.p1": None, "pictures.p7": 1}),
            node(2, "Blank"),
        ]
        got = inputs(graph(nodes, [(1, 2, 0, 1, 0)]))
        assert got == {"pictures.p0": ["2", 0], "pictures.p7": ["2", 0]}

    def test_unlinked_elements_are_absent(self) -> None:
        assert one("Letters", ["text"], inputs={"values.a": None}) == {"t": "text"}


class TestMissingType:
    def test_it_keeps_its_class_links_and_named_values(self) -> None:
        saved = {"picture": 1, "amount": None, "mode": None}
        nodes = [node(1, "Gone", [5, "randomize", "fast"], saved, ["amount", "mode"]), node(2, "Blank")]
        result = converted(graph(nodes, [(1, 2, 0, 1, 0)]))
        assert result.prompt["1"]["class_type"] == "Gone"
        assert result.prompt["1"]["inputs"] == {"amount": 5, "mode": "fast", "picture": ["2", 0]}
        assert [(d.code, d.severity, d.node_id, d.class_type) for d in result.diagnostics] == [
            ("missing_node_type", "error", "1", "Gone")
        ]

    def test_values_by_name_are_certain(self) -> None:
        assert one("Gone", [1, 2, 3], widgets_values_named={"a": 1, "b": 2}) == {"a": 1, "b": 2}

    def test_values_that_cannot_be_matched_are_said_to_be_lost(self) -> None:
        (found,) = converted(graph([node(1, "Gone", [1, 2])])).diagnostics
        assert "left out" in found.message

    def test_muted_ones_are_no_error(self) -> None:
        assert codes(graph([node(1, "Gone", mode=2), node(2, "Gone", mode=4)])) == []


def test_names_that_disagree_with_positions_are_reported() -> None:
    document = graph([node(1, "Blank", [1, 2, 3], widgets_values_named={"width": 1, "height": 9})])
    assert codes(document) == ["shifted_values"]


def test_titles() -> None:
    prompt = converted(graph([node(1, "Blank"), node(2, "Blank", title="Mine")])).prompt
    assert [entry["_meta"]["title"] for entry in prompt.values()] == ["Blank", "Mine"]
