from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy_tui.errors import ConfigError, ExportError
from comfy_tui.inventory.given import read_object_info
from comfy_tui.inventory.inventory import Inventory, Origin, Pack, System
from comfy_tui.inventory.project_file import (
    KEYS,
    from_project_file,
    project_path,
    read_project_file,
    to_project_file,
    write_project_file,
)
from comfy_tui.inventory.store import pack

NODES = {"Ä": {"input": {}, "output": ["X"]}, "B": {"output": [], "python_module": "custom_nodes.p"}}
BOX = Inventory(
    server="http://box:8188",
    comfyui_version="0.26.0",
    fetched_at_s=1_700_000_000.0,
    object_info=NODES,
    models={"vae": ("a.pt",), "loras": ()},
    models_at_s=1_700_000_060.0,
    embeddings=("e",),
    packs=(Pack("p", 1, "1.0", "p-id"), Pack("q", 0)),
    packages=(("frontend", "1.2"),),
    system=System("Card", 24 * 2**30, 2**30),
)


def test_the_shared_shape() -> None:
    found = to_project_file(BOX)
    assert list(found) == list(KEYS)
    assert {key: found[key] for key in list(KEYS)[:6]} == {
        "last_updated": "2023-11-14T22:13:20Z",
        "mode": "online",
        "comfyui_version": "0.26.0",
        "system": {"gpu": "Card", "vram_total_gb": 24.0, "vram_free_gb": 1.0},
        "models": {"vae": ["a.pt"], "loras": []},
        "custom_nodes": ["p", "q"],
    }
    assert to_project_file(replace(BOX, origin=Origin.CACHE))["mode"] == "offline"
    assert to_project_file(Inventory())["last_updated"] is None


def test_there_and_back(tmp_path: Path) -> None:
    written = write_project_file(tmp_path, BOX)
    assert written.path == tmp_path / "state" / "inventory.json"
    assert written.set_aside is None
    assert sorted(path.name for path in written.path.parent.iterdir()) == [
        *("inventory.json", "object_info.json")
    ]
    assert json.loads((tmp_path / "state/object_info.json").read_text()) == NODES
    assert read_project_file(tmp_path) == replace(BOX, origin=Origin.FILE)
    assert read_object_info(written.path) == replace(BOX, origin=Origin.FILE)


def test_what_others_wrote_stays(tmp_path: Path) -> None:
    path = project_path(tmp_path)
    path.parent.mkdir()
    path.write_text(json.dumps({"note": "x", "mode": "??", "system": {"gpu": "old", "cpu": "fast"}}))
    write_project_file(tmp_path, replace(BOX, object_info={}))
    found = json.loads(path.read_text())
    assert (found["note"], found["mode"], found["system"]["cpu"]) == ("x", "online", "fast")
    assert found["system"]["gpu"] == "Card"
    assert found["object_info"] is None
    assert not path.with_name("object_info.json").exists()


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff\xfe", b"[" * 200_000])
def test_what_cannot_be_read_is_set_aside(tmp_path: Path, content: bytes) -> None:
    path = project_path(tmp_path)
    path.parent.mkdir()
    path.write_bytes(content)
    assert read_project_file(tmp_path) is None
    written = write_project_file(tmp_path, BOX)
    assert written.set_aside is not None
    assert written.set_aside.read_bytes() == content
    assert json.loads(path.read_text())["mode"] == "online"


def test_what_cannot_be_written_is_an_error_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(ExportError) as caught:
        write_project_file(tmp_path, BOX)
    assert "--project" in caught.value.hint
    assert read_project_file(tmp_path) is None


def test_what_other_tools_write_is_understood() -> None:
    found = from_project_file(
        {
            "last_updated": "2026-01-02T04:04:05+01:00",
            "mode": "offline",
            "comfyui_version": "0.3.64",
            "system": {"gpu": "RTX", "vram_total_gb": 12, "vram_free_gb": None},
            "models": {"vae": [{"name": "x.pt", "size": 3}, "y.pt", 7], "loras": None},
            "custom_nodes": [{"name": "pack"}, "other"],
        }
    )
    assert found.fetched_at_s == found.models_at_s == 1767323045.0
    assert found.models == {"vae": ("x.pt", "y.pt"), "loras": ()}
    assert found.pack_names == ("pack", "other")
    assert found.system == System("RTX", 12 * 2**30, None)
    assert from_project_file({}) == Inventory(origin=Origin.FILE)


@given(
    st.dictionaries(
        st.sampled_from(list(KEYS)),
        st.recursive(
            st.none()
            | st.integers()
            | st.floats()
            | st.text()
            | st.sampled_from(["2026-01-01", "99999-01-01"]),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
            max_leaves=8,
        ),
    )
)
def test_any_values_are_endured(document: dict[str, Any]) -> None:
    assert set(to_project_file(from_project_file(document))) == set(KEYS)


def test_the_name_of_the_node_file_leads_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text(json.dumps(NODES))
    path = project_path(tmp_path)
    path.parent.mkdir()
    for name in ("../secret.json", str(tmp_path / "secret.json")):
        path.write_text(json.dumps({"last_updated": "x", "object_info": name}))
        found = read_project_file(tmp_path)
        assert found is not None
        assert found.object_info == {}
        with pytest.raises(ConfigError, match="without node classes"):
            read_object_info(path)


def test_files_that_a_person_names(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_text(json.dumps(NODES))
    found = read_object_info(file)
    assert (found.object_info, found.pack_names, found.fetched_at_s) == (NODES, ("p",), None)
    file.write_bytes(pack(BOX))
    assert read_object_info(file) == replace(BOX, origin=Origin.FILE)
    file.write_text(json.dumps({"last_updated": "x", "object_info": NODES}))
    assert read_object_info(file).object_info == NODES


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not JSON"),
        (b"[]", "not an object"),
        (b"{}", "names no node classes"),
        (b'{"1": {"class_type": "A", "inputs": {}}}', "names no node classes"),
        (b'{"nodes": [], "links": []}', "editor workflow"),
        (b'{"custom_nodes": []}', "without node classes"),
        (b"comfy-tui inventory 1\nxx", "damaged"),
    ],
)
def test_files_that_are_something_else(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "f"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=words) as caught:
        read_object_info(file)
    assert "/object_info" in caught.value.hint or "--save" in caught.value.hint
    with pytest.raises(ConfigError, match="No such file"):
        read_object_info(tmp_path / "gone")
