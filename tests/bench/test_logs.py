"""What following a log costs: bytes on the line and processor time; and how large logs are put together.

Run: ``python -m pytest -m bench -n0 -s tests/bench/test_logs.py``
"""

from __future__ import annotations

import asyncio
import sys
import time

import pytest

from comfy_tui.comfy.events import LogEntry
from comfy_tui.demo.server import DemoServer
from comfy_tui.monitor.logs import LogBook
from terminal import Terminal

pytestmark = pytest.mark.bench


async def test_following_is_thin() -> None:
    async with DemoServer() as server:
        terminal = Terminal([sys.executable, "-m", "comfy_tui", server.url])
        try:
            await asyncio.to_thread(terminal.read_until, b"online")
            terminal.write(b"5")
            await asyncio.to_thread(terminal.read_until, b"To see it go to")
            await asyncio.to_thread(terminal.read, 3.0)
            quiet = len(await asyncio.to_thread(terminal.read, 10.0))

            async def write(lines_per_s: float, bar: bool) -> int:
                task = asyncio.create_task(asyncio.to_thread(terminal.read, 10.0))
                for number in range(int(10 * lines_per_s)):
                    if bar:
                        server.state.logs.bar(number % 99 + 1, 100, number / lines_per_s)
                    else:
                        server.state.logs.write(f"Requested to load model number {number} of the list")
                    await asyncio.sleep(1 / lines_per_s)
                return len(await task)

            cpu = terminal.cpu_s()
            bar = await write(10, bar=True)
            bar_cpu, cpu = terminal.cpu_s() - cpu, terminal.cpu_s()
            lines = await write(10, bar=False)
            lines_cpu = terminal.cpu_s() - cpu
        finally:
            terminal.close()
    print(
        f"\nbytes/s at 80x24: quiet {quiet / 10:.0f}, a bar at 10/s {bar / 10:.0f}, "
        f"10 lines/s {lines / 10:.0f}; "
        f"CPU {10 * bar_cpu:.1f} % and {10 * lines_cpu:.1f} %"
    )
    assert bar < 0.5 * lines


def test_large_logs_are_put_together_quickly() -> None:
    book = LogBook()
    began = time.process_time()
    for number in range(50_000):
        book.take_live([LogEntry(str(number), f"\x1b[32m[INFO]\x1b[0m line number {number} of the log\n")])
    took = time.process_time() - began
    print(f"\n50,000 lines: {took * 1e6 / 50_000:.0f} µs a line, {len(book.lines)} kept")
    assert len(book.lines) == 5_000
