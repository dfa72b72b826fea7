"""The workflow of a run as a file of its own, so that it can be opened like any other."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from comfy_tui import paths
from comfy_tui.library.atomic import write_atomic
from comfy_tui.naming import safe_name

_MOST_FILES = 100


def write_run(name: str, prompt_id: str, content: Mapping[str, Any]) -> Path:
    """Keep a workflow, or a prompt, of a run; the oldest ones go.

    Args:
        name: the workflow's name.
        prompt_id: of the run.
        content: the document.

    Raises:
        OSError: it cannot be written.
    """
    folder = paths.ensure_private_dir(paths.state_dir() / "runs")
    stem = safe_name(f"{name.replace('/', '_')[:30]} {prompt_id[:8]}".strip())
    path = folder / f"{stem}.json"
    write_atomic(path, json.dumps(content, ensure_ascii=True).encode("ascii"))
    with contextlib.suppress(OSError):
        found = sorted(os.scandir(folder), key=lambda item: item.stat().st_mtime)
        for item in found[: max(0, len(found) - _MOST_FILES)]:
            os.unlink(item.path)
    return path
