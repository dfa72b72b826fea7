"""Opening a file or an address with the desktop's own program, where there is a desktop; never by a shell."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from comfy_tui.errors import ExportError

_TITLE = "It cannot be opened outside"
#: Kinds of files that a desktop shows. Others might be run, with a name and content from a server.
_VIEWABLE = frozenset(
    (
        *(
            "png",
            "jpg",
            "jpeg",
            "webp",
            "gif",
            "bmp",
            "avif",
            "tif",
            "tiff",
            "heic",
            "jxl",
            "exr",
            "mp4",
            "webm",
            "mkv",
            "mov",
        ),
        *("m4v", "flac", "mp3", "wav", "opus", "ogg", "m4a", "txt", "json"),
    )
)
#: A program that says so soon that it failed has not opened it; one that still runs has.
_PATIENCE_S = 3.0


def is_viewable(name: str) -> bool:
    """Whether a file of that name is shown by a desktop and not run."""
    return name.rpartition(".")[2].lower() in _VIEWABLE


def find_opener(environ: Mapping[str, str]) -> str:
    """The desktop's program that opens things.

    Raises:
        ExportError: there is no desktop here, or no such program.
    """
    if sys.platform == "darwin" and not environ.get("SSH_CONNECTION"):
        return "open"
    if sys.platform == "win32":
        return "Windows"
    if not environ.get("DISPLAY") and not environ.get("WAYLAND_DISPLAY"):
        raise ExportError(
            _TITLE, "there is no desktop where the console runs", "y copies its URL; s saves the file."
        )
    if shutil.which("xdg-open", path=environ.get("PATH", os.defpath)) is None:
        raise ExportError(_TITLE, "there is no xdg-open", "Install xdg-utils, or copy its URL with y.")
    return "xdg-open"


def open_outside(target: Path | str, environ: Mapping[str, str]) -> str:
    """Open a saved file, or an http address; returns the program's name. Blocks for some seconds at most.

    Raises:
        ExportError: it is no such thing, or the program failed.
    """
    opener = find_opener(environ)
    if isinstance(target, Path):
        if not is_viewable(target.name):
            raise ExportError(_TITLE, f"{target.name}: a desktop might run such a file", "Open it yourself.")
        if not target.is_file():
            raise ExportError(_TITLE, f"{target} is not there any more", "s saves it again.")
        word = str(target.absolute())
    elif target.startswith(("http://", "https://")):
        word = target
    else:
        raise ExportError(_TITLE, "it is neither a file nor an http address")
    try:
        if sys.platform == "win32":
            os.startfile(word)  # as a double click does it: no shell reads what & or % may be in the name
            return opener
        process = subprocess.Popen(
            (opener, word),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=dict(environ),
            start_new_session=True,
        )
        code = process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        return opener
    except (OSError, ValueError) as error:
        raise ExportError(_TITLE, f"{opener}: {error}", "y copies its URL; s saves the file.") from error
    if code:
        raise ExportError(
            _TITLE, f"{opener} ended with {code}", "Is a program for this kind of file installed?"
        )
    return opener
