"""Texts and values that change while a prompt is made: graph-to-prompt, section 12."""

from __future__ import annotations

import random
from typing import Any

import pytest
from convert_graphs import NOW, converted, graph, inputs, node, subgraph, with_subgraphs

from comfy_tui.workflow import next_values
from comfy_tui.workflow.conversion import Control
from comfy_tui.workflow.conversion.text import dynamic_prompt, format_date, js_text


class TestDynamicPrompt:
    @pytest.mark.parametrize(
        ("text", "wanted"),
        [
            ("plain", "plain"),
            ("a {x} b", "a x b"),
            ("{x|x} {y|y", "x y"),
            ("{{a|a}b|{a}b}", "ab"),
            (r"\{a\|b\} {c\|c|c\|c}", "{a|b} c|c"),
            ("a /* gone */b // to the end\nc", "a b \nc"),
            ("see https://example.org/x", "see https:"),
            ("1/2 /* open", "1/2 /* open"),
            ("}|{", "}|"),
            ("end\\", "end\\"),
        ],
    )
    def test_rules(self, text: str, wanted: str) -> None:
        assert dynamic_prompt(text, random.Random(0)) == wanted

    def test_every_alternative_is_chosen_sometimes(self) -> None:
        rng = random.Random(1)
        assert {dynamic_prompt("{a|b|{c|d}}", rng) for _ in range(100)} == {"a", "b", "c", "d"}

    def test_in_a_workflow_it_is_seedable_and_the_file_keeps_its_text(self) -> None:
        document = graph([node(1, "Encode", ["{a|b|c|d|e}"])])
        sent = [converted(document, seed).prompt["1"]["inputs"]["text"] for seed in (1, 1, 2, 3, 4)]
        assert sent[0] == sent[1]
        assert len(set(sent)) > 1
        assert document["nodes"][0]["widgets_values"] == ["{a|b|c|d|e}"]

    @pytest.mark.parametrize(
        "text", ["{" * 100_000, "/*" * 100_000, "{a|" * 50_000 + "}" * 50_000, "\\" * 99_999]
    )
    def test_hostile_texts_take_linear_time(self, text: str) -> None:
        dynamic_prompt(text, random.Random(0))


class TestPlaceholders:
    def _prefix(self, prefix: Any, *others: dict[str, Any]) -> Any:
        return inputs(graph([node(1, "SaveImage", [prefix]), *others]))["filename_prefix"]

    def test_dates(self) -> None:
        assert self._prefix("a/%date:yyyy-MM-dd_hhmmss% %date:yy d M%") == "a/2026-03-07_140506 26 7 3"
        assert format_date("yyy h:m:s", NOW) == "yyy 14:5:6"

    def test_other_nodes_by_name_then_by_title(self) -> None:
        others = [node(2, "Sample", [5]), node(3, "Whole", [7], title="Mine"), node(4, "Note2", ["a/b:c"])]
        assert self._prefix("%Sample.seed%-%Mine.value%-%Note2.text%", *others) == "5-7-a_b_c"

    def test_a_name_of_ones_own_goes_before_the_type(self) -> None:
        named = node(2, "Sample", [5], properties={"Node name for S&R": "Other"})
        assert self._prefix("%Other.seed% %Sample.seed%", named) == "5 5"

    def test_inside_subgraphs(self) -> None:
        inner = subgraph("s", [node(5, "Sample", [6])], [])
        document = with_subgraphs(graph([node(1, "SaveImage", ["%Sample.seed%"]), node(10, "s")]), inner)
        assert inputs(document)["filename_prefix"] == "6"

    @pytest.mark.parametrize("text", ["%width%", "%a.b.c%", "%Gone.x%", "100%", "%%", "%Sample.gone%"])
    def test_anything_else_is_left_alone(self, text: str) -> None:
        assert self._prefix(text, node(2, "Sample")) == text

    def test_only_in_the_prefix_of_save_nodes(self) -> None:
        assert inputs(graph([node(1, "Note2", ["%date:yyyy%"])])) == {"text": "%date:yyyy%"}
        assert self._prefix(None) is None

    @pytest.mark.parametrize(
        ("value", "text"),
        [(True, "true"), (None, ""), (8.0, "8"), (0.5, "0.5"), ({}, "[object Object]"), ([1, 2], "1,2")],
    )
    def test_values_are_written_as_javascript_does(self, value: Any, text: str) -> None:
        assert js_text(value) == text


def following(document: dict[str, Any], seed: int = 0) -> tuple[dict[str, Any], dict[str, Any]]:
    made = converted(document)
    return next_values(made.prompt, made.workflow, made.controls, random.Random(seed))


class TestControls:
    @pytest.mark.parametrize(
        ("mode", "wanted"), [("fixed", 5), ("increment", 6), ("decrement", 4), (False, 5), ("odd", 5)]
    )
    def test_modes(self, mode: Any, wanted: int) -> None:
        prompt, workflow = following(graph([node(1, "Sample", [5, mode, 9])]))
        assert prompt["1"]["inputs"]["seed"] == wanted
        assert workflow["nodes"][0]["widgets_values"] == [wanted, mode, 9]

    @pytest.mark.parametrize("mode", ["randomize", True])
    def test_randomize(self, mode: Any) -> None:
        document = graph([node(1, "Sample", [5, mode, 9])])
        drawn = [following(document, seed)[0]["1"]["inputs"]["seed"] for seed in (1, 1, 2)]
        assert drawn[0] == drawn[1] != drawn[2]
        assert all(0 <= value <= 1125899906842624 for value in drawn)

    def test_the_first_copy_has_the_saved_value_and_nothing_is_changed_in_place(self) -> None:
        document = graph([node(1, "Sample", [5, "increment", 9])])
        made = converted(document)
        next_values(made.prompt, made.workflow, made.controls, random.Random(0))
        assert made.prompt["1"]["inputs"]["seed"] == document["nodes"][0]["widgets_values"][0] == 5

    def test_an_edited_value_counts_from_where_it_is(self) -> None:
        made = converted(graph([node(1, "Sample", [5, "increment", 9])]))
        made.prompt["1"]["inputs"]["seed"] = 50
        prompt, _ = next_values(made.prompt, made.workflow, made.controls, random.Random(0))
        assert prompt["1"]["inputs"]["seed"] == 51

    def test_a_step_and_the_range_are_kept(self) -> None:
        control = Control("increment", "INT", 0, (), (), least=0, most=10, step=4)
        assert [control.next_value(value, random.Random(0)) for value in (0, 8, 10, "x", True)] == [
            4,
            10,
            10,
            "x",
            True,
        ]

    @pytest.mark.parametrize(
        ("values", "wanted"),
        [
            (["x", "increment", ""], "xy"),
            (["z", "increment", ""], "z"),
            (["z", "increment-wrap", ""], "x"),
            (["xy", "decrement", ""], "x"),
            (["x", "increment-wrap", "X"], "xy"),
            (["xy", "increment-wrap", "/^x/"], "x"),
            (["x", "increment", "/(a*)*b/"], "xy"),
            (["x", "increment", "nothing"], "x"),
        ],
    )
    def test_choices_move_by_index_within_the_filter(self, values: list[str], wanted: str) -> None:
        assert following(graph([node(1, "Pick", values)]))[0]["1"]["inputs"]["name"] == wanted

    def test_a_linked_input_stays_a_link(self) -> None:
        nodes = [node(1, "Sample", [5, "increment"], {"seed": 1}, ["seed"]), node(2, "Whole", [3, "fixed"])]
        prompt, workflow = following(graph(nodes, [(1, 2, 0, 1, 0)]))
        assert prompt["1"]["inputs"]["seed"] == ["2", 0]
        assert workflow["nodes"][0]["widgets_values"][0] == 6

    def test_a_primitive_moves_all_its_targets(self) -> None:
        nodes = [
            node(1, "PrimitiveNode", [5, "increment"], outputs=[[1, 2]]),
            node(2, "Sample", [0, "fixed"], {"seed": 1}, ["seed"]),
            node(3, "Sample", [0, "fixed"], {"seed": 2}, ["seed"]),
        ]
        prompt, workflow = following(graph(nodes, [(1, 1, 0, 2, 0), (2, 1, 0, 3, 0)]))
        assert [prompt[key]["inputs"]["seed"] for key in "23"] == [6, 6]
        assert workflow["nodes"][0]["widgets_values"] == [6, "increment"]

    @pytest.mark.parametrize("values", [[70], None])
    def test_promoted_seeds_move_where_they_are_kept(self, values: Any) -> None:
        inner = subgraph(
            "s",
            [node(5, "Sample", [5, "increment"], {"seed": 1}, ["seed"]), node(6, "Forced", None, {"box": 2})],
            [(1, -10, 0, 5, 0), (2, -10, 0, 6, 0)],
            [("seed", "INT", [1, 2])],
        )
        document = with_subgraphs(graph([node(10, "s", values, {"seed": None}, ["seed"])]), inner)
        prompt, workflow = following(document)
        wanted = 71 if values else 6
        assert prompt["10:5"]["inputs"]["seed"] == prompt["10:6"]["inputs"]["box"] == wanted
        kept = workflow["nodes"][0] if values else workflow["definitions"]["subgraphs"][0]["nodes"][0]
        assert kept["widgets_values"][0] == wanted
        assert converted(workflow).prompt == prompt
