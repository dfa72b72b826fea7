"""How long the runs of a workflow took."""

from __future__ import annotations

import sqlite3
import statistics
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from comfy_tui.monitor.journal.row import Fate, Medians
from comfy_tui.workflow.fingerprint import fingerprints

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


def of_prompt(connection: sqlite3.Connection, prompt: Mapping[str, Any], *, server: str = "") -> Medians:
    """How long runs of this workflow took."""
    structure, timing = fingerprints(prompt)
    return medians(connection, timing, structure, server=server)


def usual_s(connection: sqlite3.Connection, server: str, prompt_id: str) -> float | None:
    """How long runs like this job took; None where none is known."""
    row = connection.execute(
        "SELECT timing, fingerprint FROM job WHERE server = ? AND prompt_id = ? AND timing <> ''",
        (server, prompt_id),
    ).fetchone()
    return medians(connection, *row, server=server).usual_s if row is not None else None


def look_up(file: Path, prompt: Mapping[str, Any], *, server: str) -> float | None:
    """As :func:`usual_s`, from a journal that is only read; None where it cannot be."""
    try:
        with closing(
            sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=1)
        ) as connection:
            connection.row_factory = sqlite3.Row
            return of_prompt(connection, prompt, server=server).usual_s
    except sqlite3.Error:
        return None
