"""The jobs of the journal that left something behind, of one server or of all."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from comfy_tui.monitor.journal.job_read import LIGHT, marks, read
from comfy_tui.monitor.journal.row import JournalJob


def with_outputs(connection: sqlite3.Connection, server: str, limit: int) -> tuple[JournalJob, ...]:
    """The newest of them, without their prompts; an empty ``server`` means all.

    What a person took out of the history is not among them.
    """
    rows = connection.execute(
        f"SELECT {LIGHT} FROM job WHERE (outputs <> '' OR texts <> '') AND NOT dismissed "
        "AND (? = '' OR server = ?) ORDER BY coalesce(ended_at_s, noted_at_s) DESC, id DESC LIMIT ?",
        (server, server, limit),
    )
    return tuple(read(row) for row in rows)


def documents(connection: sqlite3.Connection, row_ids: Sequence[int]) -> dict[int, bytes]:
    """What those jobs were asked, packed, by their place in the journal."""
    rows = connection.execute(
        f"SELECT id, document FROM job WHERE id IN ({marks(row_ids)}) AND document IS NOT NULL", row_ids
    )
    return {row["id"]: row["document"] for row in rows}
