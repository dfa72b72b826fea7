"""Links: shape, target, type (comfyui-api, sections 5.3 and 5.4), and what the worker dies of (5.8)."""

from __future__ import annotations

from typing import Any

import pytest
from check_nodes import NODES, found, graph, judge, node

BLANK = ("Blank", {"width": 8})
OLD = "0.3.64"


def into_save(value: Any, **more: Any) -> set[tuple[str | None, str, str | None]]:
    return found(judge(graph(n1=BLANK, n2=("Save", {"images": value})), **more))


def test_a_good_prompt_is_good() -> None:
    verdict = judge(graph(n1=BLANK, n2=("Save", {"images": ["1", 0]})))
    assert verdict.ok
    assert verdict.diagnostics == ()
    assert (verdict.refusal, verdict.runs, verdict.skipped) == (None, ("2",), ())


@pytest.mark.parametrize("value", [[], ["1"], ["1", 0, 1]])
def test_lists_of_another_length_are_bad_links(value: list[Any]) -> None:
    assert into_save(value) == {("2", "bad_linked_input", "images")}


@pytest.mark.parametrize(
    "value", [["99", 0], [1, 0], ["1", 5], ["1", -3], ["1", "0"], ["1", 0.0], [["1"], 0], [None, 0], [{}, 0]]
)
def test_what_the_servers_look_up_raises_on(value: list[Any]) -> None:
    assert into_save(value) == {("2", "exception_during_validation", "images")}
    above = graph(n1=BLANK, n2=("Invert", {"image": value}), n3=("Save", {"images": ["2", 0]}))
    assert found(judge(above)) == {("2", "exception_during_inner_validation", "image")}


@pytest.mark.parametrize("slot", [0, False, -2])
def test_output_numbers_work_as_in_python(slot: Any) -> None:
    assert into_save(["1", slot]) == set()


def test_a_number_as_node_id_is_explained() -> None:
    (finding,) = judge(graph(n1=BLANK, n2=("Save", {"images": [1, 0]}))).diagnostics
    assert "by a number" in finding.message


@pytest.mark.parametrize(
    ("source", "slot", "name", "fits"),
    [
        (("Number", {"value": 1}), 0, "i", True),
        (("Number", {"value": 1}), 0, "f", False),
        (("Number", {"value": 1}), 0, "either", True),
        (("Types", {}), 0, "f", True),
        (("Text", {"value": "red"}), 0, "old", False),
        (("Text", {"value": "red"}), 0, "new", False),
        (("Types", {}), 3, "new", True),
        (("Types", {}), 2, "old", False),
        (BLANK, 1, "image", False),
    ],
)
@pytest.mark.parametrize("version", [None, OLD])
def test_types_connect(source: Any, slot: int, name: str, fits: bool, version: str | None) -> None:
    verdict = judge(graph(n1=source, n2=("Types", {name: ["1", slot]})), version=version)
    assert found(verdict) == (set() if fits else {("2", "return_type_mismatch", name)})


def test_new_servers_connect_anything_match_types_and_lists_into_a_choice() -> None:
    for slot, name in ((1, "image"), (2, "new"), (0, "any")):
        prompt = graph(n1=("Types", {}), n2=("Types", {name: ["1", slot]}))
        assert judge(prompt).ok
    dynamic = graph(n1=("Dynamic", {"mode": "none", "images.img0": ["2", 0]}), n2=BLANK)
    dynamic["3"] = {"class_type": "Save", "inputs": {"images": ["1", 0]}}
    assert judge(dynamic).ok


def test_on_old_servers_a_star_of_a_pack_is_doubtful() -> None:
    nodes = {**NODES, "Any": node({"x": ["*"]}, output=True, module="custom_nodes.pack")}
    verdict = judge(graph(n1=BLANK, n2=("Any", {"x": ["1", 0]})), nodes=nodes, version=OLD)
    assert verdict.ok
    assert found(verdict, "warning") == {("2", "return_type_mismatch", "x")}
    assert judge(graph(n1=BLANK, n2=("Show", {"source": ["1", 0]})), version=OLD).diagnostics == ()
    assert judge(graph(n1=("Types", {}), n2=("Types", {"new": ["1", 2]})), version=OLD).refusal is None


def test_the_server_does_not_go_on_through_a_link_of_the_wrong_type() -> None:
    prompt = graph(n1=("Number", {"value": "x"}), n2=("Save", {"images": ["1", 0]}))
    verdict = judge(prompt)
    assert found(verdict) == {("2", "return_type_mismatch", "images")}
    assert found(verdict, "warning") == {("1", "invalid_input_type", "value")}


def test_a_literal_where_only_a_link_can_be_is_a_warning() -> None:
    verdict = judge(graph(n2=("Save", {"images": "hello"})))
    assert verdict.ok
    assert found(verdict, "warning") == {("2", "literal_for_link", "images")}
    assert found(judge(graph(n2=("Save", {"images": None}))), "warning") == {
        ("2", "literal_for_link", "images")
    }
    assert judge(graph(n2=("Types", {"image": None, "any": 5}))).diagnostics == ()


def test_an_undeclared_link_to_nothing_kills_the_worker() -> None:
    prompt = graph(n1=("Blank", {"width": 8, "bogus": ["99", 0]}), n2=("Save", {"images": ["1", 0]}))
    verdict = judge(prompt)
    assert found(verdict) == {("1", "breaks_server", "bogus")}
    assert not verdict.ok
    assert verdict.refusal is None


def test_an_undeclared_link_is_a_warning_where_it_does_not_kill() -> None:
    prompt = graph(n1=("Blank", {"width": 8}), n2=("Save", {"images": ["1", 0], "bogus": ["3", 0]}), n3=BLANK)
    assert found(judge(prompt), "warning") == {("2", "undeclared_link", "bogus")}
    unneeded = graph(
        n1=BLANK, n2=("Save", {"images": ["1", 0]}), n3=("Blank", {"width": 8, "bogus": ["99", 0]})
    )
    verdict = judge(unneeded)
    assert verdict.ok
    assert found(verdict, "warning") == {("3", "undeclared_link", "bogus")}


def test_the_worker_also_goes_where_only_undeclared_links_lead() -> None:
    prompt = graph(
        n1=BLANK, n2=("Save", {"images": ["1", 0], "x": ["3", 0]}), n3=("Blank", {"width": 1, "y": ["9", 0]})
    )
    assert found(judge(prompt)) == {("3", "breaks_server", "y")}


def test_nodes_that_take_anything_get_no_warning_for_it() -> None:
    prompt = graph(n1=("Anything", {"a": ["2", 0], "b": 5}), n2=BLANK, n3=("Save", {"images": ["1", 0]}))
    assert judge(prompt).diagnostics == ()


def test_undeclared_values_and_lists_that_are_no_links_are_dropped_with_a_word() -> None:
    inputs = {"images": ["1", 0], "notes": "x", "list": [1, 0], "pair": ["a", "b"]}
    verdict = judge(graph(n1=BLANK, n2=("Save", inputs)))
    assert verdict.ok
    assert found(verdict, "info") == {("2", "undeclared_input", name) for name in ("notes", "list", "pair")}
    assert [d.suggestions for d in verdict.diagnostics if d.input == "notes"] == [("note",)]
