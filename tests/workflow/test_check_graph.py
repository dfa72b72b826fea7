"""What the graph makes of it: classes, outputs, need, cycles, missing inputs objects."""

from __future__ import annotations

import time
from typing import Any

import pytest
from check_nodes import NODES, found, graph, judge

from comfy_tui.workflow.checking import Checker, check
from comfy_tui.workflow.checking.rules import NEW, OLD, rules_for

BLANK = ("Blank", {"width": 8})
BAD = ("Blank", {"width": 0})
SAVE = ("Save", {"images": ["1", 0]})


def test_versions_compare_as_numbers() -> None:
    for version in (None, "", "unknown", "0.26.0", "v0.26.0-demo", "0.4", "0.10.1", "1"):
        assert rules_for(version) is NEW
    for version in ("0.3.64", "0.3.64+fork.9", "v0.3.99"):
        assert rules_for(version) is OLD


def test_all_missing_classes_are_named_at_once_with_the_nearest_name() -> None:
    prompt = graph(
        n1=BLANK, n2=("Invrt", {"image": ["1", 0]}), n3=("Nope", {}), n4=("Save", {"images": ["2", 0]})
    )
    verdict = judge(prompt)
    assert found(verdict) == {("2", "missing_node_type", None), ("3", "missing_node_type", None)}
    assert verdict.refusal == "missing_node_type"
    assert [d.suggestions for d in verdict.diagnostics] == [("Invert",), ()]
    assert found(judge(prompt, version="0.3.64")) == {
        ("2", "invalid_prompt", None),
        ("3", "invalid_prompt", None),
    }


def test_a_missing_class_does_not_hide_what_else_is_wrong() -> None:
    prompt = graph(n1=BAD, n2=("Nope", {"image": ["1", 0]}), n4=("Save", {"images": ["2", 7]}))
    assert ("1", "value_smaller_than_min", "width") in found(judge(prompt))


def test_a_class_that_is_not_named() -> None:
    for node in ({"inputs": {}}, {"class_type": None, "inputs": {}}, {"class_type": 5, "inputs": {}}):
        assert found(judge({"7": node})) == {("7", "missing_node_type", None)}


@pytest.mark.parametrize("node", [None, 5, True])
@pytest.mark.parametrize("version", [None, "0.3.64"])
def test_what_is_no_node_is_a_500(node: Any, version: str | None) -> None:
    verdict = judge({"1": node}, version=version)
    assert found(verdict) == {("1", "malformed_prompt", None)}
    assert verdict.refusal == "malformed_prompt"


def test_text_as_a_node_is_judged_by_version() -> None:
    assert judge({"1": "x"}).refusal == "malformed_prompt"
    assert judge({"1": "x"}, version="0.3.64").refusal == "invalid_prompt"
    assert judge({"1": {"class_type": ["a"], "inputs": {}}}).refusal == "malformed_prompt"


@pytest.mark.parametrize("prompt", [None, [1, 2], "abc", 5, {"nodes": [], "links": []}])
def test_what_is_no_prompt(prompt: Any) -> None:
    verdict = judge(prompt)
    assert not verdict.ok
    assert [d.code for d in verdict.diagnostics] == ["malformed_prompt"]


def test_without_definitions_nothing_is_called_valid() -> None:
    verdict = judge(graph(n1=BLANK), nodes={})
    assert not verdict.ok
    assert [d.code for d in verdict.diagnostics] == ["no_inventory"]


def test_no_outputs() -> None:
    for prompt in ({}, graph(n1=BAD)):
        verdict = judge(prompt)
        assert found(verdict) == {(None, "prompt_no_outputs", None)}
        assert verdict.refusal == "prompt_no_outputs"


def test_what_no_output_needs_is_only_a_warning() -> None:
    verdict = judge(graph(n1=BLANK, n2=SAVE, n9=BAD, n10=("Invert", {})))
    assert verdict.ok
    assert found(verdict, "warning") == {
        ("9", "value_smaller_than_min", "width"),
        ("10", "required_input_missing", "image"),
    }


def test_a_partly_valid_prompt_is_refused_here() -> None:
    prompt = graph(n1=BLANK, n2=SAVE, n3=BAD, n4=("Save", {"images": ["3", 0]}))
    verdict = judge(prompt)
    assert not verdict.ok
    assert (verdict.refusal, verdict.runs, verdict.skipped) == (None, ("2",), ("4",))
    assert found(verdict) == {("3", "value_smaller_than_min", "width")}


def test_required_inputs() -> None:
    verdict = judge(graph(n1=("Blank", {}), n2=SAVE))
    assert found(verdict) == {("1", "required_input_missing", "width")}
    assert "512" in (verdict.diagnostics[0].hint or "")
    assert verdict.refusal == "prompt_outputs_failed_validation"


def test_titles_and_classes_are_carried() -> None:
    prompt = graph(n1=BAD, n2=SAVE)
    prompt["1"]["_meta"] = {"title": "My image"}
    (finding,) = judge(prompt).diagnostics
    assert (finding.node_title, finding.class_type) == ("My image", "Blank")
    prompt["1"]["_meta"] = ["x"]
    assert judge(prompt).diagnostics[0].node_title is None


@pytest.mark.parametrize("ids", [("1",), ("1", "3"), ("1", "3", "4")])
def test_cycles(ids: tuple[str, ...]) -> None:
    prompt = graph(n2=SAVE)
    for name, source in zip(ids, (*ids[1:], ids[0]), strict=True):
        prompt[name] = {"class_type": "Invert", "inputs": {"image": [source, 0]}}
    verdict = judge(prompt)
    assert found(verdict) == {(name, "dependency_cycle", None) for name in ids}
    assert verdict.refusal == "prompt_outputs_failed_validation"
    assert " → ".join(f"{n} (Invert)" for n in (*ids, ids[0])) in verdict.diagnostics[0].message
    old = judge(prompt, version="0.3.64")
    assert [d.code for d in old.diagnostics] == ["dependency_cycle"]


def test_a_cycle_that_no_output_needs_is_a_warning() -> None:
    verdict = judge(graph(n1=BLANK, n2=SAVE, n5=("Invert", {"image": ["5", 0]})))
    assert verdict.ok
    assert found(verdict, "warning") == {("5", "dependency_cycle", None)}


def test_a_cycle_through_an_undeclared_input_fails_when_it_runs() -> None:
    prompt = graph(n1=("Blank", {"width": 8, "bogus": ["2", 0]}), n2=SAVE)
    prompt["1"]["inputs"]["bogus"] = ["3", 0]
    prompt["3"] = {"class_type": "Invert", "inputs": {"image": ["1", 0]}}
    verdict = judge(prompt)
    assert verdict.ok
    assert {code for _, code, _ in found(verdict, "warning")} == {"undeclared_link", "dependency_cycle"}


def test_nodes_without_inputs() -> None:
    bare = {"class_type": "Blank"}
    assert found(judge(graph(n1=BLANK, n2=SAVE, n9=bare))) == {("9", "breaks_server", None)}
    assert found(judge(graph(n1=bare, n2=SAVE))) == {("1", "exception_during_inner_validation", None)}
    assert found(judge({"2": {"class_type": "Save"}})) == {("2", "exception_during_validation", None)}
    partly = graph(n1=BLANK, n2=SAVE, n3=bare, n4=("Save", {"images": ["3", 0]}))
    assert {code for _, code, _ in found(judge(partly))} == {
        "exception_during_inner_validation",
        "breaks_server",
    }


def test_inputs_that_are_no_object() -> None:
    null = {"class_type": "Blank", "inputs": None}
    prompt = graph(n1=BLANK, n2=SAVE, n9=null)
    assert found(judge(prompt)) == {("9", "malformed_prompt", None)}
    assert found(judge(prompt, version="0.3.64")) == {("9", "breaks_server", None)}


def chain(length: int) -> dict[str, Any]:
    prompt = {str(i): {"class_type": "Invert", "inputs": {"image": [str(i + 1), 0]}} for i in range(length)}
    prompt[str(length)] = {"class_type": "Blank", "inputs": {"width": 8}}
    prompt["s"] = {"class_type": "Save", "inputs": {"images": ["0", 0]}}
    return prompt


def test_long_chains_and_long_cycles_need_no_stack() -> None:
    prompt = chain(10_000)
    assert judge(prompt).ok
    assert [d.code for d in judge(prompt).diagnostics] == ["deep_graph"]
    assert judge(chain(890)).diagnostics == ()
    prompt["10000"] = {"class_type": "Invert", "inputs": {"image": ["0", 0]}}
    verdict = judge(prompt)
    assert [d.code for d in verdict.diagnostics].count("dependency_cycle") == 10_001
    assert all(len(d.message) < 400 for d in verdict.diagnostics)


def test_the_prompt_is_not_changed() -> None:
    prompt = graph(n1=("Blank", {"width": {"__value__": "8"}}), n2=SAVE)
    before = repr(prompt)
    judge(prompt)
    assert repr(prompt) == before


@pytest.mark.bench
def test_500_nodes_take_less_than_50_ms() -> None:
    prompt = chain(498)
    start = time.perf_counter()
    judge(prompt, nodes=NODES)
    assert time.perf_counter() - start < 0.05


def test_a_checker_judges_many_prompts_like_check() -> None:
    checker = Checker(NODES)
    prompts: list[Any] = [
        graph(n1=BLANK, n2=("Invrt", {"image": ["1", 0]}), n3=("Save", {"images": ["2", 0]})),
        graph(n1=BLANK, n2=SAVE),
        graph(n1=BAD, n2=SAVE),
        [],
        {"nodes": []},
    ]
    for prompt in (*prompts, *reversed(prompts)):
        assert checker.check(prompt) == check(prompt, NODES)
    nothing: list[Any] = [{}, None, [], 3]
    for known in nothing:
        assert Checker(known).check(prompts[0]).diagnostics[0].code == "no_inventory"
