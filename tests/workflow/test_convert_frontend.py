"""Conversion like a version of the browser's frontend (graph-to-prompt, 2.1 and 13.4)."""

from __future__ import annotations

from typing import Any

import pytest
from convert_graphs import INFO, graph, node, subgraph, with_subgraphs

from comfy_tui.errors import ConfigError
from comfy_tui.workflow import Converter

VERSIONS = (None, "1.27.10", "1.36.14", "1.45.19", "1.46.15", "1.58.1")


def prompt(document: dict[str, Any], version: str | None) -> dict[str, Any]:
    return Converter(INFO, version).convert(document).prompt


def promoted(values: list[Any], **properties: Any) -> dict[str, Any]:
    """An instance with an own value 32, an inner widget with 16."""
    inner = subgraph(
        "sub",
        [node(5, "Blank", [16, 2, 3], {"width": 1}, ["width"])],
        [(1, -10, 0, 5, 0)],
        [("w", "INT", [1])],
    )
    return with_subgraphs(graph([node(10, "sub", values, properties=properties)]), inner)


@pytest.mark.parametrize(
    ("proxies", "widths"),
    [
        ([], (32, 32, 32, 16, 32, 32)),
        ([["5", "width"]], (16, 16, 16, 16, 32, 32)),
        ([["-1", "w"]], (16, 16, 16, 16, 32, 32)),
        ([["9", "gone"], 5, ["5"]], (16, 16, 16, 16, 16, 16)),
    ],
)
def test_who_owns_a_promoted_value(proxies: list[Any], widths: tuple[int, ...]) -> None:
    properties = {"proxyWidgets": proxies} if proxies else {}
    document = promoted([32], **properties)
    found = tuple(prompt(document, version)["10:5"]["inputs"]["width"] for version in VERSIONS)
    assert found == widths
    assert prompt(promoted([], **properties), "1.58.1")["10:5"]["inputs"]["width"] == 16


@pytest.mark.parametrize("version", [0.4, 1, "0.4", None])
@pytest.mark.parametrize("shape", ["arrays", "objects"])
def test_links_of_the_other_shape_are_lost_in_the_browser(version: Any, shape: str) -> None:
    document = graph([node(1, "Blank", [8, 8, 1]), node(2, "Invert", None, {"picture": 1})])
    names = ("id", "origin_id", "origin_slot", "target_id", "target_slot")
    link = [1, 1, 0, 2, 0, "PICTURE"]
    document["links"] = [link if shape == "arrays" else dict(zip(names, link, strict=False))]
    document["version"] = version
    fits = (version == 0.4) == (shape == "arrays")
    assert prompt(document, None)["2"]["inputs"] == {"picture": ["1", 0]}
    assert prompt(document, "1.45.19")["2"]["inputs"] == ({"picture": ["1", 0]} if fits else {})


def test_what_is_no_version() -> None:
    with pytest.raises(ConfigError):
        Converter(INFO, "1")
