"""Prompts of real frontends, where the shared folder with them is present beside the repository."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from comfy_tui.workflow import Converter
from comfy_tui.workflow.layout import UNDEFINED, Layout, WidgetSpec, lay_out

TRUTH = Path(__file__).resolve().parents[3] / "shared" / "truth"

pytestmark = pytest.mark.skipif(not TRUTH.is_dir(), reason=f"the frontends' prompts are not at {TRUTH}")

# What the frontend did there, graph-to-prompt asks us not to do.
DEVIATIONS = {
    "loadimageoutput.json": "the browser put the first file of a fetched list over the saved value (5.5)",
    "version_missing_array_links.json": "the browser lost all links; links are told apart by looking (2.1)",
    "version_string_04.json": "the browser lost all links; links are told apart by looking (2.1)",
}


def _scorer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("score_conversion", TRUTH / "score_conversion.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _templates() -> Path:
    package = pytest.importorskip(
        "comfyui_workflow_templates_json", reason="the template package is not installed"
    )
    return Path(package.__file__).parent / "templates"


def _cases() -> Iterator[tuple[str, Any, list[Any]]]:
    templates = _templates()
    for path in sorted(TRUTH.glob("conversion/*.json")):
        yield path.name, json.loads((templates / path.name).read_text()), json.loads(path.read_text())
    for path in sorted(TRUTH.glob("rules/*.json")):
        held = json.loads(path.read_text())
        yield path.name, held["workflow"], held["accepted"]


@pytest.fixture(scope="module")
def converter() -> Converter:
    return Converter(json.loads((TRUTH / "object_info-0.26.0.json").read_text()))


def test_prompts_equal_those_of_real_frontends(converter: Converter) -> None:
    differences = _scorer().differences
    wrong = {}
    for name, workflow, accepted in _cases():
        prompt = converter.convert(workflow).prompt
        found = min((differences(want, prompt) for want in accepted), key=len)
        if found:
            wrong[name] = found
    assert wrong.keys() <= DEVIATIONS.keys(), wrong


def _widgets(layout: Layout) -> Iterator[WidgetSpec]:
    for widget in layout.widgets:
        yield widget
        if widget.branches:
            yield from _widgets(widget.branches[widget.default])


def _slots(layout: Layout) -> Iterator[tuple[str, str]]:
    """The sockets of a new node: at first a dynamic combo stands behind its children."""
    widgets = {widget.name: widget for widget in layout.widgets}
    for slot in layout.slots:
        if slot.group is not None:
            for index in range(slot.group.initial):
                yield from ((element.name, element.slot_type) for element in slot.group.element(index))
            continue
        widget = widgets.get(slot.name)
        if widget is not None and widget.branches:
            yield from _slots(widget.branches[widget.default])
        yield slot.name, slot.type


def test_layouts_equal_those_of_the_real_frontend(converter: Converter) -> None:
    wrong = {}
    for name, seen in json.loads((TRUTH / "widget_layout-0.26.0.json").read_text()).items():
        definition = converter.definitions.get(name)
        if definition is None:
            continue
        layout = lay_out(definition)
        widgets = [
            (w.name, "__undefined__" if w.default is UNDEFINED else w.default, w.in_values)
            for w in _widgets(layout)
        ]
        if (
            widgets != [(w["name"], w["value"], w["serialize"] is not False) for w in seen["widgets"]]
            or list(_slots(layout)) != [(slot["name"], slot["type"]) for slot in seen["inputs"]]
            or list(definition.outputs) != [slot["type"] for slot in seen["outputs"]]
        ):
            wrong[name] = widgets
    assert wrong.keys() <= {"Load3DAdvanced"}  # its viewport has a socket type of the browser's own


def test_every_template_converts(converter: Converter) -> None:
    for path in sorted(_templates().glob("*.json")):
        document = json.loads(path.read_text())
        if isinstance(document, dict) and isinstance(document.get("nodes"), list):
            made = converter.convert(document)
            missing = {entry["class_type"] for entry in made.prompt.values()} - converter.definitions.keys()
            named = {d.class_type for d in made.diagnostics if d.code == "missing_node_type"}
            assert missing == named, path.name
