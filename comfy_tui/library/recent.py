"""The files that were opened by their path, newest first, kept between runs."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from comfy_tui import paths
from comfy_tui.errors import ComfyError
from comfy_tui.library.atomic import write_atomic
from comfy_tui.library.entry import Entry, Group, stem_of

LIMIT = 50
_FILE_LIMIT_BYTES = 1_000_000


def recent_file() -> Path:
    """Where the list is kept."""
    return paths.state_dir() / "recent.json"


def read_recent() -> tuple[Path, ...]:
    """The paths, newest first; empty where the list lacks or cannot be read."""
    try:
        with recent_file().open("rb") as file:
            data = json.loads(file.read(_FILE_LIMIT_BYTES))
    except (OSError, ValueError, RecursionError):
        return ()
    listed = data.get("files") if isinstance(data, dict) else None
    texts = [text for text in listed if isinstance(text, str)] if isinstance(listed, list) else []
    return tuple(Path(text) for text in dict.fromkeys(texts) if text and "\0" not in text)[:LIMIT]


def add_recent(path: Path) -> None:
    """Put a path in front; where the list cannot be kept, nothing happens."""
    known = [str(path), *(str(other) for other in read_recent() if other != path)][:LIMIT]
    with contextlib.suppress(OSError, ComfyError, UnicodeEncodeError):
        paths.ensure_private_dir(recent_file().parent)
        write_atomic(recent_file(), json.dumps({"files": known}, indent=1).encode("ascii"))


def recent_group() -> Group:
    """The recent files that are still there."""
    entries = []
    for path in read_recent():
        try:
            state = path.stat()
        except (OSError, ValueError):
            continue
        entries.append(
            Entry(
                "recent",
                stem_of(path.name),
                path=path,
                size_bytes=state.st_size,
                modified_at_s=state.st_mtime,
            )
        )
    return Group("recent", "Recent", tuple(entries))
