"""The Manager's map of classes by pack, kept on disk for a day without its server.

The map is licensed under the GPL: it is kept where it was fetched, never shipped (manager-and-models,
section 1).
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import time
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from comfy_tui import paths
from comfy_tui.errors import ConfigError
from comfy_tui.inventory.disk import replace_file
from comfy_tui.json_weight import loads
from comfy_tui.workflow.advice.packs import PackMap

#: A map that is younger is not fetched again.
FRESH_S = 24 * 3600.0
#: Where the public copy is, as the Manager itself uses it.
PUBLIC_URL = "https://raw.githubusercontent.com/ltdrdata/ComfyUI-Manager/main/extension-node-map.json"
_ENDING = ".map.json.gz"
_PACKED_LIMIT_BYTES = 16 * 1024 * 1024
_LIMIT_BYTES = 32 * 1024 * 1024
_MOST_FILES = 8


class MapStore:
    """The folder of the maps. What cannot be read or written counts as absent.

    Args:
        folder: where they lie; ``maps`` in the cache folder if left out.
        clock: tells the time.
    """

    def __init__(self, folder: Path | None = None, clock: Callable[[], float] = time.time) -> None:
        self.folder = paths.cache_dir() / "maps" if folder is None else folder
        self._clock = clock

    def save(self, source: str, mappings: Mapping[str, Any]) -> None:
        """Keep the map that a server (its URL) or the public copy gave."""
        with contextlib.suppress(OSError, ValueError, TypeError, RecursionError, ConfigError):
            content = gzip.compress(json.dumps(mappings, separators=(",", ":")).encode(), 6)
            paths.ensure_private_dir(self.folder)
            replace_file(self._path(source), content, private=True)
            for old in self._newest_first()[_MOST_FILES:]:
                old.unlink()

    def fresh(self, source: str) -> PackMap | None:
        """The map of this source, if it is younger than a day."""
        path = self._path(source)
        with contextlib.suppress(OSError):
            if 0 <= self._clock() - path.stat().st_mtime < FRESH_S:
                return self._read(path)
        return None

    def newest(self) -> PackMap | None:
        """The newest map of any source, however old."""
        return next((found for path in self._newest_first() if (found := self._read(path))), None)

    def _path(self, source: str) -> Path:
        digest = hashlib.blake2b(source.encode("utf-8", "replace"), digest_size=10).hexdigest()
        return self.folder / f"{digest}{_ENDING}"

    def _newest_first(self) -> list[Path]:
        found: list[tuple[float, Path]] = []
        with contextlib.suppress(OSError):
            for path in self.folder.glob(f"*{_ENDING}"):
                with contextlib.suppress(OSError):
                    found.append((path.stat().st_mtime, path))
        return [path for _, path in sorted(found, reverse=True)]

    @staticmethod
    def _read(path: Path) -> PackMap | None:
        try:
            with path.open("rb") as file:
                packed = file.read(_PACKED_LIMIT_BYTES + 1)
            text = zlib.decompressobj(wbits=31).decompress(packed, _LIMIT_BYTES)
            found = PackMap.read(loads(text))
        except (OSError, ValueError, RecursionError, zlib.error):
            return None
        return found or None
