"""Workflows as files for ComfyUI's window."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from comfy_tui.errors import ExportError
from comfy_tui.inventory.prepare import prepare
from comfy_tui.library.export import clean_name, export_path, free_path, write_export
from comfy_tui.screens.workflow_rules import export_of
from comfy_tui.workflow.edits import Edits
from comfy_tui.workflow.formats import parse_workflow


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("plain", "plain"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("a/b\\c", "a_b_c"),
        (".hidden", "hidden"),
        ("x\x1b]52;c;a\x07y", "x_]52;c;a_y"),
        ("\u202eevil\u200f", "evil"),
        ("con", "_con"),
        ("LPT1.txt", "_LPT1.txt"),
        ("", "workflow"),
        ("...", "workflow"),
        ("a" * 300, "a" * 80),
        ("界" * 80, "界" * 60),
        ("end. ", "end"),
        ("what? is: this*", "what_ is_ this_"),
        ("tab\tand\nline", "tab_and_line"),
        ("e\u0301", "é"),
        ("half\ud800", "half"),
    ],
)
def test_names_are_cleaned(name: str, clean: str) -> None:
    assert clean_name(name) == clean


def test_the_place(tmp_path: Path) -> None:
    path = export_path(tmp_path, "my project", "a b")
    assert path == tmp_path / "projects" / "my project" / "workflows" / "a b.json"
    assert export_path(tmp_path, "..", "x").parent.parent.name == "default"


def test_never_overwrites_silently(tmp_path: Path) -> None:
    path = export_path(tmp_path, "p", "a")
    write_export(path, {"1": "ü\ud800"})
    with pytest.raises(FileExistsError):
        write_export(path, {"2": 2})
    assert json.loads(path.read_bytes().decode("utf-8", "surrogatepass")) == {"1": "ü\ud800"}
    assert free_path(path).name == "a (1).json"
    write_export(free_path(path), {"2": 2})
    assert free_path(path).name == "a (2).json"
    write_export(path, {"3": 3}, overwrite=True)
    assert json.loads(path.read_text()) == {"3": 3}
    assert sorted(item.name for item in path.parent.iterdir()) == ["a (1).json", "a.json"]


def test_a_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    base, outside = tmp_path / "base", tmp_path / "outside"
    base.mkdir()
    outside.mkdir()
    (base / "projects").symlink_to(outside)
    with pytest.raises(ExportError, match="leads out"):
        export_path(base, "p", "a")


def test_a_link_at_the_target_is_not_followed(tmp_path: Path) -> None:
    path, victim = export_path(tmp_path, "p", "a"), tmp_path / "victim"
    victim.write_text("mine")
    path.parent.mkdir(parents=True)
    path.symlink_to(victim)
    with pytest.raises(FileExistsError):
        write_export(path, {})
    write_export(path, {"1": 1}, overwrite=True)
    assert victim.read_text() == "mine"
    path.unlink()
    path.symlink_to(tmp_path / "nowhere")
    assert free_path(path).name == "a (1).json"


def test_where_it_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "projects").write_text("a file")
    with pytest.raises(ExportError):
        write_export(export_path(tmp_path, "p", "a"), {})
    with pytest.raises(ExportError):
        write_export(tmp_path / "x.json", {"a": object()})
    assert not list(tmp_path.glob(".*.part"))


API = {"1": {"class_type": "EmptyImage", "inputs": {"width": 64, "seed": 5}}}
EDITOR = {"nodes": [], "links": [], "version": 0.4}


def test_an_export_keeps_the_format_and_the_changes() -> None:
    api = prepare(parse_workflow(json.dumps(API)), None)
    assert export_of(api, Edits()).document == API
    changed = export_of(api, Edits(values={("1", "width"): 128})).document
    assert changed["1"]["inputs"]["width"] == 128
    editor = prepare(parse_workflow(json.dumps(EDITOR)), None)
    assert export_of(editor, Edits()).document == EDITOR
    assert "not in it" in export_of(editor, Edits(values={("1", "x"): 1})).note
