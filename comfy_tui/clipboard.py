"""Text on the clipboard, by the way that works where the console runs; says truthfully which it was.

Inside tmux its own command, over SSH the terminal itself (OSC 52), on a desktop pyperclip.  All of it
blocks: call it in a thread.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum

from comfy_tui.errors import ExportError
from comfy_tui.text import DROP, format_bytes

#: The largest text that was seen to pass a terminal and tmux on its way (terminal-facts, section 3).
OSC52_LIMIT_BYTES = 500_000
#: The largest that was seen to get through tmux's own command, and what a desktop is asked to hold.
TMUX_LIMIT_BYTES = 1_000_000
DESKTOP_LIMIT_BYTES = 10_000_000
_TMUX_TIMEOUT_S = 2.0
_DESKTOP_TIMEOUT_S = 5.0

#: What pyperclip does runs in a Python of its own, for four reasons: with a dead DISPLAY its ``copy``
#: raises nothing, so the text is read back; the tools behind it complain on the stderr that they
#: inherit, which is the screen of the console; they may hang; and importing it costs 42 ms.
#: A clipboard owned by Qt would be forgotten when that process ends, so that is no way at all.
_DESKTOP = """
import sys, pyperclip
text = sys.stdin.buffer.read().decode("utf-8")
copy, paste = pyperclip.determine_clipboard()
if "_qt" in getattr(copy, "__name__", ""):
    sys.exit(3)
copy(text)
sys.exit(0 if paste().replace("\\r\\n", "\\n").rstrip("\\n") == text.rstrip("\\n") else 4)
"""


class Route(StrEnum):
    """Where the text went."""

    #: Into tmux's buffer, and from there to the terminal.
    TMUX = "tmux"
    #: Into the desktop's clipboard, read back to be sure.
    DESKTOP = "desktop"
    #: Nowhere yet: the caller sends it to the terminal by OSC 52, which confirms nothing.
    TERMINAL = "terminal"


def safe(text: str) -> str:
    """The text without control and bidirectional characters; line breaks and tabs stay.

    What is pasted into a shell is typed there: an escape sequence from a server must not get that far.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = {code: None for code in DROP if code not in (0x09, 0x0A)}
    return text.translate(kept).encode("utf-8", "replace").decode("utf-8")


def copy(text: str, environ: Mapping[str, str]) -> Route:
    """Copy a text that is already :func:`safe`, or find that only the terminal itself can.

    Args:
        text: what to copy.
        environ: the environment; tmux, SSH and displays are seen by it.

    Raises:
        ExportError: there is nothing to copy, or it is too long for the only way there is.
    """
    if not text:
        raise ExportError("Nothing to copy", "the text is empty")
    content = text.encode("utf-8")
    if environ.get("TMUX"):
        if len(content) > TMUX_LIMIT_BYTES:
            raise _too_long(len(content), "tmux", TMUX_LIMIT_BYTES)
        # -w hands it on to the terminal, whatever tmux's set-clipboard says; tmux 3.2 and newer.
        if run_quietly(("tmux", "load-buffer", "-w", "-"), content, environ, _TMUX_TIMEOUT_S):
            return Route.TMUX
    elif not environ.get("SSH_CONNECTION") and not environ.get("SSH_TTY"):
        # -P: a pyperclip.py in the working folder is not ours to run.
        if len(content) > DESKTOP_LIMIT_BYTES:
            raise _too_long(len(content), "a desktop", DESKTOP_LIMIT_BYTES)
        command = (sys.executable, "-P", "-c", _DESKTOP)
        if sys.executable and run_quietly(command, content, environ, _DESKTOP_TIMEOUT_S):
            return Route.DESKTOP
    if len(content) > OSC52_LIMIT_BYTES:
        raise _too_long(len(content), "a terminal", OSC52_LIMIT_BYTES)
    return Route.TERMINAL


def words(route: Route, environ: Mapping[str, str]) -> str:
    """Which way a text went, and what to do where nobody can know whether it arrived."""
    if route is Route.DESKTOP:
        return "copied to the desktop's clipboard."
    if route is Route.TMUX:
        return "copied; tmux pastes it with prefix ]. It was handed to the terminal, too."
    lost = ""
    if environ.get("TMUX"):
        lost = " tmux may drop it: see comfy-tui doctor."
    elif environ.get("STY"):
        lost = " GNU screen drops it."
    return (
        f"sent to the terminal's clipboard, if it takes it; it never says.{lost} "
        "ctrl+y shows the text and saves it."
    )


def _too_long(size_bytes: int, what: str, limit_bytes: int) -> ExportError:
    return ExportError(
        "Too long for the clipboard",
        f"{format_bytes(size_bytes)}; {what} takes {format_bytes(limit_bytes)} at most",
        "ctrl+y shows it and saves it to a file.",
    )


def run_quietly(command: Sequence[str], content: bytes, environ: Mapping[str, str], timeout_s: float) -> bool:
    """Whether the command took the text and said that all was well."""
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=dict(environ),
            start_new_session=True,
        )
    except (OSError, ValueError):
        return False
    try:
        process.communicate(content, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        _end(process)
        return False
    except OSError:
        process.wait()
        return False
    return process.returncode == 0


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the command with everything that it started: a hung xclip outlives its parent."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.communicate()
