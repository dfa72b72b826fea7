"""Inputs that depend on values: dynamic combos and autogrow groups (comfyui-api, section 10.5)."""

from __future__ import annotations

from typing import Any

from check_nodes import found, graph, judge

BLANK = ("Blank", {"width": 8})
IMAGE = {"images.img0": ["9", 0]}


def dynamic(severity: str = "error", /, **inputs: Any) -> set[tuple[str, str | None]]:
    given = {name.replace("__", "."): value for name, value in inputs.items()}
    verdict = judge(graph(n1=("Dynamic", {**IMAGE, **given}), n9=BLANK))
    return {(code, name) for _, code, name in found(verdict, severity)}


def test_the_children_of_the_chosen_option_are_checked() -> None:
    assert dynamic(mode="none") == set()
    assert dynamic(mode="size", mode__width=64) == set()
    assert dynamic(mode="size") == {("required_input_missing", "mode.width")}
    assert dynamic(mode="size", mode__width=9999) == {("value_bigger_than_max", "mode.width")}
    assert dynamic(mode="size", mode__width=1, mode__deep="x") == {("invalid_input_type", "mode.deep")}


def test_children_nest() -> None:
    assert dynamic(mode="nested", mode__inner="a", mode__inner__text="t") == set()
    assert dynamic(mode="nested", mode__inner="a") == {("required_input_missing", "mode.inner.text")}
    assert dynamic("warning", mode="nested") == {("unknown_selector", "mode.inner")}


def test_an_undotted_child_is_missing_and_the_place_is_named() -> None:
    verdict = judge(graph(n1=("Dynamic", {**IMAGE, "mode": "size", "width": 64}), n9=BLANK))
    assert found(verdict) == {("1", "required_input_missing", "mode.width")}
    assert verdict.diagnostics[0].suggestions == ("width",)


def test_the_selector_itself_is_not_checked_by_the_server() -> None:
    for value in ("nope", ["9", 0], None, {"__value__": "size"}):
        assert dynamic(mode=value) == set()
        assert dynamic("warning", mode=value) == {("unknown_selector", "mode")}
    assert dynamic() == set()
    assert dynamic("warning") == {("unknown_selector", "mode")}
    assert dynamic("info", mode="nope", mode__width=5) == set()


def test_a_selector_linked_to_nothing_kills_the_worker() -> None:
    assert dynamic(mode=["77", 0]) == {("breaks_server", "mode")}


def test_the_first_members_of_a_group_are_required() -> None:
    verdict = judge(graph(n1=("Dynamic", {"mode": "none"}), n9=BLANK))
    assert found(verdict) == {("1", "required_input_missing", "images.img0")}
    assert dynamic(mode="none", images__img2=["9", 0]) == set()


def test_the_bare_name_of_a_group_is_no_input() -> None:
    verdict = judge(graph(n1=("Dynamic", {"mode": "none", "images": 3}), n9=BLANK))
    assert found(verdict) == {("1", "required_input_missing", "images.img0")}
    assert found(verdict, "info") == {("1", "undeclared_input", "images")}


def test_members_beyond_the_most_are_undeclared() -> None:
    assert dynamic("warning", mode="none", images__img3=["9", 0]) == {("undeclared_link", "images.img3")}
    assert dynamic(mode="none", images__img3=["77", 0]) == {("breaks_server", "images.img3")}


def test_named_members_of_an_optional_template_are_never_required() -> None:
    assert dynamic(mode="none", named__y=3) == set()
    assert dynamic(mode="none", named__y="x") == {("invalid_input_type", "named.y")}
    assert dynamic("info", mode="none", named__z=1) == {("undeclared_input", "named.z")}


def test_old_servers_do_not_unfold() -> None:
    verdict = judge(graph(n1=("Dynamic", {"mode": "size"}), n9=BLANK), version="0.3.64")
    assert found(verdict) == {("1", "required_input_missing", name) for name in ("images", "named")}


def test_odd_templates_are_no_reason_to_fail() -> None:
    odd: list[Any] = [
        {},
        {"template": 5},
        {"template": {"input": {"required": {}}}},
        {"options": 3},
        {"options": [5]},
    ]
    for kind in ("COMFY_AUTOGROW_V3", "COMFY_DYNAMICCOMBO_V3", "COMFY_DYNAMICSLOT_V3"):
        for options in odd:
            nodes = {"X": {"input": {"required": {"x": [kind, options]}}, "output": [], "output_node": True}}
            judge(graph(n1=("X", {"x": 1})), nodes=nodes)
