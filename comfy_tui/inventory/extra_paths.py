"""Reads ``extra_model_paths.yaml``: more places of models, as ComfyUI reads it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

EXTRA_PATHS = "extra_model_paths.yaml"
_SIZE_LIMIT = 1_000_000
_NO_FOLDERS = ("base_path", "is_default")


def read_extra_paths(file: Path, notes: list[str]) -> Iterator[tuple[str, Path]]:
    """The name of a models folder and a path for it, in the file's order; a broken file is a note.

    Paths are relative to ``base_path``, which is relative to the file; a key may hold several lines.
    """
    data = _load(file, notes)
    for section in data.values() if isinstance(data, dict) else ():
        if not isinstance(section, dict):
            continue
        base = _base(file.parent, section.get("base_path"))
        for name, text in section.items():
            if name in _NO_FOLDERS or not isinstance(name, str) or not isinstance(text, str):
                continue
            for line in filter(None, text.split("\n")):
                yield name, Path(os.path.normpath(base / line))


def _base(folder: Path, base_path: Any) -> Path:
    if not isinstance(base_path, str) or not base_path:
        return folder.absolute()
    return folder.absolute() / os.path.expandvars(os.path.expanduser(base_path))


def _load(file: Path, notes: list[str]) -> Any:
    import yaml  # 20 ms that only this needs

    try:
        with file.open("rb") as stream:
            text = stream.read(_SIZE_LIMIT)
        return yaml.safe_load(text.decode("utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:
        notes.append(f"{file.name} cannot be read: {type(error).__name__}")
        return {}
