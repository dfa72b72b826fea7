"""Saves a server's files: whole or not at all, over nothing, and nowhere but in the chosen folder."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.types import OutputFile
from comfy_tui.errors import ComfyError, ExportError
from comfy_tui.monitor.download import Stopped, download
from comfy_tui.monitor.part import Part, remove_leftovers
from comfy_tui.naming import DEFAULT_NAME, NameTemplate, safe_name
from comfy_tui.text import clean

_HINTS = {
    errno.ENOSPC: "The disk is full: free some space, or choose another folder with S.",
    errno.EDQUOT: "Your quota is used up: free some space, or choose another folder with S.",
    errno.EACCES: "You may not write there: choose another folder with S.",
    errno.EPERM: "You may not write there: choose another folder with S.",
    errno.EROFS: "It is mounted read-only: choose another folder with S.",
}


class NotStripped(ExportError):
    """The metadata cannot be taken out of this file; others may be saved all the same."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to save, and what is known of it for its name (:data:`comfy_tui.naming.FIELDS`)."""

    file: OutputFile
    values: Mapping[str, str] = field(default_factory=dict)
    prompt_id: str = ""
    #: The way to its server, where that is another one.
    client: ComfyClient | None = None


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of several files."""

    folder: Path
    files: tuple[Path, ...]
    #: The file's name and why it was not saved.
    failed: tuple[tuple[str, ComfyError], ...] = ()
    #: How many were left when a person stopped it.
    left: int = 0


@dataclass(frozen=True, slots=True)
class SaveProgress:
    """How far the saving is: which file of how many, and how much of it is here."""

    number: int
    count: int
    name: str
    done_bytes: int = 0
    total_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class How:
    """How files are saved.

    Attributes:
        template: how they are called.
        strip: leave out the prompt and the workflow that are in them.
        told: is told of the progress, on the event loop.
        stopped: whether a person wants it to end.
        kept: is told of each file that is in its place; runs in a thread.
    """

    template: NameTemplate = DEFAULT_NAME
    strip: bool = False
    told: Callable[[SaveProgress], None] | None = None
    stopped: Callable[[], bool] | None = None
    kept: Callable[[Wanted, Path], None] | None = None


async def save_files(client: ComfyClient, wanted: Sequence[Wanted], folder: Path, how: How = How()) -> Saved:
    """Save files one after the other; where some fail, the others are saved all the same.

    Raises:
        ComfyError: not one could be saved.
    """
    folder = await asyncio.to_thread(prepare_folder, folder)
    saved: list[Path] = []
    failed: list[tuple[str, ComfyError]] = []
    left = 0
    for number, item in enumerate(wanted, 1):
        try:
            saved.append(await save_file(item.client or client, item, folder, how, (number, len(wanted))))
        except Stopped:
            left = len(wanted) - number + 1
            break
        except ComfyError as error:
            failed.append((clean(item.file.filename, 80), error))
    if failed and not saved and not left:
        raise failed[0][1]
    return Saved(folder, tuple(saved), tuple(failed), left)


async def save_file(
    client: ComfyClient, wanted: Wanted, folder: Path, how: How = How(), place: tuple[int, int] = (1, 1)
) -> Path:
    """Save one file into a folder that is there; returns where it is now.

    Args:
        client: the server.
        wanted: the file.
        folder: as :func:`prepare_folder` gave it.
        how: how.
        place: which one it is of how many, for the progress.

    Raises:
        ApiError: the server did not give all of it.
        ExportError: it could not be written, or not be stripped.
    """
    name = clean(wanted.file.filename, 80)
    told = how.told

    def on_bytes(done: int, total: int | None) -> None:
        if told is not None:
            told(SaveProgress(*place, name, done, total))

    whole = Part(folder, how.template.names(_values(wanted)))
    stripped = Part(folder, how.template.names(_values(wanted))) if how.strip else None
    try:
        on_bytes(0, None)
        await download(client, wanted.file, whole, told=on_bytes, stopped=how.stopped)
        if stripped is not None:
            await asyncio.to_thread(_strip, whole, stripped, name)
        path = await asyncio.to_thread((stripped or whole).publish)
    except OSError as error:
        raise _not_saved(folder, error) from error
    finally:
        # Shielded: when the console is left in the middle, the rest of a file goes all the same.
        await asyncio.shield(asyncio.to_thread(_discard, whole, stripped))
    if how.kept is not None:
        await asyncio.to_thread(how.kept, wanted, path)
    return path


def _values(wanted: Wanted) -> dict[str, str]:
    stem, dot, ending = safe_name(wanted.file.filename).rpartition(".")
    return {**wanted.values, "name": stem if dot else ending, "ext": ending if dot else ""}


def _strip(whole: Part, stripped: Part, name: str) -> None:
    from comfy_tui.workflow.media.strip import is_bare, strip
    from comfy_tui.workflow.media.strip_streams import CannotStrip

    try:
        for piece in strip(whole.content()):
            stripped.write(piece)
        if not is_bare(stripped.content()):
            raise CannotStrip("its prompt stands where it cannot be taken out")
    except CannotStrip as error:
        raise NotStripped("Not saved without metadata", f"{name}: {error}", "Save it as it is.") from error


def _discard(*parts: Part | None) -> None:
    for part in parts:
        if part is not None:
            part.discard()


def prepare_folder(folder: Path) -> Path:
    """The folder with its links followed, made where it lacks, and without what killed consoles left.

    Raises:
        ExportError: it cannot be.
    """
    try:
        folder = folder.expanduser()
        folder.mkdir(parents=True, exist_ok=True)
        folder = folder.resolve(strict=True)
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "not a folder", str(folder))
        remove_leftovers(folder)
    except (OSError, RuntimeError, ValueError) as error:
        raise _not_saved(folder, error) from error
    return folder


def _not_saved(where: Path, error: Exception) -> ExportError:
    number = error.errno if isinstance(error, OSError) else None
    reason = (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__
    hint = _HINTS.get(number or 0, "Choose another folder with S.")
    return ExportError("Not saved", clean(f"{where}: {reason}", 400), hint)
