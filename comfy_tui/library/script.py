"""Saves a shell script, never over a file that is there."""

from __future__ import annotations

from pathlib import Path

from comfy_tui.errors import ExportError
from comfy_tui.library.atomic import write_atomic
from comfy_tui.text import clean


def save_script(path: Path, text: str) -> Path:
    """Write a script; gives its full path.

    Raises:
        ExportError: there is such a file, or it cannot be written.
    """
    try:
        path = path.expanduser()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, text.encode("utf-8", "replace"), replace=False)
    except FileExistsError as error:
        raise ExportError(
            "The script was not saved", f"{clean(path)}: there is such a file", "Give another name."
        ) from error
    except (OSError, ValueError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ExportError(
            "The script was not saved", f"{clean(path)}: {reason}", "Is there room, and may you write there?"
        ) from error
    return path.resolve()
