"""From a key to the last byte of the next picture on the terminal, by protocol, among a thousand outputs.

It is the final picture: none comes before it.  And what the process takes after so many of them.
"""

from __future__ import annotations

import os
import select
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from emulated import Emulated
from emulator import Emulator

pytestmark = pytest.mark.bench
NAMES = {"kitty": "kitty(0.41.1)", "sixel": "XTerm(379)"}
#: What a frame with a picture holds, and how often; the frame ends with the end of the update.
PICTURE = {"kitty": (b"\xf4\x8e\xbb\xae", 300), "sixel": (b"\x1bP0;1;0q", 1), "plain": (b"\xe2\x96", 200)}
END = b"\x1b[?2026l"


@contextmanager
def many(count: int) -> Iterator[str]:
    """The URL of a server with so many outputs."""
    command = [sys.executable, str(Path(__file__).with_name("many_outputs.py")), str(count)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with many(1000) as found:
        yield found


@contextmanager
def opened(kind: str, url: str, count: int) -> Iterator[tuple[Emulated, Watch]]:
    """The console on its outputs."""
    emulator = Emulator(columns=120, lines=40, kind=kind, name=NAMES.get(kind, ""))
    environ = {"TERM": "xterm-256color", "COMFY_TUI_HISTORY_ITEMS": "1000"}
    program = Emulated(emulator, [sys.executable, "-m", "comfy_tui", url], environ)
    try:
        program.see("online")
        program.press("4")
        program.see(f"{count} outputs")
        program.settle()
        watch = Watch(program, kind)
        watch.quiet(2.0)
        yield program, watch
    finally:
        program.close()


class Watch:
    """Presses a key and times what comes: the first byte, and the end of a picture."""

    def __init__(self, program: Emulated, kind: str) -> None:
        self._program, (self._mark, self._count) = program, PICTURE[kind]

    def press(self, key: str, patience_s: float = 8.0, rest_s: float = 0.8) -> tuple[float, float, int]:
        """Milliseconds to the first byte and to the whole picture, and bytes; then a rest."""
        descriptor, got, first_ms = self._program._fd, bytearray(), 0.0
        started = time.perf_counter()
        os.write(descriptor, key.encode())
        while time.perf_counter() - started < patience_s:
            if not select.select([descriptor], [], [], 0.05)[0]:
                continue
            got += os.read(descriptor, 65536)
            first_ms = first_ms or (time.perf_counter() - started) * 1000
            if got.endswith(END) and got.count(self._mark) >= self._count:
                whole_ms, size = (time.perf_counter() - started) * 1000, len(got)
                self.quiet(rest_s)
                return first_ms, whole_ms, size
        raise AssertionError(f"no picture after {key!r}: {len(got)} bytes")

    def quiet(self, seconds: float = 0.8) -> None:
        """Until what is fetched and drawn ahead is there."""
        while select.select([self._program._fd], [], [], seconds)[0]:
            os.read(self._program._fd, 65536)


@pytest.mark.parametrize("kind", list(PICTURE))
def test_the_next_of_a_thousand(kind: str, url: str) -> None:
    with opened(kind, url, 1000) as (_, watch):
        measured = {
            "a page on (cold)": [watch.press("\x1b[6~") for _ in range(12)],
            "one on (ahead)": [watch.press("j") for _ in range(12)],
            "back and on (kept)": [watch.press(key) for key in "kjkjkjkjkjkj"],
        }
    for name, found in measured.items():
        first, whole, size = (sorted(column) for column in zip(*found, strict=True))
        print(
            f"\n{kind:<6} {name:<19} picture after {statistics.median(whole):5.0f} ms median,"
            f" {whole[-1]:5.0f} most; first byte {statistics.median(first):3.0f} ms, {first[-1]:3.0f} most;"
            f" {statistics.median(size) / 1000:6.1f} kB",
            end="",
        )


@pytest.mark.parametrize("kind", ["plain", "kitty"])
def test_memory_after_three_thousand(kind: str) -> None:
    with many(3000) as url, opened(kind, url, 3000) as (program, watch):
        start = rss_bytes(program.pid)
        for count in range(1, 2990):
            watch.press("j", rest_s=0.01)
            if count in (250, 500, 1000, 2000, 2989):
                watch.quiet(3.0)
                grown = (rss_bytes(program.pid) - start) / 1e6
                print(f"\n{kind:<6} after {count} pictures: {grown:.0f} MB more than with the first", end="")


def rss_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
