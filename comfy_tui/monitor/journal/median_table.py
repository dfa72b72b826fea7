"""How long the runs of a workflow took."""

from __future__ import annotations

import sqlite3
import statistics

from comfy_tui.monitor.journal.row import Fate, Medians

#: Of the newest runs: drivers, nodes and machines change.
_RUNS = 30


def medians(connection: sqlite3.Connection, timing: str, fingerprint: str, *, server: str = "") -> Medians:
    """Of runs with the same values that matter, else of the same structure."""
    for column, value in (("timing", timing), ("fingerprint", fingerprint)):
        more, values = (" AND server = ?", [server]) if server else ("", [])
        rows = connection.execute(
            f"SELECT waited_s, ran_s FROM job WHERE {column} = ? AND fate = ? AND ran_s IS NOT NULL{more} "
            "ORDER BY id DESC LIMIT ?",
            [value, Fate.COMPLETED, *values, _RUNS],
        ).fetchall()
        if rows:
            waits = [row["waited_s"] for row in rows if row["waited_s"] is not None]
            return Medians(
                runs=len(rows),
                waited_s=statistics.median(waits) if waits else None,
                ran_s=statistics.median(row["ran_s"] for row in rows),
                exact=column == "timing",
            )
    return Medians()
