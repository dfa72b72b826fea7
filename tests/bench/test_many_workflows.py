"""A project with 1,000 workflows: the first page at once, and no key waits while they are read."""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

import pytest

from comfy_tui.demo.process import spawn_demo
from terminal import Terminal

pytestmark = pytest.mark.bench
FILES = 1000


def make_files(folder: Path) -> None:
    """API-format files of 60 nodes each, some 12 kB."""
    (folder / "workflows").mkdir()
    for number in range(FILES):
        prompt = {
            str(node): {
                "class_type": "EmptyImage",
                "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": number},
                "_meta": {"title": f"Picture {node} of a rather ordinary workflow with long titles"},
            }
            for node in range(60)
        }
        prompt["s"] = {
            "class_type": "SaveImage",
            "inputs": {"images": ["1", 0], "filename_prefix": "x"},
            "_meta": {"title": "Save"},
        }
        (folder / "workflows" / f"workflow {number:04}.json").write_text(json.dumps(prompt))


def answer_s(terminal: Terminal, key: bytes, word: bytes = b"") -> float:
    """Seconds from a key to the first thing that is painted, or to a word."""
    seen, pressed = len(terminal.output), time.monotonic()
    terminal.write(key)
    while len(terminal.output) == seen or word not in terminal.output[seen:]:
        terminal.read_some(0.05)
        assert time.monotonic() - pressed < 30
    return time.monotonic() - pressed


def test_a_thousand_files(tmp_path: Path) -> None:
    make_files(tmp_path)
    with spawn_demo() as url:
        command = [sys.executable, "-m", "comfy_tui", url, "--project", str(tmp_path)]
        terminal = Terminal(command, size=(120, 40))
        try:
            terminal.read_until(b"online")
            terminal.read(2.0)
            page_s = answer_s(terminal, b"2", b"workflow 0000")
            terminal.read(3.0)
            keys = []
            for number in range(80):
                keys.append(answer_s(terminal, b"j"))
                # Some keys come while the last file is still read, some after it was judged.
                terminal.read(0.05 if number % 2 else 0.4)
        finally:
            terminal.close()
    print(
        f"\n{FILES} files: first page {page_s * 1000:.0f} ms after its key; a key is answered in"
        f" {statistics.median(keys) * 1000:.0f} ms (median), {max(keys) * 1000:.0f} ms (worst)"
    )
    assert max(keys) < 0.05
