"""The demo server as a process: it starts, it says where it is, it ends with whoever started it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from comfy_tui.demo.process import READY, spawn_demo
from comfy_tui.errors import ComfyError


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def test_spawn_and_end() -> None:
    with spawn_demo(speed=1000.0) as url:
        stats = _get(f"{url}/system_stats")
        assert stats["system"]["comfyui_version"] == "0.26.0-demo"
        assert len(_get(f"{url}/history")) == 3
        folder = Path(_get(f"{url}/internal/folder_paths")["loras"][0])
        assert folder.parents[1].is_dir()
    assert not folder.parents[1].exists()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"{url}/prompt", timeout=5)


def test_spawn_legacy_without_warm_up() -> None:
    with spawn_demo(legacy=True, warm_up=False) as url:
        assert _get(f"{url}/system_stats")["system"]["comfyui_version"] == "0.3.64-demo"
        assert _get(f"{url}/history") == {}


def test_a_taken_port_is_said_clearly() -> None:
    with spawn_demo(warm_up=False) as url:
        port = int(url.rpartition(":")[2])
        with pytest.raises(ComfyError) as caught, spawn_demo(port=port, warm_up=False):
            pass
    assert f"cannot listen on port {port}" in caught.value.message
    assert caught.value.hint


def test_it_ends_when_its_parent_is_gone() -> None:
    command = [sys.executable, "-m", "comfy_tui.demo", "--parent-pipe"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stdout.readline().decode().startswith(READY)
    child.stdin.close()
    assert child.wait(10) == 0
    child.stdout.close()


def test_spawning_imports_nothing_heavy() -> None:
    heavy = "aiohttp", "PIL", "textual"
    code = f"import sys, comfy_tui.demo.process; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_folder_of_ones_own_is_kept(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "comfy_tui.demo", "--parent-pipe", "--dir", str(tmp_path), "--warm-up"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline()
    child.communicate(timeout=10)
    assert sorted(path.name for path in (tmp_path / "output").iterdir())[0] == "blend_00001_.png"
    assert (tmp_path / "user" / "default" / "workflows" / "text_to_image.json").is_file()
