"""The demo server as a process of its own, for whoever needs one. Imports nothing heavy."""

from __future__ import annotations

import queue
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from comfy_tui.errors import ComfyError
from comfy_tui.own_process import module_command
from comfy_tui.text import clean

READY = "comfy-tui demo server: "
_START_S = 30.0
_END_S = 3.0


@contextmanager
def spawn_demo(
    legacy: bool = False, speed: float = 1.0, *, port: int = 0, warm_up: bool = True
) -> Iterator[str]:
    """Run a demo server for as long as the ``with`` block runs, and give its address.

    The server ends with the block, and with this process should that die first: it watches a pipe.

    Raises:
        ComfyError: it did not start.
    """
    command = module_command("comfy_tui.demo", "--parent-pipe", "--speed", f"{speed:g}", "--port", str(port))
    command += ["--legacy"] if legacy else []
    command += ["--warm-up"] if warm_up else []
    with tempfile.TemporaryFile() as words:
        try:
            child = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=words, start_new_session=True
            )
        except OSError as error:
            raise ComfyError("The demo server did not start", str(error), _HINT) from error
        try:
            yield _await_url(child, words)
        finally:
            _end(child)


_HINT = "Try: python -m comfy_tui.demo --port 0; it shows what is wrong. Is aiohttp installed?"


def _await_url(child: subprocess.Popen[bytes], words: IO[bytes]) -> str:
    lines: queue.Queue[bytes] = queue.Queue()
    assert child.stdout is not None
    threading.Thread(target=_read_lines, args=(child.stdout, lines), daemon=True).start()
    try:
        line = lines.get(timeout=_START_S).decode("utf-8", "replace").strip()
    except queue.Empty:
        line = ""
    if line.startswith(READY):
        return line[len(READY) :]
    words.seek(0)
    said = words.read().decode("utf-8", "replace").strip().splitlines()
    raise ComfyError("The demo server did not start", clean(said[-1]) if said else clean(line), _HINT)


def _read_lines(stream: IO[bytes], lines: queue.Queue[bytes]) -> None:
    """Pass on the first line; then keep the pipe empty, so that the child never blocks."""
    lines.put(stream.readline())
    for _ in stream:
        continue


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.stdin is not None:
        child.stdin.close()
    if child.poll() is None:
        child.terminate()
    try:
        child.wait(_END_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    if child.stdout is not None:
        child.stdout.close()
