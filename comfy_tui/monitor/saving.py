"""Saves a server's files: whole or not at all, over nothing, and nowhere but in the chosen folder."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.types import OutputFile
from comfy_tui.errors import BadReply, ComfyError, ExportError
from comfy_tui.text import DROP, clean

_NAME_BYTES = 200
_ENDING_BYTES = 16
_WRITE_BYTES = 1024 * 1024
#: Names that Windows gives to devices, with any ending.
_RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(10))}
_UNWELCOME = str.maketrans(dict.fromkeys('<>:"|?*', "_"))
#: What says that the file system has no hard links.
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}
_HINTS = {
    errno.ENOSPC: "The disk is full: free some space, or choose another folder with S.",
    errno.EDQUOT: "Your quota is used up: free some space, or choose another folder with S.",
    errno.EACCES: "You may not write there: choose another folder with S.",
    errno.EPERM: "You may not write there: choose another folder with S.",
    errno.EROFS: "It is mounted read-only: choose another folder with S.",
}


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of several files."""

    folder: Path
    files: tuple[Path, ...]
    #: The file's name and why it was not saved.
    failed: tuple[tuple[str, ComfyError], ...] = ()


def safe_name(filename: str) -> str:
    """A name for the file of that name on a server: one path component, harmless in a shell and anywhere.

    Folders in it are dropped, and control characters, leading dots, dashes and tildes, and what Windows
    forbids; it has at most 200 bytes and keeps its ending.
    """
    name = filename.replace("\\", "/").rsplit("/", 1)[-1]
    name = name.translate(DROP).translate(_UNWELCOME)
    name = name.encode("utf-8", "ignore").decode("utf-8")
    name = name.strip(" .").lstrip("-.~ ")
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending.encode()) > _ENDING_BYTES:
        stem, dot, ending = name, "", ""
    stem = stem.strip(" .") or "output"
    room = _NAME_BYTES - len((dot + ending).encode())
    stem = stem.encode()[:room].decode("utf-8", "ignore").rstrip(" .")
    if stem.split(".")[0].strip().upper() in _RESERVED:
        stem = "_" + stem
    return stem + dot + ending


async def save_files(client: ComfyClient, files: Sequence[OutputFile], folder: Path) -> Saved:
    """Save files one after the other; where some fail, the others are saved all the same.

    Raises:
        ComfyError: not one could be saved.
    """
    folder = await asyncio.to_thread(_prepare, folder)
    saved: list[Path] = []
    failed: list[tuple[str, ComfyError]] = []
    for file in files:
        try:
            saved.append(await save_file(client, file, folder))
        except ComfyError as error:
            failed.append((clean(file.filename, 80), error))
    if failed and not saved:
        raise failed[0][1]
    return Saved(folder, tuple(saved), tuple(failed))


async def save_file(client: ComfyClient, file: OutputFile, folder: Path) -> Path:
    """Save one file into a folder that is there; returns where it is now.

    Raises:
        ApiError: the server did not give all of it.
        ExportError: it could not be written.
    """
    part = Part(folder, safe_name(file.filename))
    try:
        async with client.view(file) as response:
            waiting = bytearray()
            async for chunk in response.aiter_bytes():
                waiting += chunk
                if len(waiting) >= _WRITE_BYTES:
                    await asyncio.to_thread(part.write, bytes(waiting))
                    waiting.clear()
            await asyncio.to_thread(part.write, bytes(waiting))
            _check_length(response.headers.get("content-length"), response.num_bytes_downloaded)
        return await asyncio.to_thread(part.publish)
    except OSError as error:
        raise _not_saved(folder, error) from error
    finally:
        # Shielded: when the console is left in the middle, the rest of a file goes all the same.
        await asyncio.shield(asyncio.to_thread(part.discard))


def _check_length(promised: str | None, came: int) -> None:
    if promised is not None and promised.isascii() and promised.isdigit() and int(promised) != came:
        raise BadReply(
            "The file came incomplete", f"{came} of {promised} bytes", "Nothing was saved; try again."
        )


class Part:
    """A file that is not there yet: written beside its place under a name of its own, then put there.

    Its methods run in threads, which a cancelled task leaves behind: a lock keeps them in order.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._path = folder / f".comfy-tui-{secrets.token_hex(8)}.part"
        self._stream: BinaryIO | None = None
        self._discarded = False
        self._lock = threading.Lock()

    def write(self, content: bytes) -> None:
        """Append."""
        with self._lock:
            if self._discarded:
                return
            if self._stream is None:
                # Exclusive, and with the mode that the person's umask asks for.
                self._stream = self._path.open("xb")
            self._stream.write(content)

    def publish(self) -> Path:
        """Give it its name, or the next that is free: ``name (1).png``."""
        with self._lock:
            assert self._stream is not None
            self._stream.flush()
            os.fsync(self._stream.fileno())
            self._stream.close()
            stem, dot, ending = self._name.rpartition(".")
            if not dot:
                stem, ending = self._name, ""
            for number in range(10_000):
                target = self._folder / (f"{stem} ({number}){dot}{ending}" if number else self._name)
                if self._take(target):
                    self._sync_folder()
                    return target
        raise FileExistsError(errno.EEXIST, "10000 files of that name are there", str(self._folder))

    def _take(self, target: Path) -> bool:
        """Whether the name was free; what has it, be it a broken link, is never touched or followed."""
        try:
            os.link(self._path, target)
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
            os.replace(self._path, target)
        except OSError:
            target.unlink(missing_ok=True)
            raise
        return True

    def _sync_folder(self) -> None:
        with contextlib.suppress(OSError):
            handle = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def discard(self) -> None:
        """Remove what was written, unless it has been put in its place; twice is once."""
        with self._lock:
            self._discarded = True
            if self._stream is not None:
                with contextlib.suppress(OSError):
                    self._stream.close()
                with contextlib.suppress(OSError):
                    self._path.unlink(missing_ok=True)


def _prepare(folder: Path) -> Path:
    """The folder with its links followed, made where it lacks."""
    try:
        folder = folder.expanduser()
        folder.mkdir(parents=True, exist_ok=True)
        folder = folder.resolve(strict=True)
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "not a folder", str(folder))
    except (OSError, RuntimeError, ValueError) as error:
        raise _not_saved(folder, error) from error
    return folder


def _not_saved(where: Path, error: Exception) -> ExportError:
    number = error.errno if isinstance(error, OSError) else None
    reason = (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__
    hint = _HINTS.get(number or 0, "Choose another folder with S.")
    return ExportError("Not saved", clean(f"{where}: {reason}", 400), hint)
