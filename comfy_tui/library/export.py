"""Writes a workflow to ``projects/{project}/workflows/{name}.json``, for ComfyUI's window."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comfy_tui.errors import ExportError
from comfy_tui.library.atomic import write_atomic

#: What a person does with the file.
DRAG_HINT = "Drag it into ComfyUI's window to open it there."
_NAME_LIMIT = 80
_NAME_LIMIT_BYTES = 180
_FREE_NAMES = 1000
#: Forbidden in names somewhere: on Windows, in shells, in ComfyUI's own user folder.
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f-\x9f]')
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[\d¹²³])(\..*)?$")


@dataclass(frozen=True, slots=True)
class Export:
    """What is written, and what a person should know of it; ``incomplete`` where changes are not in it."""

    document: Mapping[str, Any]
    note: str = ""
    incomplete: bool = False


def clean_name(name: str, fallback: str = "workflow") -> str:
    """A file name that is one everywhere: no separators, control or reserved characters, no leading dot."""
    text = unicodedata.normalize("NFC", name)
    text = "".join(ch for ch in text if unicodedata.category(ch) not in ("Cf", "Cs", "Co", "Zl", "Zp"))
    text = re.sub(r"\s+", " ", _FORBIDDEN.sub("_", text)).lstrip(". ")[:_NAME_LIMIT]
    while len(text.encode("utf-8")) > _NAME_LIMIT_BYTES:
        text = text[:-1]
    text = text.rstrip(". ")
    if not text.strip("_. "):
        return fallback
    return f"_{text}" if _RESERVED.match(text) else text


def export_path(base: Path, project: str, name: str) -> Path:
    """Where a workflow of that name goes, below the folder ``base``.

    Raises:
        ExportError: a link on the way leads out of ``base``.
    """
    folder = base / "projects" / clean_name(project, "default") / "workflows"
    try:
        inside = folder.resolve().is_relative_to(base.resolve())
    except (OSError, RuntimeError) as error:
        raise _bad(folder, error) from error
    if not inside:
        raise ExportError(
            "The workflow was not exported",
            f"{folder} leads out of {base} by a link",
            "Remove the link, or start comfy-tui with --project DIR.",
        )
    return folder / f"{clean_name(name)}.json"


def free_path(path: Path) -> Path:
    """The path itself, or the first of ``name (1)``, ``name (2)`` ... that is free."""
    if not _is_there(path):
        return path
    for number in range(1, _FREE_NAMES):
        candidate = path.with_name(f"{path.stem} ({number}){path.suffix}")
        if not _is_there(candidate):
            return candidate
    raise ExportError("The workflow was not exported", f"too many files are named {path.stem}", "Clear some.")


def _is_there(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def write_export(path: Path, document: Mapping[str, Any], *, overwrite: bool = False) -> None:
    """Write the workflow, whole or not at all.

    Raises:
        FileExistsError: there is a file and ``overwrite`` was not asked for.
        ExportError: it cannot be written.
    """
    try:
        content = json.dumps(document, ensure_ascii=False, indent=2).encode("utf-8", "surrogatepass")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, content + b"\n", replace=overwrite)
    except FileExistsError:
        if path.parent.is_dir():
            raise
        raise ExportError(
            "The workflow was not exported", f"{path.parent}: not a folder", "Remove what is there."
        ) from None
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise _bad(path, error) from error


def _bad(path: Path, error: Exception) -> ExportError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return ExportError(
        "The workflow was not exported",
        f"{path}: {reason or type(error).__name__}",
        "Is there room, and may you write there? --project DIR names another folder.",
    )
