from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from comfy_tui.commands import progress
from comfy_tui.commands.diagnostic_text import DIAGNOSTIC_KEYS
from comfy_tui.commands.validate import JSON_KEYS
from comfy_tui.inventory.inventory import Inventory
from comfy_tui.inventory.project_file import write_project_file
from comfy_tui.inventory.store import InventoryStore
from command_support import GRAPH, NOBODY, OBJECT_INFO, PROMPT, Run, write


def changed(**inputs: Any) -> dict[str, Any]:
    prompt: dict[str, Any] = json.loads(json.dumps(PROMPT))
    prompt["2"]["inputs"].update(inputs)
    return prompt


def codes(entry: dict[str, Any]) -> list[str]:
    return [one["code"] for one in entry["diagnostics"] if one["severity"] == "error"]


def test_for_a_person(run: Run, info: Path, tmp_path: Path) -> None:
    write(tmp_path / "good.json", GRAPH)
    write(tmp_path / "bad.json", changed(name="aa\x1b]0;x\x07"))
    code, out, err = run("validate", "good.json", "bad.json", "--object-info", info)
    assert code == 1
    lines = out.splitlines()
    assert lines[0] == "good.json: can be queued"
    assert lines[1] == "bad.json: cannot be queued: 1 error"
    assert "node 2 Save.name" in lines[2]
    assert lines[2].endswith("[value_not_in_list]")
    assert "\x1b" not in out
    assert "1 of 2 workflows can be queued" in err
    assert run("validate", "good.json", "--object-info", info)[0] == 0


def test_for_a_script(run: Run, info: Path, tmp_path: Path) -> None:
    write(tmp_path / "api.json", changed(name="aa"))
    write(tmp_path / "editor.json", GRAPH)
    write(tmp_path / "broken.json", '{"1": ')
    graph = json.loads(json.dumps(GRAPH))
    graph["nodes"][1]["type"] = "Gone"
    write(tmp_path / "lacks.json", graph)
    files = ["api.json", "gone.json", "editor.json", "broken.json", "lacks.json", "api.json"]
    code, out, err = run("validate", *files, "--object-info", info, "--json")
    entries = json.loads(out)
    assert (code, err) == (1, "")
    assert [entry["file"] for entry in entries] == files
    assert [entry["ok"] for entry in entries] == [False, False, True, False, False, False]
    assert [entry["format"] for entry in entries] == ["api", None, "editor", None, "editor", "api"]
    assert all(list(entry) == list(JSON_KEYS) for entry in entries)
    assert all(list(one) == list(DIAGNOSTIC_KEYS) for entry in entries for one in entry["diagnostics"])
    first = entries[0]["diagnostics"][0]
    assert (first["node_id"], first["class_type"], first["input"]) == ("2", "Save", "name")
    assert first["suggestions"] == ["a", "b"]
    assert codes(entries[1]) == codes(entries[3]) == ["unreadable_file"]
    assert "missing_node_type" in codes(entries[4])
    assert entries[0]["checked_with"]["origin"] == "file"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({}, "prompt_no_outputs"),
        ({"prompt": {}}, "prompt_no_outputs"),
        ({"1": {"inputs": {"size": 1}}}, "missing_node_type"),
        ({"1": {}}, "missing_node_type"),
        ({"prompt": {"a": {"inputs": {}}}}, "missing_node_type"),
        ({**PROMPT, "note": "text"}, "malformed_prompt"),
        ({"prompt": {**PROMPT, "x": 3}}, "malformed_prompt"),
        ({"1": {"class_type": None, "inputs": {}}}, "missing_node_type"),
    ],
)
def test_a_malformed_prompt_gets_the_verdict_of_a_server(
    run: Run, info: Path, tmp_path: Path, document: Any, expected: str
) -> None:
    file = write(tmp_path / "p.json", document)
    code, out, _ = run("validate", file, "--object-info", info, "--json")
    assert code == 1
    assert expected in codes(json.loads(out)[0])


@pytest.mark.parametrize("document", [[], "x", 3, None, {"a": 1}, {"workflow": {}}, {"meta": {"x": 1}}])
def test_what_is_no_workflow_is_no_prompt_either(run: Run, info: Path, tmp_path: Path, document: Any) -> None:
    file = write(tmp_path / "p.json", json.dumps(document))
    code, out, _ = run("validate", file, "--object-info", info, "--json")
    assert code == 1
    assert codes(json.loads(out)[0]) == ["unreadable_file"]


def test_a_folder_and_a_pipe(run: Run, info: Path, tmp_path: Path) -> None:
    code, out, _ = run("validate", tmp_path, "--object-info", info)
    assert code == 1
    assert "Is a directory" in out
    reading, writing = os.pipe()
    os.write(writing, json.dumps(PROMPT).encode())
    os.close(writing)
    assert run("validate", f"/dev/fd/{reading}", "--object-info", info)[0] == 0
    os.close(reading)


def test_the_last_word_of_a_server_that_is_away(run: Run, tmp_path: Path, config_file: Path) -> None:
    config_file.write_text(f"default_server = '{NOBODY}'")
    flow = write(tmp_path / "flow.json", GRAPH)
    code, out, err = run("validate", flow, "--json")
    assert (code, out) == (3, "")
    assert "refused the connection" in err
    InventoryStore().save(
        Inventory(server=NOBODY, comfyui_version="0.26.0", fetched_at_s=0.0, object_info=OBJECT_INFO)
    )
    code, out, err = run("validate", flow, "--json")
    assert code == 0
    source = json.loads(out)[0]["checked_with"]
    assert (source["server"], source["comfyui_version"], source["origin"]) == (NOBODY, "0.26.0", "cache")
    assert source["age_s"] > 1e9
    assert "d ago: it may have changed since" in err
    # A server that was named for this run must answer itself.
    code, out, err = run("validate", flow, "--server", NOBODY)
    assert (code, out) == (3, "")
    assert "without --server" in err


def test_with_a_server_which_is_remembered(run: Run, demo: str, tmp_path: Path) -> None:
    prompt: dict[str, Any] = {
        "1": {
            "class_type": "EmptyImage",
            "inputs": {"width": 16, "height": 16, "batch_size": 1, "color": 255},
        },
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "t"}},
    }
    code, _, err = run("validate", write(tmp_path / "p.json", prompt), "--server", demo)
    assert code == 0
    assert "asked just now" in err
    prompt["1"] = {"class_type": "LoadImage", "inputs": {"image": "sub/gone.png"}}
    code, out, _ = run("validate", write(tmp_path / "p.json", prompt), "--server", demo, "--json")
    assert (code, codes(json.loads(out)[0])) == (1, ["custom_validation_failed"])
    kept = InventoryStore().load(demo)
    assert kept is not None
    assert "SaveImage" in kept.object_info


def test_nothing_of_the_console_is_imported(info: Path, tmp_path: Path) -> None:
    write(tmp_path / "flow.json", GRAPH)
    code = (
        "import sys; from comfy_tui.cli import main\n"
        f"for c in ('convert', 'validate'): main([c, 'flow.json', '--object-info', {str(info)!r}])\n"
        "sys.exit(any(m in sys.modules for m in ('textual', 'comfy_tui.app')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_progress_only_where_a_person_sees_it_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "PATIENCE_S", 0.0)
    monkeypatch.setattr(progress, "_INTERVAL_S", 0.0)
    assert list(progress.track("ab", 2, "checking")) == ["a", "b"]
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False, raising=False)
    assert list(progress.track("ab", 2, "checking")) == ["a", "b"]
    err = capsys.readouterr().err
    assert "checking 1 of 2" in err
    assert err.endswith("\r\x1b[K")


def test_offline_the_projects_inventory_counts(run: Run, config_file: Path, tmp_path: Path) -> None:
    config_file.parent.mkdir(parents=True, exist_ok=True)
    config_file.write_text(f"default_server = '{NOBODY}'")
    (tmp_path / "manifest.yaml").write_text("name: p\n")
    flow = write(tmp_path / "flow.json", GRAPH)
    told = Inventory(comfyui_version="0.26.0", fetched_at_s=0.0, object_info=OBJECT_INFO)
    write_project_file(tmp_path, told)
    code, out, err = run("validate", flow, "--json")
    assert code == 0, err
    assert "the project's own inventory" in err
    source = json.loads(out)[0]["checked_with"]
    assert (source["comfyui_version"], source["origin"]) == ("0.26.0", "file")
    assert run("validate", flow, "--server", NOBODY)[0] == 3
    write_project_file(tmp_path, replace(told, server="http://another:1"))
    assert run("validate", flow)[0] == 3


def test_a_replaced_class_is_no_error(run: Run, tmp_path: Path) -> None:
    prompt = changed()
    prompt["1"]["class_type"] = "OldMake"
    flow = write(tmp_path / "flow.json", prompt)
    answer = {"OldMake": [{"new_node_id": "Make", "input_mapping": None, "output_mapping": None}]}
    told = Inventory(comfyui_version="0.26.0", object_info=OBJECT_INFO, replacements=answer)
    write_project_file(tmp_path, told)
    code, out, _ = run("validate", flow, "--object-info", tmp_path / "state" / "inventory.json", "--json")
    assert code == 0
    found = json.loads(out)[0]["diagnostics"]
    assert [(one["severity"], one["code"], one["class_type"]) for one in found] == [
        ("info", "replaced_node", "OldMake")
    ]


@pytest.mark.parametrize("piped", [False, True])
def test_a_picture_on_stdin(info: Path, tmp_path: Path, piped: bool) -> None:
    tags = PngInfo()
    tags.add_text("prompt", json.dumps(PROMPT))
    Image.new("RGB", (2, 2)).save(tmp_path / "made.png", pnginfo=tags)
    if not piped:
        os.truncate(tmp_path / "made.png", 200 * 1024 * 1024)  # sparse; little of it is read
    argv = [sys.executable, "-m", "comfy_tui", "validate", "-", "--object-info", str(info), "--json"]
    with (tmp_path / "made.png").open("rb") as file:
        done = subprocess.run(
            argv,
            stdin=None if piped else file,
            input=file.read() if piped else None,
            capture_output=True,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["ok"] is True
