"""The folders of the demo server, and which paths lie inside them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tiff")


def split_annotation(name: str) -> tuple[str, str | None]:
    """``x.png [temp]`` is ``x.png`` and ``temp``; without a suffix the second part is None."""
    for kind in ("output", "input", "temp"):
        if name.endswith(f"[{kind}]"):
            return name[: -len(kind) - 3], kind
    return name, None


class Folders:
    """Input, output, temp and user files below one folder.

    Args:
        root: where they are; none makes a temporary folder that :meth:`remove` deletes.
        dress_name: what to do to the name of a saved file (hostile mode).
    """

    def __init__(self, root: Path | None, dress_name: Callable[[str], str]) -> None:
        self._temporary = root is None
        self.root = (root or Path(tempfile.mkdtemp(prefix="comfy-tui-demo-"))).resolve()
        self.dress_name = dress_name
        for name in ("input", "output", "temp", "user", "models"):
            (self.root / name).mkdir(parents=True, exist_ok=True)

    @property
    def user(self) -> Path:
        """Where the one user's files are."""
        return self.root / "user" / "default"

    def of(self, kind: str) -> Path | None:
        """The folder for input, output or temp files."""
        return self.root / kind if kind in ("input", "output", "temp") else None

    def inside(self, kind: str, name: str) -> Path | None:
        """The path below a folder, or None if it leaves it."""
        base = self.of(kind)
        return inside(base, name) if base is not None else None

    def pictures(self) -> list[str]:
        """Files in the input folder that a picture node offers."""
        base = self.root / "input"
        return sorted(path.name for path in base.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)

    def remove(self) -> None:
        """Delete the folder, if it was made for this server."""
        if self._temporary:
            shutil.rmtree(self.root, ignore_errors=True)


def inside(base: Path, name: str) -> Path | None:
    """The path ``name`` below ``base``, or None if it leaves it or cannot be a path."""
    if "\0" in name:
        return None
    path = (base / name).resolve()
    return path if path == base or base in path.parents else None
