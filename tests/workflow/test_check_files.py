"""Loaders that look whether their file is there (comfyui-api, section 5.7)."""

from __future__ import annotations

from typing import Any

import pytest
from check_nodes import NODES, found, graph, judge, node

MISSING = {("1", "custom_validation_failed", "image")}
RAISES = {("1", "exception_during_inner_validation", "image")}


def load(name: Any, severity: str = "error", **more: Any) -> set[tuple[str | None, str, str | None]]:
    prompt = graph(
        n1=("LoadImage", {"image": name}), n2=("Save", {"images": ["1", 0]}), n3=("Blank", {"width": 1})
    )
    return found(judge(prompt, **more), severity)


@pytest.mark.parametrize(
    "name", ["example.png", "example.png [input]", "x.png [output]", "x.png [temp]", "sub/x.png", "/x"]
)
def test_files_that_are_there_or_cannot_be_known(name: str) -> None:
    assert load(name) == set()


@pytest.mark.parametrize("name", ["none.png", "none.png [input]", "none"])
def test_files_that_are_missing(name: str) -> None:
    assert load(name) == MISSING


def test_the_servers_words_and_a_near_name() -> None:
    prompt = graph(n1=("LoadImage", {"image": "exampel.png"}), n2=("Save", {"images": ["1", 0]}))
    (finding,) = judge(prompt).diagnostics
    assert finding.message == "Invalid image file: exampel.png"
    assert finding.suggestions == ("example.png",)


def test_a_file_that_another_picker_lists_is_there() -> None:
    assert load("clip.mp4") == set()


def test_a_file_that_only_the_server_can_tell_is_named_as_such() -> None:
    for name, file in (
        ("sub/x.png", ("input", "sub/x.png")),
        ("y.png [output]", ("output", "y.png")),
        ("pasted/z.png [temp]", ("temp", "pasted/z.png")),
    ):
        assert load(name, "info") == {("1", "file_unknown", "image")}
        prompt = graph(n1=("LoadImage", {"image": name}), n2=("Save", {"images": ["1", 0]}))
        assert judge(prompt).unknown_files == (file,)
        assert judge(graph(n1=("LoadImage", {"image": name}), n2=("Blank", {"width": 1}))).unknown_files == ()
        assert load(name, "info", known_files={file: True}) == set() == load(name, known_files={file: True})
        assert load(name, known_files={file: False}) == MISSING


@pytest.mark.parametrize("value", [None, 5, ["3", 0], ["3"], {"a": 1}])
def test_what_is_no_name_makes_the_loader_raise(value: Any) -> None:
    assert load(value) == RAISES


def test_a_loader_without_its_file_raises() -> None:
    prompt = graph(n1=("LoadImage", {}), n2=("Save", {"images": ["1", 0]}))
    assert found(judge(prompt)) == RAISES


def test_an_empty_name_fails_only_when_it_runs() -> None:
    assert load("") == set()
    assert load("", "warning") == {("1", "file_not_chosen", "image")}


def test_the_other_kinds() -> None:
    prompt = graph(n1=("LoadVideo", {"file": "none.mp4"}), n2=("Show", {"source": ["1", 0]}))
    (finding,) = judge(prompt).diagnostics
    assert (finding.code, finding.message) == ("custom_validation_failed", "Invalid video file: none.mp4")


def test_core_classes_that_validate_without_saying_so() -> None:
    nodes = {
        **NODES,
        "CustomCombo": node({"choice": ["COMBO", {"options": []}]}, gives=["STRING"]),
        "LoadLatent": node({"latent": [["a.latent"]]}, gives=["LATENT"]),
        "LoadImageOutput": node(
            {"image": ["COMBO", {"image_upload": True, "image_folder": "output", "remote": {"route": "/x"}}]},
            gives=["IMAGE"],
        ),
    }
    for class_type, inputs, codes in (
        ("CustomCombo", {"choice": "mine", "option1": "mine"}, []),
        ("CustomCombo", {}, ["exception_during_inner_validation"]),
        ("LoadLatent", {"latent": "b.latent"}, ["custom_validation_failed"]),
        ("LoadLatent", {"latent": "a.latent"}, []),
        ("LoadImageOutput", {"image": "x.png"}, ["custom_validation_failed"]),
        ("LoadImageOutput", {"image": "x.png [output]"}, ["file_unknown"]),
    ):
        prompt = graph(n1=(class_type, inputs), n2=("Show", {"source": ["1", 0]}))
        assert [d.code for d in judge(prompt, nodes=nodes).diagnostics] == codes
