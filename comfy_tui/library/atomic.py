"""Writes files whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def write_atomic(path: Path, content: bytes, *, replace: bool = True) -> None:
    """Write beside the target, then put it in its place.

    Raises:
        FileExistsError: there is something at the target and ``replace`` is false.
        OSError: it cannot be written; the target is as before.
    """
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            os.replace(temporary, path)
        else:
            _link_or_create(temporary, path, content)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def _link_or_create(temporary: str, path: Path, content: bytes) -> None:
    """Give the finished file its name only if that is free."""
    try:
        os.link(temporary, path)
        return
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        pass
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
