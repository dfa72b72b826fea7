"""Previews on the disk: small pictures with what was known of their files, bounded in bytes.

Each entry is one file, written beside its place and moved there, so that two consoles never read half of
one.  What one console removes the other takes for missing.  Everything here blocks: call it in a thread.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comfy_tui import paths
from comfy_tui.errors import ComfyError
from comfy_tui.pictures.decode import bare

if TYPE_CHECKING:
    from PIL import Image

#: What all entries take at most.
LIMIT_BYTES = 512 * 1024 * 1024
#: After so much was written the folder is looked at again.
_LOOK_BYTES = 16 * 1024 * 1024
_MARK = b"comfy-tui preview 1\n"
_HEAD_BYTES = 256 * 1024
#: Pictures of so few pixels are kept exactly; larger ones with the loss of a good JPEG.
_EXACT_PIXELS = 256 * 256


def default_folder() -> Path:
    """Where previews are kept."""
    return paths.cache_dir() / "previews"


class PreviewCache:
    """A folder of previews.

    Args:
        folder: where; made when it is first written to.
        limit_bytes: what all of it takes at most.
    """

    def __init__(self, folder: Path | None = None, limit_bytes: int = LIMIT_BYTES) -> None:
        self._folder = folder
        self.limit_bytes = limit_bytes
        self._written_bytes = _LOOK_BYTES

    @property
    def folder(self) -> Path:
        """Where it is."""
        return self._folder or default_folder()

    def _place(self, key: tuple[object, ...]) -> Path:
        name = hashlib.sha256(json.dumps([str(part) for part in key]).encode()).hexdigest()
        return self.folder / name[:2] / name[2:]

    def read(self, key: tuple[object, ...], side_px: int) -> tuple[dict[str, Any], Image.Image | None] | None:
        """What is known, and the picture where there is one, its long side at most so long; None without."""
        place = self._place(key)
        try:
            content = place.read_bytes()
            os.utime(place)
        except OSError:
            return None
        try:
            return _read(content, side_px)
        except (OSError, ValueError, SyntaxError, EOFError):
            # Half a disk's worth of trouble: as if it were not there.
            with contextlib.suppress(OSError):
                place.unlink()
            return None

    def write(self, key: tuple[object, ...], facts: dict[str, Any], image: Image.Image | None) -> None:
        """Keep it; where it cannot be written, it is fetched again next time."""
        content = _MARK + json.dumps(facts).encode() + b"\n" + (_encoded(image) if image is not None else b"")
        place = self._place(key)
        beside = place.with_name(f"{place.name}.{os.getpid()}.{secrets.token_hex(4)}.part")
        try:
            paths.ensure_private_dir(place.parent)
            beside.write_bytes(content)
            os.replace(beside, place)
        except (OSError, ComfyError):
            with contextlib.suppress(OSError):
                beside.unlink()
            return
        self._written_bytes += len(content)
        if self._written_bytes >= _LOOK_BYTES:
            self._written_bytes = 0
            self.prune()

    def size_bytes(self) -> int:
        """What all entries take now."""
        return sum(size for _, size, _ in self._entries())

    def prune(self) -> None:
        """Remove what was not read for the longest time, down to four fifths of the limit."""
        entries = self._entries()
        used = sum(size for _, size, _ in entries)
        if used <= self.limit_bytes:
            return
        for _, size, place in sorted(entries, key=lambda entry: entry[0]):
            with contextlib.suppress(OSError):
                place.unlink()
            used -= size
            if used <= self.limit_bytes * 4 // 5:
                return

    def clear(self) -> None:
        """Remove every entry."""
        for _, _, place in self._entries():
            with contextlib.suppress(OSError):
                place.unlink()

    def _entries(self) -> list[tuple[float, int, Path]]:
        found: list[tuple[float, int, Path]] = []
        with contextlib.suppress(OSError):
            for shelf in self.folder.iterdir():
                with contextlib.suppress(OSError):
                    for entry in os.scandir(shelf):
                        with contextlib.suppress(OSError):
                            stat = entry.stat(follow_symlinks=False)
                            found.append((stat.st_mtime, stat.st_size, Path(entry.path)))
        return found


def _encoded(image: Image.Image) -> bytes:
    out = io.BytesIO()
    if image.width * image.height <= _EXACT_PIXELS:
        image.save(out, "PNG", compress_level=1)
    elif image.mode == "RGB":
        image.save(out, "JPEG", quality=86)
    else:
        image.save(out, "WEBP", quality=86, method=1)
    return out.getvalue()


def _read(content: bytes, side_px: int) -> tuple[dict[str, Any], Image.Image | None]:
    if not content.startswith(_MARK):
        raise ValueError("not an entry")
    end = content.index(b"\n", len(_MARK), len(_MARK) + _HEAD_BYTES)
    facts = json.loads(content[len(_MARK) : end])
    if not isinstance(facts, dict):
        raise ValueError("not an entry")
    if len(content) == end + 1:
        return facts, None
    from PIL import Image as pillow

    with pillow.open(io.BytesIO(content[end + 1 :]), formats=("JPEG", "WEBP", "PNG")) as opened:
        opened.draft("RGB", (side_px, side_px))
        opened.load()
        return facts, bare(opened, side_px)
