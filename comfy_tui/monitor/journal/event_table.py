"""The events in the journal."""

from __future__ import annotations

import sqlite3

from comfy_tui.monitor.journal.row import JournalEvent

#: More than a person reads: older ones are dropped.
KEEP_EVENTS = 20_000
_TEXT_LIMIT = 4_000


def add(connection: sqlite3.Connection, event: JournalEvent, at_s: float) -> int:
    """Write one; returns its id."""
    values = (
        at_s,
        event.kind[:60],
        event.server,
        event.prompt_id,
        event.title[:_TEXT_LIMIT],
        event.text[:_TEXT_LIMIT],
        event.severity,
    )
    cursor = connection.execute(
        "INSERT INTO event (at_s, kind, server, prompt_id, title, text, severity) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        tuple(plain(value) if isinstance(value, str) else value for value in values),
    )
    return cursor.lastrowid or 0


def read(
    connection: sqlite3.Connection,
    *,
    after_id: int = 0,
    limit: int = 500,
    server: str = "",
    kinds: tuple[str, ...] = (),
) -> tuple[JournalEvent, ...]:
    """The newest ones after that id, oldest first."""
    where, values = ["id > ?"], [after_id, *([server] if server else []), *kinds, limit]
    if server:
        where.append("server = ?")
    if kinds:
        where.append(f"kind IN ({', '.join('?' * len(kinds))})")
    rows = connection.execute(
        f"SELECT * FROM event WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT ?", values
    ).fetchall()
    return tuple(
        JournalEvent(
            kind=row["kind"],
            title=row["title"],
            text=row["text"],
            severity=row["severity"],
            server=row["server"],
            prompt_id=row["prompt_id"],
            at_s=row["at_s"],
            row_id=row["id"],
        )
        for row in reversed(rows)
    )


def plain(text: str) -> str:
    """Half characters cannot be stored."""
    return text.encode("utf-8", "replace").decode("utf-8")
