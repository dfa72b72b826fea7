from __future__ import annotations

import time
from pathlib import Path

import pytest

from comfy_tui.errors import ConfigError
from comfy_tui.project import MANIFEST_LIMIT, find_project


def test_the_nearest_manifest_above_counts(tmp_path: Path) -> None:
    (tmp_path / "manifest.yaml").write_text("name: outer\n")
    inner = tmp_path / "inner"
    (inner / "deep" / "er").mkdir(parents=True)
    (inner / "manifest.yaml").write_text("comfyui_url: http://box:8188\n")
    project = find_project(inner / "deep" / "er")
    assert project is not None
    assert (project.folder, project.name, project.comfyui_url) == (inner, "inner", "http://box:8188")
    assert project.workflows_folder == inner / "workflows"
    outer = find_project(tmp_path)
    assert outer is not None
    assert outer.name == "outer"


def test_the_search_stops_short_of_home(isolated: Path) -> None:
    (isolated / "manifest.yaml").write_text("name: all of home\n")
    (isolated / "work").mkdir()
    assert find_project(isolated / "work") is None
    assert find_project(isolated) is not None


def test_a_named_folder_needs_no_manifest_but_must_exist(tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    project = find_project(tmp_path, Path("bare"))
    assert project is not None
    assert (project.folder, project.name, project.comfyui_url) == (tmp_path / "bare", "bare", "")
    (tmp_path / "file").write_text("")
    for name in ("nowhere", "file", "~nobody-at-all/x"):
        with pytest.raises(ConfigError, match=name):
            find_project(tmp_path, Path(name))


@pytest.mark.parametrize("text", ["", "# nothing\n", "other: 1\n", "comfyui_url:\n", "\ufeffname: x\n"])
def test_a_manifest_may_say_little(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.yaml").write_text(text, encoding="utf-8")
    project = find_project(tmp_path)
    assert project is not None
    assert project.comfyui_url == ""


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"a: [1", "line 1|line 2"),
        (b"- a\n- b\n", "mapping"),
        (b"just words", "mapping"),
        (b"comfyui_url: 8188\n", "comfyui_url: expected text"),
        (b"name: [x]\n", "name: expected text"),
        (b"a: !!python/object/apply:os.system ['true']\n", "line 1"),
        (b"a: 1\n---\nb: 2\n", "line 2"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"a: \x00\n", "not YAML"),
        (b"a: 2001-99-99\n", "not YAML"),
        (b"[" * 5000, "not YAML|line"),
        (b"#" * (MANIFEST_LIMIT + 1), "larger than 1 MB"),
    ],
)
def test_a_bad_manifest_is_named(tmp_path: Path, raw: bytes, words: str) -> None:
    (tmp_path / "manifest.yaml").write_bytes(raw)
    with pytest.raises(ConfigError, match=words) as caught:
        find_project(tmp_path)
    assert str(tmp_path / "manifest.yaml") in caught.value.message
    assert caught.value.hint


def test_merges_of_merges_do_not_fill_the_memory(tmp_path: Path) -> None:
    lines = ["name: bomb", "a0: &a0 {k: v, l: w}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 12)]
    (tmp_path / "manifest.yaml").write_text("\n".join([*lines, "<<: *a11"]))
    began = time.monotonic()
    found = find_project(tmp_path)
    assert found is not None
    assert found.name == "bomb"
    assert time.monotonic() - began < 2.0
