"""Opening is at once: the first frame against that of an empty Textual app, taken in turns in one run."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from terminal import Terminal

pytestmark = pytest.mark.bench
ROUNDS = 15
EMPTY = [sys.executable, str(Path(__file__).parent / "empty_app.py")]
OURS = [sys.executable, "-m", "comfy_tui", "http://127.0.0.1:9"]


def first_frame_s(command: list[str], word: bytes) -> float:
    terminal = Terminal(command)
    try:
        return terminal.read_until(word)
    finally:
        terminal.close()


def test_first_frame() -> None:
    first_frame_s(EMPTY, b"ready-to-see"), first_frame_s(OURS, b"Servers")
    pairs = [(first_frame_s(EMPTY, b"ready-to-see"), first_frame_s(OURS, b"Servers")) for _ in range(ROUNDS)]
    empty, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
    least = min(pair[1] for pair in pairs) / min(pair[0] for pair in pairs)
    print(
        f"\nfirst frame: empty app {empty * 1000:.0f} ms, console {ours * 1000:.0f} ms,"
        f" ratio of medians {ours / empty:.2f}, of minima {least:.2f}"
    )
    assert ours / empty <= 1.6


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["status", "http://127.0.0.1:9"]])
def test_one_shot_commands_against_a_bare_python(arguments: list[str]) -> None:
    def seconds(command: list[str]) -> float:
        started = time.monotonic()
        subprocess.run(command, capture_output=True, check=False)
        return time.monotonic() - started

    pairs = [
        (seconds([sys.executable, "-c", ""]), seconds([sys.executable, "-m", "comfy_tui", *arguments]))
        for _ in range(ROUNDS)
    ]
    bare, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"\n{' '.join(arguments)}: bare python {bare * 1000:.0f} ms, ours {ours * 1000:.0f} ms")
