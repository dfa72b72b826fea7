"""Looks through the journal's jobs: words of prompt, workflow, nodes and models, server, outcome."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from comfy_tui.monitor.journal.job_read import LIGHT, marks, read
from comfy_tui.monitor.journal.row import Fate, JournalJob

#: What people call the outcomes.
WORDS: dict[str, tuple[Fate, ...]] = {
    "done": (Fate.COMPLETED,),
    "completed": (Fate.COMPLETED,),
    "failed": (Fate.FAILED,),
    "cancelled": (Fate.CANCELLED,),
    "lost": (Fate.LOST,),
    "gone": (Fate.GONE,),
    "held": (Fate.HELD, Fate.HOLDING),
    "running": (Fate.RUNNING,),
    "waiting": (Fate.PENDING,),
    "unsent": (Fate.UNSENT,),
    "unknown": (Fate.UNKNOWN, Fate.SENDING),
    "refused": (Fate.REFUSED,),
}


@dataclass(frozen=True, slots=True)
class Found:
    """A part of the jobs that were looked for, newest first."""

    jobs: tuple[JournalJob, ...] = ()
    #: All that were found, and all that there are.
    total: int = 0
    everything: int = 0


def search(
    connection: sqlite3.Connection,
    words: str = "",
    *,
    server: str = "",
    fates: Sequence[Fate] = (),
    limit: int = 200,
) -> Found:
    """The newest jobs that hold all the words, each anywhere: text, name, id, server or outcome."""
    where, values = ["TRUE"], list[object]()
    if server:
        where.append("server = ?")
        values.append(server)
    if fates:
        where.append(f"fate IN ({marks(fates)})")
        values += [fate.value for fate in fates]
    for word in words.casefold().split():
        known = WORDS.get(word, ())
        either = f" OR fate IN ({marks(known)})" if known else ""
        either += " OR ours" if word == "ours" else " OR NOT ours" if word == "other" else ""
        where.append(
            "(instr(search, ?) OR instr(title, ?) OR "
            f"instr(lower(title || ' ' || prompt_id || ' ' || server_name || ' ' || server), ?){either})"
        )
        values += [word, word, word, *(fate.value for fate in known)]
    condition = " AND ".join(where)
    rows = connection.execute(
        f"SELECT {LIGHT} FROM job WHERE {condition} ORDER BY noted_at_s DESC, id DESC LIMIT ?",
        [*values, limit],
    ).fetchall()
    total = connection.execute(f"SELECT count(*) FROM job WHERE {condition}", values).fetchone()[0]
    everything = connection.execute("SELECT count(*) FROM job").fetchone()[0]
    return Found(tuple(read(row) for row in rows), int(total), int(everything))
