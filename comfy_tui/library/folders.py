"""Lists the workflow files of a folder and of those below it."""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from comfy_tui.library.entry import Entry, Group, is_media, stem_of
from comfy_tui.text import count_of

DEPTH_LIMIT = 8
FILE_LIMIT = 20_000
#: So many pictures, videos and sounds of a folder are listed, the newest ones.
MEDIA_LIMIT = 200
_SEEN_LIMIT = 5 * FILE_LIMIT


def list_groups(key: str, title: str, folder: Path) -> tuple[Group, Group]:
    """The ``*.json`` files in a folder and below it by name, and the newest pictures, videos and sounds.

    Hidden ones are left out; a folder that several links lead to is read once, so that links in a circle end.
    Names alone are read: whether a picture holds a workflow is seen when it is opened.
    """
    walk = _Walk(folder)
    texts: list[_File] = []
    media: list[_File] = []
    try:
        with suppress(_EnoughError):
            for file in walk.files():
                (media if file.is_media else texts).append(file)
    except OSError as error:
        note = f"{folder}: {error.strerror or type(error).__name__}"
        return Group(key, title, (), note), Group(f"{key}.media", title)
    texts.sort(key=lambda file: file.name.casefold())
    newest = heapq.nsmallest(MEDIA_LIMIT, media, key=lambda file: (-file.modified_at_s, file.name))
    cut = f"the newest of {len(media)}; o opens any other" if len(media) > MEDIA_LIMIT else ""
    return (
        Group(key, title, tuple(file.entry(key) for file in texts), walk.note(bool(texts))),
        Group(
            f"{key}.media",
            f"{title}: pictures, videos, sound",
            tuple(file.entry(f"{key}.media") for file in newest),
            cut,
        ),
    )


class _EnoughError(Exception):
    """So many files were seen that the rest is left alone."""


@dataclass(frozen=True, slots=True)
class _File:
    """One file of a walk; ``name`` is its path below the folder."""

    name: str
    path: Path
    size_bytes: int
    modified_at_s: float
    is_media: bool

    def entry(self, group: str) -> Entry:
        return Entry(
            group,
            self.name if self.is_media else stem_of(self.name),
            path=self.path,
            size_bytes=self.size_bytes,
            modified_at_s=self.modified_at_s,
        )


class _Walk:
    """One walk through a folder, with a note of what was left out."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: set[tuple[int, int]] = set()
        self._unreadable = 0
        self._cut = False
        #: Files of each kind, media or not.
        self._counts = {True: 0, False: 0}

    def files(self) -> Iterator[_File]:
        """Workflow files and media, in any order.

        Raises:
            OSError: the folder itself cannot be read.
        """
        waiting = [(self._folder, "", 0)]
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
                elif (found := self._file(item, prefix)) is not None:
                    yield found

    def _file(self, item: os.DirEntry[str], prefix: str) -> _File | None:
        media = is_media(item.name)
        if not media and not item.name.lower().endswith(".json"):
            return None
        self._counts[media] += 1
        if sum(self._counts.values()) > _SEEN_LIMIT:
            raise _EnoughError
        if self._counts[media] > FILE_LIMIT:
            self._cut = True
            return None
        try:
            state = item.stat()
        except OSError:  # a link that leads nowhere: listed, so that its message is seen
            return _File(prefix + item.name, Path(item.path), 0, 0.0, media)
        return _File(prefix + item.name, Path(item.path), state.st_size, state.st_mtime, media)

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
