"""Lists the workflow files of a folder and of those below it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from comfy_tui.library.entry import Entry, Group, stem_of
from comfy_tui.text import count_of

DEPTH_LIMIT = 8
FILE_LIMIT = 20_000


def list_folder(key: str, title: str, folder: Path) -> Group:
    """The ``*.json`` files in the folder and below it, sorted by name; hidden ones are left out.

    A folder that several links lead to is read once, so that links in a circle end.
    """
    walk = _Walk(folder)
    try:
        found = sorted(walk.files(), key=lambda item: item[0].casefold())
    except OSError as error:
        return Group(key, title, (), f"{folder}: {error.strerror or type(error).__name__}")
    entries = tuple(
        Entry(key, stem_of(name), path=path, size_bytes=size, modified_at_s=modified)
        for name, path, size, modified in found
    )
    return Group(key, title, entries, walk.note(bool(entries)))


class _Walk:
    """One walk through a folder, with a note of what was left out."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: set[tuple[int, int]] = set()
        self._unreadable = 0
        self._cut = False

    def files(self) -> Iterator[tuple[str, Path, int, float]]:
        """Name below the folder, path, size and time of each file.

        Raises:
            OSError: the folder itself cannot be read.
        """
        waiting = [(self._folder, "", 0)]
        count = 0
        while waiting:
            folder, prefix, depth = waiting.pop()
            try:
                if not self._is_new(folder):
                    continue
                with os.scandir(folder) as listing:
                    items = list(listing)
            except OSError:
                if not prefix:
                    raise
                self._unreadable += 1
                continue
            for item in items:
                if item.name.startswith("."):
                    continue
                if _is_folder(item):
                    self._cut |= depth + 1 > DEPTH_LIMIT
                    if depth + 1 <= DEPTH_LIMIT:
                        waiting.append((Path(item.path), f"{prefix}{item.name}/", depth + 1))
                    continue
                found = _workflow_file(item, prefix)
                if found is None:
                    continue
                count += 1
                if count > FILE_LIMIT:
                    self._cut = True
                    return
                yield found

    def _is_new(self, folder: Path) -> bool:
        state = os.stat(folder)
        place = (state.st_dev, state.st_ino)
        if place in self._seen:
            return False
        self._seen.add(place)
        return True

    def note(self, found: bool) -> str:
        """What a person should know of this listing."""
        notes = [] if found else [f"no *.json in {self._folder}"]
        if self._unreadable:
            notes.append(f"{count_of(self._unreadable, 'folder')} cannot be read")
        if self._cut:
            notes.append(f"only {FILE_LIMIT} files and {DEPTH_LIMIT} levels are listed")
        return "; ".join(notes)


def _is_folder(item: os.DirEntry[str]) -> bool:
    try:
        return item.is_dir()
    except OSError:
        return False


def _workflow_file(item: os.DirEntry[str], prefix: str) -> tuple[str, Path, int, float] | None:
    if not item.name.lower().endswith(".json"):
        return None
    try:
        state = item.stat()
    except OSError:  # a link that leads nowhere: listed, so that its message is seen
        return (prefix + item.name, Path(item.path), 0, 0.0)
    return (prefix + item.name, Path(item.path), state.st_size, state.st_mtime)
