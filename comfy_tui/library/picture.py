"""Reads a local file that is to be uploaded, and lists folders to choose files from."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from comfy_tui.errors import WorkflowError
from comfy_tui.text import format_bytes

#: ComfyUI's own default for an upload.
UPLOAD_LIMIT_BYTES = 100 * 1024 * 1024
_IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif")
_OTHER_ENDINGS = (".mp4", ".webm", ".mkv", ".mov", ".wav", ".mp3", ".flac", ".ogg", ".glb")
MEDIA_ENDINGS = _IMAGE_ENDINGS + _OTHER_ENDINGS
_LIST_LIMIT = 5000


@dataclass(frozen=True, slots=True)
class Item:
    """A folder or a file that could be uploaded."""

    name: str
    is_folder: bool
    size_bytes: int = 0


def list_items(folder: Path, endings: tuple[str, ...] = MEDIA_ENDINGS) -> tuple[Item, ...]:
    """Folders, then files of these endings, by name; hidden ones are left out.

    Raises:
        OSError: the folder cannot be read.
    """
    items: list[Item] = []
    with os.scandir(folder) as listing:
        for entry in listing:
            if entry.name.startswith("."):
                continue
            try:
                if entry.is_dir():
                    items.append(Item(entry.name, True))
                elif entry.name.lower().endswith(endings) and entry.is_file():
                    items.append(Item(entry.name, False, entry.stat().st_size))
            except OSError:
                continue
            if len(items) >= _LIST_LIMIT:
                break
    return tuple(sorted(items, key=lambda item: (not item.is_folder, item.name.casefold())))


def read_picture(path: Path) -> tuple[str, bytes]:
    """The name to upload it by, and its bytes.

    Raises:
        WorkflowError: it is not a file, empty, too large, or cannot be read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        with os.fdopen(handle, "rb") as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise _bad(path, "it is not a file")
            if state.st_size > UPLOAD_LIMIT_BYTES:
                raise _bad(
                    path,
                    f"{format_bytes(state.st_size)}; at most {format_bytes(UPLOAD_LIMIT_BYTES)} are uploaded",
                )
            content = file.read(UPLOAD_LIMIT_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise _bad(path, reason or type(error).__name__) from error
    if not content:
        raise _bad(path, "it is empty")
    # A name that is not UTF-8 on this machine cannot be one on the server.
    return path.name.encode("utf-8", "replace").decode("utf-8"), content


def _bad(path: Path, reason: str) -> WorkflowError:
    return WorkflowError("The file cannot be uploaded", f"{path}: {reason}", "Choose another file.")
