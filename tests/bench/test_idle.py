"""Idle when idle: processor time and bytes to the terminal while nothing happens on the server.

``COMFY_TUI_BENCH_IDLE_S`` sets how long it watches each screen (default 600 seconds for the first).
"""

from __future__ import annotations

import os
import sys
import time

import pytest

from comfy_tui.demo.process import spawn_demo
from terminal import Terminal

pytestmark = pytest.mark.bench
SECONDS = float(os.environ.get("COMFY_TUI_BENCH_IDLE_S", "600"))


@pytest.mark.parametrize("screen", ["1", "3", "2", "4"])
def test_idle(screen: str) -> None:
    seconds = SECONDS if screen == "1" else min(SECONDS, 60.0)
    with spawn_demo() as url:
        terminal = Terminal([sys.executable, "-m", "comfy_tui", url])
        try:
            terminal.read_until(b"online")
            terminal.write(screen.encode())
            terminal.read(8.0)
            before, began = terminal.cpu_s(), time.monotonic()
            written = len(terminal.read(seconds))
            elapsed = time.monotonic() - began
            cpu = (terminal.cpu_s() - before) / elapsed
        finally:
            terminal.close()
    print(f"\nscreen {screen}: {cpu:.2%} of a core, {written / elapsed:.0f} bytes/s over {elapsed:.0f} s")
    assert cpu < 0.01
    assert written / elapsed < 300
