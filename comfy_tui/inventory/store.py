"""Inventories on disk, a file per server and version: for a start, and a day without the server.

A file is a line that names the format, then one zlib stream: the length of a head, the head (JSON: all
but the node classes, and the index of these), and the JSON of the classes one after the other. To load
it is to unpack it and read the head, which is several times faster than parsing the same JSON
(``tests/bench/test_inventory.py``), and a class is parsed when it is asked for. ``marshal`` would load
all of them in two thirds of the time of JSON, but may crash on a file that somebody made; nothing here
is more than JSON with a checksum, so that a bad file is at worst set aside and fetched anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from comfy_tui import paths
from comfy_tui.errors import ConfigError
from comfy_tui.inventory.disk import replace_file
from comfy_tui.inventory.inventory import Inventory, Origin, Pack, System
from comfy_tui.inventory.node_table import NodeTable

MAGIC = b"comfy-tui inventory 1\n"
ENDING = ".inventory"
#: Files and bytes that are kept; the ones that were written longest ago go first.
FILE_LIMIT = 32
TOTAL_LIMIT_BYTES = 256 * 1024 * 1024
#: What a file may unpack to.
UNPACKED_LIMIT_BYTES = 512 * 1024 * 1024
_HEAD_LENGTH = struct.Struct(">I")
_SET_ASIDE = ".broken"


class StoreError(Exception):
    """A file of the cache cannot be used."""


def pack(inventory: Inventory) -> bytes:
    """The bytes of an inventory as they are kept."""
    table = NodeTable.of(inventory.object_info)
    body, index = table.packed()
    head = {
        "server": inventory.server,
        "comfyui_version": inventory.comfyui_version,
        "fetched_at_s": inventory.fetched_at_s,
        "models": inventory.models,
        "models_at_s": inventory.models_at_s,
        "embeddings": inventory.embeddings,
        "replacements": inventory.replacements,
        "packs": [asdict(one) for one in inventory.packs],
        "packages": inventory.packages,
        "system": asdict(inventory.system),
        "mark": inventory.mark,
        "index": index,
    }
    text = json.dumps(head, separators=(",", ":")).encode("ascii")
    return MAGIC + zlib.compress(_HEAD_LENGTH.pack(len(text)) + text + body, 6)


def unpack(content: bytes) -> Inventory:
    """The reverse of :func:`pack`.

    Raises:
        StoreError: the bytes are cut off, changed, or not ours.
    """
    if not content.startswith(MAGIC):
        raise StoreError("it is not a file of comfy-tui's cache")
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(content[len(MAGIC) :], UNPACKED_LIMIT_BYTES)
        if not unpacker.eof:
            raise StoreError("it is cut off or too large")
        (length,) = _HEAD_LENGTH.unpack_from(data)
        start = _HEAD_LENGTH.size
        head = json.loads(data[start : start + length])
        return _read_head(head, data[start + length :])
    except (
        zlib.error,
        struct.error,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        RecursionError,
    ) as error:
        raise StoreError("it is damaged") from error


def _read_head(head: Mapping[str, Any], body: bytes) -> Inventory:
    models, embeddings = head["models"], head["embeddings"]
    return Inventory(
        server=str(head["server"]),
        comfyui_version=head["comfyui_version"],
        fetched_at_s=head["fetched_at_s"],
        object_info=NodeTable.unpacked(body, [(name, length) for name, length in head["index"]]),
        models=None if models is None else {name: tuple(files) for name, files in models.items()},
        models_at_s=head["models_at_s"],
        embeddings=None if embeddings is None else tuple(embeddings),
        replacements=dict(head.get("replacements") or {}),
        packs=tuple(Pack(**one) for one in head["packs"]),
        packages=tuple((name, version) for name, version in head["packages"]),
        system=System(**head["system"]),
        mark=str(head["mark"]),
        origin=Origin.CACHE,
    )


class InventoryStore:
    """The folder of the inventories; a file that cannot be used counts as none.

    Args:
        folder: where they lie; ``inventory`` in the cache folder if left out.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = paths.cache_dir() / "inventory" if folder is None else folder

    def path_of(self, server: str, version: str | None) -> Path:
        """The file for a server and a version of ComfyUI on it."""
        return self.folder / f"{_prefix(server)}-{_slug(version or 'unknown', 24)}{ENDING}"

    def save(self, inventory: Inventory) -> Path | None:
        """Keep an inventory; gives its file, or None where it cannot be kept (a full disk, say)."""
        path = self.path_of(inventory.server, inventory.comfyui_version)
        try:
            content = pack(inventory)
            paths.ensure_private_dir(self.folder)
            replace_file(path, content, private=True)
        except (OSError, ValueError, TypeError, ConfigError):
            return None
        self._tidy(path)
        return path

    def load(self, server: str, version: str | None = None) -> Inventory | None:
        """What was kept of a server, the newest of all its versions if none is named."""
        if version is not None:
            return self._load(self.path_of(server, version), server)
        for path in self._newest_first(f"{_prefix(server)}-*{ENDING}"):
            found = self._load(path, server)
            if found is not None:
                return found
        return None

    def _load(self, path: Path, server: str) -> Inventory | None:
        try:
            if path.stat().st_size > TOTAL_LIMIT_BYTES:
                raise StoreError("too large")
            found = unpack(path.read_bytes())
        except OSError:
            return None
        except StoreError:
            with contextlib.suppress(OSError):
                os.replace(path, path.with_name(path.name + _SET_ASIDE))
            return None
        return found if found.server == server else None

    def _newest_first(self, pattern: str) -> list[Path]:
        found: list[tuple[int, Path]] = []
        with contextlib.suppress(OSError):
            for path in self.folder.glob(pattern):
                with contextlib.suppress(OSError):
                    found.append((path.stat().st_mtime_ns, path))
        return [path for _, path in sorted(found, reverse=True)]

    def _tidy(self, just_written: Path) -> None:
        """Remove what is too much, the oldest first, and never what was just written."""
        room = TOTAL_LIMIT_BYTES
        listed = self._newest_first(f"*{ENDING}*")
        listed.sort(key=lambda path: path != just_written)
        for number, path in enumerate(listed):
            with contextlib.suppress(OSError):
                room -= path.stat().st_size
                if path != just_written and (number >= FILE_LIMIT or room < 0):
                    path.unlink()


def _prefix(server: str) -> str:
    digest = hashlib.blake2b(server.encode("utf-8", "replace"), digest_size=8).hexdigest()
    return f"{_slug(server.partition('://')[2] or server, 40)}-{digest}"


def _slug(text: str, limit: int) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "_", text)[:limit].strip("._") or "_"
