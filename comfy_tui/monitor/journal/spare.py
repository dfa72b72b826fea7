"""A journal in memory that stands in for the file while that cannot be used: what is lent, what comes back.

What goes along is only lent: it is in the file as well, where another console may deal with it.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import Any

from comfy_tui.monitor.journal.file import open_memory
from comfy_tui.monitor.journal.job_read import marks
from comfy_tui.monitor.journal.row import Fate

#: What still matters: it was sent or taken off a server and its end is not known, or it was lost.
_LENT = tuple(fate.value for fate in Fate if not fate.final or fate is Fate.LOST)
#: The server has told them: they count more than what a console thinks.
_TOLD = (Fate.COMPLETED, Fate.FAILED, Fate.CANCELLED)


def open_spare(old: sqlite3.Connection | None) -> sqlite3.Connection:
    """A journal in memory with those jobs of the old one that still matter, as far as they can be read."""
    spare = open_memory()
    if old is not None:
        with suppress(sqlite3.Error):
            for row in old.execute(f"SELECT * FROM job WHERE fate IN ({marks(_LENT)})", _LENT):
                spare.execute(f"INSERT OR IGNORE INTO job VALUES ({marks(row)})", tuple(row))
    spare.execute("CREATE TABLE lent AS SELECT * FROM job")
    return spare


def is_lent(spare: sqlite3.Connection, server: str, prompt_id: str) -> bool:
    """Whether the file has that job as well."""
    found = spare.execute("SELECT 1 FROM lent WHERE server = ? AND prompt_id = ?", (server, prompt_id))
    return found.fetchone() is not None


def bring_back(file: sqlite3.Connection, spare: sqlite3.Connection) -> None:
    """Write into the file what happened meanwhile; what another console found out later than that stays."""
    names = [row["name"] for row in spare.execute("PRAGMA table_info(job)") if row["name"] != "id"]
    for row in spare.execute("SELECT * FROM job ORDER BY id"):
        key = (row["server"], row["prompt_id"])
        was = _values(spare.execute("SELECT * FROM lent WHERE server = ? AND prompt_id = ?", key), names)
        now = {name: row[name] for name in names}
        if now == was:
            continue
        there = _values(file.execute("SELECT * FROM job WHERE server = ? AND prompt_id = ?", key), names)
        if there is not None and there != was:
            if _rank(there) > _rank(now):
                continue
            now["again_as"] = now["again_as"] or there["again_as"]
            now["dismissed"] = max(now["dismissed"], there["dismissed"])
        updates = ", ".join(f"{name} = excluded.{name}" for name in names)
        file.execute(
            f"INSERT INTO job ({', '.join(names)}) VALUES ({marks(names)}) "
            f"ON CONFLICT (server, prompt_id) DO UPDATE SET {updates}",
            tuple(now.values()),
        )
    names = [row["name"] for row in spare.execute("PRAGMA table_info(event)") if row["name"] != "id"]
    for row in spare.execute("SELECT * FROM event ORDER BY id"):
        file.execute(
            f"INSERT INTO event ({', '.join(names)}) VALUES ({marks(names)})",
            tuple(row[name] for name in names),
        )


def _values(found: sqlite3.Cursor, names: list[str]) -> dict[str, Any] | None:
    row = found.fetchone()
    return {name: row[name] for name in names} if row is not None else None


def _rank(values: dict[str, Any]) -> tuple[bool, float]:
    newest_s = max(values["changed_at_s"] or 0.0, values["seen_at_s"] or 0.0)
    return values["fate"] in _TOLD, newest_s
