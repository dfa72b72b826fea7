from __future__ import annotations

import json
from pathlib import Path

import pytest

from comfy_tui.inventory.inventory import Inventory
from comfy_tui.inventory.project_file import KEYS
from comfy_tui.inventory.store import InventoryStore
from command_support import NOBODY, OBJECT_INFO, Run, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A ComfyUI folder."""
    comfyui = tmp_path / "ComfyUI"
    write(comfyui / "models/checkpoints/a\x1b[1m.safetensors", "x")
    write(comfyui / "custom_nodes/keep/__init__.py", "")
    write(comfyui / "comfyui_version.py", '__version__ = "0.26.0"\n')
    return comfyui


def test_for_a_person(run: Run, demo: str) -> None:
    code, out, err = run("inventory", "--server", demo)
    assert (code, err) == (0, "")
    for words in ("online, asked just now", "0.26.0-demo", "24.0 GB VRAM", "comfy_tui_demo: 4 node classes"):
        assert words in out
    assert "checkpoints: 3" in out
    assert "2 embeddings" in out


def test_for_a_script(run: Run, demo: str) -> None:
    code, out, err = run("inventory", "--json", "--server", demo)
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert list(found) == list(KEYS)
    assert (found["mode"], found["custom_nodes"]) == ("online", ["comfy_tui_demo"])
    assert found["system"]["vram_total_gb"] == 24.0
    assert "demo_sd15.safetensors" in found["models"]["checkpoints"]
    assert "custom_nodes" not in found["models"]


def test_a_project_keeps_it_for_other_tools(run: Run, demo: str, tmp_path: Path) -> None:
    write(tmp_path / "manifest.yaml", "name: film")
    write(tmp_path / "state/inventory.json", {"theirs": [1], "mode": "?", "system": {"cpu": "x"}})
    code, out, err = run("inventory", "--save", "--server", demo)
    assert (code, err) == (0, "")
    path = Path(out.strip())
    assert path == tmp_path / "state" / "inventory.json"
    found = json.loads(path.read_text())
    assert (found["theirs"], found["mode"], found["system"]["cpu"]) == ([1], "online", "x")
    assert found["object_info"] == "object_info.json"
    # It is a source of node definitions by itself.
    prompt = write(tmp_path / "p.json", {"1": {"class_type": "Nope", "inputs": {}}})
    code, out, _ = run("validate", prompt, "--object-info", path, "--json")
    assert json.loads(out)[0]["checked_with"]["comfyui_version"] == "0.26.0-demo"


def test_without_a_project_nothing_is_saved(run: Run, demo: str, tmp_path: Path) -> None:
    code, out, err = run("inventory", "--save", "--server", demo)
    assert (code, out) == (2, "")
    assert "--project DIR" in err
    assert not (tmp_path / "state").exists()


def test_of_a_folder(run: Run, folder: Path, tmp_path: Path) -> None:
    code, out, err = run("inventory", "--comfyui", folder)
    assert (code, err) == (0, "")
    assert "offline, read from the folder just now" in out
    assert "\x1b" not in out
    found = json.loads(run("inventory", "--comfyui", folder, "--json")[1])
    assert (found["mode"], found["comfyui_version"], found["custom_nodes"]) == ("offline", "0.26.0", ["keep"])
    assert found["models"] == {"checkpoints": ["a\x1b[1m.safetensors"]}
    assert (found["node_classes"], found["object_info"]) == (None, None)
    assert run("inventory", "--comfyui", tmp_path / "nowhere")[0] == 2


def test_offline_it_is_what_was_known(run: Run, tmp_path: Path, config_file: Path) -> None:
    config_file.write_text(f"default_server = '{NOBODY}'")
    assert run("inventory")[0] == 3
    write(tmp_path / "manifest.yaml", "name: film")
    state = {"last_updated": "2026-01-02T03:04:05Z", "models": {"vae": ["x.pt"]}, "comfyui_version": "0.3.1"}
    write(tmp_path / "state/inventory.json", state)
    code, out, err = run("inventory")
    assert code == 0
    assert "0.3.1" in out
    assert "the project's own inventory" in err
    InventoryStore().save(Inventory(server=NOBODY, comfyui_version="0.26.0", object_info=OBJECT_INFO))
    code, out, err = run("inventory", "--json")
    assert code == 0
    assert (json.loads(out)["mode"], json.loads(out)["node_classes"]) == ("offline", 2)
    assert "it may have changed since" in err
    code, out, err = run("inventory", "--server", NOBODY)
    assert (code, out) == (3, "")
