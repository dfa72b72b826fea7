"""Runs the restart command of the config: no shell, no input, bounded in time and in what is kept."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
import subprocess
from dataclasses import dataclass

from comfy_tui.errors import ComfyError
from comfy_tui.text import clean_lines

#: A restart that waits for the server to be up may take long; then it is ended.
LIMIT_S = 120.0
_OUTPUT_LIMIT_BYTES = 64 * 1024
#: A command may leave a server behind that holds its output open: so long its last words are waited for.
_LAST_WORDS_S = 0.5
_END_S = 3.0
_LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class CommandRun:
    """What became of the command; ``code`` is None where it was ended because it took too long."""

    command: str
    code: int | None
    #: Its words, clean, the last of them where there were many.
    output: str


async def run_restart(command: str, *, limit_s: float = LIMIT_S) -> CommandRun:
    """Run the command to its end.

    Raises:
        ComfyError: it cannot be run.
    """
    try:
        # Not asyncio's own: that one waits for the pipe too, which a server that was started may hold.
        process = await asyncio.to_thread(
            subprocess.Popen[bytes],
            shlex.split(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except (OSError, ValueError, IndexError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        title = "The restart command cannot be run"
        raise ComfyError(title, f"{command}: {reason}", "Look at restart_command in the config.") from None
    output = bytearray()
    reading = asyncio.create_task(_read(process, output))
    code: int | None = None
    try:
        code = await _ended(process, limit_s)
        if code is None:
            _kill(process, signal.SIGTERM)
            await _ended(process, _END_S)
    finally:
        if process.poll() is None:
            _kill(process, signal.SIGKILL)
            process.wait()
        await asyncio.wait({reading}, timeout=_LAST_WORDS_S)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    text = clean_lines(output.decode("utf-8", "replace"), _OUTPUT_LIMIT_BYTES).strip()
    return CommandRun(command, code, text)


async def _ended(process: subprocess.Popen[bytes], patience_s: float) -> int | None:
    """Its exit code; None where it has not ended by then."""
    for _ in range(round(patience_s / _LOOK_S)):
        if process.poll() is not None:
            break
        await asyncio.sleep(_LOOK_S)
    return process.poll()


async def _read(process: subprocess.Popen[bytes], output: bytearray) -> None:
    """Take what it writes, so that it never waits for us; the end is kept."""
    assert process.stdout is not None
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), process.stdout)
    try:
        while chunk := await reader.read(16 * 1024):
            output += chunk
            del output[:-_OUTPUT_LIMIT_BYTES]
    finally:
        transport.close()


def _kill(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to it and its children."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
