"""How long the journal remembers: old and ended jobs go first; what still matters never goes."""

from __future__ import annotations

import sqlite3

from comfy_tui.monitor.journal.event_table import KEEP_EVENTS
from comfy_tui.monitor.journal.job_read import marks
from comfy_tui.monitor.journal.row import Fate

#: At most so many pages are given back to the file system at a time: a console never waits long for it.
_VACUUM_PAGES = 2_000
_BATCH = 200
_FINAL = tuple(fate.value for fate in Fate if fate.final)


def prune(connection: sqlite3.Connection, before_s: float, keep_bytes: int) -> int:
    """Forget what ended before that time, then the oldest until the file is small enough; returns how many.

    A lost job that nobody has dealt with stays.
    """
    ended = f"fate IN ({marks(_FINAL)}) AND NOT (fate = 'lost' AND ours AND again_as = '' AND NOT dismissed)"
    forgotten = connection.execute(
        f"DELETE FROM job WHERE noted_at_s < ? AND {ended}", (before_s, *_FINAL)
    ).rowcount
    connection.execute("DELETE FROM event WHERE at_s < ?", (before_s,))
    connection.execute(
        "DELETE FROM event WHERE id <= (SELECT max(id) FROM event) - ?",
        (KEEP_EVENTS,),
    )
    while used_bytes(connection) > keep_bytes:
        gone = connection.execute(
            f"DELETE FROM job WHERE id IN (SELECT id FROM job WHERE {ended} ORDER BY noted_at_s LIMIT ?)",
            (*_FINAL, _BATCH),
        ).rowcount
        if not gone:
            break
        forgotten += gone
    connection.execute(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})").fetchall()
    return forgotten


def used_bytes(connection: sqlite3.Connection) -> int:
    """What the journal takes, without pages that are free."""
    pages, free, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size
