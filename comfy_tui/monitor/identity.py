"""Who we are to a server: the mark of this person's jobs."""

from __future__ import annotations

import contextlib
import uuid

from comfy_tui import paths
from comfy_tui.errors import ComfyError


def read_install_id() -> str:
    """The id that marks this person's jobs, made at the first start and kept in the state folder.

    Where it cannot be kept, it lasts for this run.
    """
    file = paths.state_dir() / "install_id"
    try:
        known = file.read_text("ascii").strip()
        if len(known) == 32 and known.isalnum():
            return known
    except (OSError, UnicodeDecodeError):
        pass
    fresh = uuid.uuid4().hex
    with contextlib.suppress(OSError, ComfyError):
        paths.ensure_private_dir(file.parent)
        file.write_text(fresh, "ascii")
    return fresh
