"""A picture on a desktop's clipboard, by the tool that the desktop has; a terminal's takes text only."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping

from comfy_tui.clipboard import run_quietly
from comfy_tui.errors import BadReply, ExportError

_TIMEOUT_S = 10.0
#: No side that is kept is longer.
_ALL_PIXELS = 1 << 30
_TITLE = "The picture cannot be copied"
#: The picture's path is handed over beside the script: a name in it could end a string.
_APPLE = (
    "osascript",
    *("-e", "on run argv"),
    *("-e", "set the clipboard to (read (POSIX file (item 1 of argv)) as «class PNGf»)"),
    *("-e", "end run"),
)
_PATH_NAME = "COMFY_TUI_PICTURE"
_WINDOWS = (
    *("powershell", "-NoProfile", "-NonInteractive", "-STA", "-Command"),
    "Add-Type -AssemblyName System.Windows.Forms, System.Drawing; [System.Windows.Forms.Clipboard]::SetImage("
    f"[System.Drawing.Image]::FromFile($env:{_PATH_NAME}))",
)


def find_tool(environ: Mapping[str, str]) -> str:
    """The program that takes a picture here.

    Raises:
        ExportError: there is none, and why.
    """
    if environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"):
        raise ExportError(
            _TITLE,
            "over SSH there is only the terminal's clipboard, which takes text",
            "Save it with s, or copy its URL.",
        )
    if sys.platform == "darwin":
        return "osascript"
    if sys.platform == "win32":
        return "powershell"
    path = environ.get("PATH", os.defpath)
    if environ.get("WAYLAND_DISPLAY") and shutil.which("wl-copy", path=path):
        return "wl-copy"
    if environ.get("DISPLAY") and shutil.which("xclip", path=path):
        return "xclip"
    if environ.get("WAYLAND_DISPLAY") or environ.get("DISPLAY"):
        raise ExportError(
            _TITLE, "neither wl-copy nor xclip is there", "Install wl-clipboard (Wayland) or xclip (X11)."
        )
    raise ExportError(_TITLE, "there is no desktop here", "Save it with s, or copy its URL.")


def copy_picture(content: bytes, environ: Mapping[str, str]) -> str:
    """Put a picture on the clipboard as PNG; returns the tool's name.

    Blocks: call it in a thread.

    Raises:
        ExportError: it cannot be done here, or it did not work.
    """
    tool = find_tool(environ)
    png = _as_png(content)
    if tool in ("osascript", "powershell"):
        done = _by_file(tool, png, environ)
    elif tool == "wl-copy":
        done = run_quietly(("wl-copy", "--type", "image/png"), png, environ, _TIMEOUT_S)
    else:
        select = ("xclip", "-selection", "clipboard", "-t", "image/png")
        # A dead display is noticed by reading back.
        done = run_quietly((*select, "-i"), png, environ, _TIMEOUT_S) and run_quietly(
            (*select, "-o"), b"", environ, _TIMEOUT_S
        )
    if not done:
        raise ExportError(_TITLE, f"{tool} did not take it", "Is the desktop there? Save it with s instead.")
    return tool


def _as_png(content: bytes) -> bytes:
    if content[:8] == b"\x89PNG\r\n\x1a\n":
        return content
    from comfy_tui.pictures.decode import FORMATS, decode_any

    try:
        image = decode_any(content, FORMATS, _ALL_PIXELS).image
    except BadReply as error:
        raise ExportError(
            _TITLE, f"it cannot be decoded: {error.message}", "Save it with s instead."
        ) from error
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()


def _by_file(tool: str, png: bytes, environ: Mapping[str, str]) -> bool:
    handle, path = tempfile.mkstemp(suffix=".png")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(png)
        command = (*_APPLE, path) if tool == "osascript" else _WINDOWS
        return run_quietly(command, b"", {**environ, _PATH_NAME: path}, _TIMEOUT_S)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)
