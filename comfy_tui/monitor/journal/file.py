"""The journal's file: opened private, set aside where it is damaged, left alone where it cannot be used."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from comfy_tui import paths
from comfy_tui.errors import ComfyError
from comfy_tui.monitor.journal.schema import NewerJournalError, prepare

#: How long another console's write is waited for.
BUSY_S = 4.0
_WITHOUT = "The console goes on without it: what it knows of jobs is in memory only."
_UNTIL = "It is tried again by itself."


def open_memory() -> sqlite3.Connection:
    """A journal that lasts as long as this run."""
    connection = _connect(":memory:")
    prepare(connection)
    return connection


def open_file(file: Path, busy_s: float | None = None) -> tuple[sqlite3.Connection, ComfyError | None]:
    """The journal in this file; where it is damaged, a new one, and what was done as an error to tell.

    Args:
        file: where it is.
        busy_s: how long another console's write is waited for while it is opened; :data:`BUSY_S`.

    Raises:
        ComfyError: it cannot be used.
    """
    try:
        return _open(file, busy_s), None
    except NewerJournalError:
        raise ComfyError(
            "The journal is of a newer comfy-tui",
            f"{file} was made by a newer version, or by another program. {_WITHOUT}",
            "Update comfy-tui.",
        ) from None
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise unusable(error, file) from error
        return _open_anew(file, error)
    except OSError as error:
        raise unusable(error, file) from error


def _open(file: Path, busy_s: float | None = None) -> sqlite3.Connection:
    paths.ensure_private_dir(file.parent)
    # Made by us, so that nobody else can read it even for a moment; SQLite's files beside it get its mode.
    handle = os.open(file, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        if os.fstat(handle).st_mode & 0o077:
            os.fchmod(handle, 0o600)
    finally:
        os.close(handle)
    connection = _connect(str(file), busy_s)
    try:
        # Only a file that is empty takes it.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA journal_size_limit = 4194304")
        prepare(connection)
        # A file that can be read but not written is found out now, not with the first job.
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT OR REPLACE INTO fact VALUES ('', 'opened', ?)", (str(int(time.time())),))
        connection.execute("COMMIT")
        connection.execute(f"PRAGMA busy_timeout = {BUSY_S * 1000:.0f}")
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(name: str, busy_s: float | None = None) -> sqlite3.Connection:
    wait_s = BUSY_S if busy_s is None else busy_s
    connection = sqlite3.connect(name, timeout=wait_s, isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def _open_anew(file: Path, error: sqlite3.DatabaseError) -> tuple[sqlite3.Connection, ComfyError | None]:
    try:
        with _alone(file):
            try:
                return _open(file), None  # another console has done it meanwhile
            except sqlite3.DatabaseError as still:
                if not is_damage(still):
                    raise
            aside = set_aside(file)
            connection = _open(file)
    except (sqlite3.DatabaseError, OSError, NewerJournalError) as second:
        raise unusable(second, file) from second
    told = ComfyError(
        "The journal was damaged",
        f"{error}. It was set aside as {aside.name} and a new one was begun.",
        f"Nothing was deleted: {aside}",
    )
    return connection, told


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Keep other consoles from setting aside the file that this one is about to make."""
    handle = os.open(f"{file}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            import fcntl
        except ImportError:  # Windows, which does not rename a file that is open either
            yield
            return
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def set_aside(file: Path) -> Path:
    """Give a damaged journal another name, with the files beside it; returns the name."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    aside = file.with_name(f"{file.name}.damaged-{stamp}")
    number = 1
    while aside.exists():
        number += 1
        aside = file.with_name(f"{file.name}.damaged-{stamp}-{number}")
    for end in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):  # another console may have done it
            os.rename(f"{file}{end}", f"{aside}{end}")
    return aside


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is broken, not only out of reach."""
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another program held the file for too long."""
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _code(error: sqlite3.Error) -> int:
    """The primary code; what Python raises itself has none."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def unusable(error: Exception, file: Path) -> ComfyError:
    """The error to tell where the journal cannot be used."""
    reason = (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__
    hint = f"Look at the disk and at who may write there. {_UNTIL}"
    if isinstance(error, sqlite3.Error) and is_busy(error):
        hint = f"Another program holds it. {_UNTIL}"
    return ComfyError("The journal cannot be used", f"{file}: {reason}. {_WITHOUT}", hint)
