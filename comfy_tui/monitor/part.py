"""A file that is being saved: written beside its place, then put there whole, over nothing."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

#: So much of a disk is left free: whoever fills it hurts more than this file.
DISK_RESERVE_BYTES = 64 * 1024 * 1024
_LOOK_EVERY_BYTES = 32 * 1024 * 1024
_BEGINNING, _END = ".comfy-tui-", ".part"
#: A part that was written to less than this ago belongs to somebody, whatever its lock says.
_YOUNG_S = 60.0
#: What says that the file system has no hard links.
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}


class Part:
    """A file that is not there yet, in a folder that is.

    Its methods run in threads, which a cancelled task leaves behind: a lock keeps them in order.

    Args:
        folder: where it will be, or below; links in its path are followed already.
        names: the places to try, each as components below the folder.
    """

    def __init__(self, folder: Path, names: Iterable[tuple[str, ...]]) -> None:
        self._folder = folder
        self._names = names
        self.path = folder / f"{_BEGINNING}{secrets.token_hex(8)}{_END}"
        self.size_bytes = 0
        self._looked_at_bytes = 0
        self._stream: BinaryIO | None = None
        self._discarded = False
        self._lock = threading.Lock()

    def make_room(self, size_bytes: int) -> None:
        """See whether so much can be written, and some of the disk stays free.

        Raises:
            OSError: the disk has not that much room.
        """
        reserve = min(DISK_RESERVE_BYTES, size_bytes)  # a small file still goes on a disk that is nearly full
        if shutil.disk_usage(self._folder).free < size_bytes + reserve:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._folder))

    def write(self, content: bytes) -> None:
        """Append; a disk that gets full is noticed before it is."""
        with self._lock:
            if self._discarded:
                return
            if self.size_bytes + len(content) - self._looked_at_bytes >= _LOOK_EVERY_BYTES:
                self._looked_at_bytes = self.size_bytes
                self.make_room(DISK_RESERVE_BYTES)
            self._open().write(content)
            self.size_bytes += len(content)

    def _open(self) -> BinaryIO:
        if self._stream is None:
            # Exclusive, and with the mode that the person's umask asks for.
            self._stream = self.path.open("x+b")
            _lock(self._stream.fileno())  # held as long as the process lives: else it was left behind
        return self._stream

    def restart(self) -> None:
        """Begin again with nothing."""
        with self._lock:
            if not self._discarded:
                stream = self._open()
                stream.seek(0)
                stream.truncate()
                self.size_bytes = self._looked_at_bytes = 0

    def content(self) -> BinaryIO:
        """What was written, to be read from its beginning."""
        with self._lock:
            stream = self._open()
            stream.flush()
            stream.seek(0)
            return stream

    def publish(self) -> Path:
        """Give it the first of its names that is free.

        Raises:
            OSError: it cannot be put there, or every name is taken.
        """
        with self._lock:
            stream = self._open()
            stream.flush()
            os.fsync(stream.fileno())
            stream.close()
            for number, parts in enumerate(self._names):
                if number >= 10_000:
                    break
                target = self._place(parts)
                if self._take(target):
                    _sync_folder(target.parent)
                    return target
        raise FileExistsError(errno.EEXIST, "10000 files of that name are there", str(self._folder))

    def _place(self, parts: tuple[str, ...]) -> Path:
        """The path of a name, its folders made; a link among them may not lead out."""
        folder = self._folder.joinpath(*parts[:-1])
        if len(parts) > 1:
            folder.mkdir(parents=True, exist_ok=True)
            if not folder.resolve(strict=True).is_relative_to(self._folder):
                raise OSError(errno.EPERM, "a link there leads out of the folder", str(folder))
        return folder / parts[-1]

    def _take(self, target: Path) -> bool:
        """Whether the name was free; what has it, be it a broken link, is never touched or followed."""
        try:
            os.link(self.path, target)
        except FileExistsError:
            return False
        except (OSError, NotImplementedError) as error:
            if isinstance(error, OSError) and error.errno not in _NO_LINKS:
                raise
            return self._take_without_links(target)
        return True

    def _take_without_links(self, target: Path) -> bool:
        """Reserve the name with an empty file, then put ours in its place."""
        try:
            target.open("xb").close()
        except FileExistsError:
            return False
        try:
            os.replace(self.path, target)
        except OSError:
            target.unlink(missing_ok=True)
            raise
        return True

    def discard(self) -> None:
        """Remove what was written, unless it has been put in its place; twice is once."""
        with self._lock:
            self._discarded = True
            if self._stream is not None:
                with contextlib.suppress(OSError):
                    self._stream.close()
                with contextlib.suppress(OSError):
                    self.path.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what consoles that were killed while they saved have left in that folder."""
    with contextlib.suppress(OSError), os.scandir(folder) as listing:
        for entry in listing:
            if entry.name.startswith(_BEGINNING) and entry.name.endswith(_END):
                with contextlib.suppress(OSError):
                    _remove_abandoned(entry)


def _remove_abandoned(entry: os.DirEntry[str]) -> None:
    facts = entry.stat(follow_symlinks=False)
    if not stat.S_ISREG(facts.st_mode) or time.time() - facts.st_mtime < _YOUNG_S:
        return
    handle = os.open(entry.path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    try:
        abandoned = _lock(handle)
        if abandoned:
            os.unlink(entry.path)
    finally:
        os.close(handle)
    if abandoned is None:  # Windows: a file that somebody holds open cannot be removed
        os.unlink(entry.path)


def _lock(handle: int) -> bool | None:
    """Lock a file for this process; False where it is locked or cannot be, None where there are no locks."""
    try:
        import fcntl
    except ImportError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
