"""The jobs in the journal.  What may not happen twice is one UPDATE."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from comfy_tui.monitor.journal.document import has_keys, pack, search_text, to_send
from comfy_tui.monitor.journal.event_table import plain
from comfy_tui.monitor.journal.job_read import LIGHT, marks, one, read
from comfy_tui.monitor.journal.journal import is_alive
from comfy_tui.monitor.journal.row import Asked, Fate, JournalJob, Place, Wish
from comfy_tui.workflow.fingerprint import fingerprints

#: Longer than any submission is under way: whoever had it has given up, or is another process by now.
LEASE_S = 300.0
TITLE_LIMIT = 400


# -- sending -----------------------------------------------------------------------------------


def put(
    connection: sqlite3.Connection,
    place: Place,
    asked: Asked,
    fate: Fate,
    now_s: float,
    *,
    evidence: str = "",
    again_of: str = "",
    order: int = 0,
) -> None:
    """Write a job of ours with all that is needed to send it, before anything is done with it."""
    structure, timing = fingerprints(asked.prompt)
    values: dict[str, Any] = {
        "server": place.server,
        "prompt_id": asked.prompt_id,
        "fate": fate.value,
        "server_name": plain(place.name),
        "title": plain(asked.title[:TITLE_LIMIT]),
        "ours": 1,
        "evidence": plain(evidence),
        "number": asked.number,
        "client_id": asked.client_id,
        "fingerprint": structure,
        "timing": timing,
        "noted_at_s": now_s,
        "had_keys": int(has_keys(asked.extra_data)),
        "owner": place.owner,
        "changed_at_s": now_s,
        "place": order,
        "search": search_text(asked.prompt),
        "document": pack(asked.prompt, asked.extra_data),
        "dismissed": 0,
        "wanted": "",
    }
    if again_of:
        values["again_of"] = again_of
    kept = {"server", "prompt_id", "noted_at_s", "ours"}
    updates = ", ".join(f"{name} = excluded.{name}" for name in values if name not in kept)
    connection.execute(
        f"INSERT INTO job ({', '.join(values)}) VALUES ({', '.join(':' + name for name in values)}) "
        f"ON CONFLICT (server, prompt_id) DO UPDATE SET {updates}",
        values,
    )


def settle(
    connection: sqlite3.Connection,
    place: Place,
    prompt_ids: Sequence[str],
    fate: Fate,
    now_s: float,
    *,
    evidence: str = "",
    number: float | None = None,
    only_from: Iterable[Fate] = (),
) -> tuple[str, ...]:
    """What has become of jobs; returns the ids for which that was news.

    Args:
        connection: the journal.
        place: the server.
        prompt_ids: the jobs.
        fate: what they are now.
        now_s: the time.
        evidence: why, in words.
        number: the server's, where it told one.
        only_from: only those of which this was known; all, where it is empty.
    """
    allowed = [known.value for known in only_from]
    where = f" AND fate IN ({marks(allowed)})" if allowed else ""
    changed = []
    for prompt_id in prompt_ids:
        cursor = connection.execute(
            "UPDATE job SET fate = ?, evidence = ?, number = coalesce(?, number), changed_at_s = ?, "
            "ended_at_s = CASE WHEN ? THEN coalesce(ended_at_s, ?) ELSE ended_at_s END "
            f"WHERE server = ? AND prompt_id = ?{where}",
            [
                *(fate.value, plain(evidence), number, now_s, fate is Fate.CANCELLED, now_s),
                *(place.server, prompt_id),
                *allowed,
            ],
        )
        if cursor.rowcount:
            changed.append(prompt_id)
    return tuple(changed)


def claim(
    connection: sqlite3.Connection, place: Place, prompt_id: str, only_from: Iterable[Fate], now_s: float
) -> JournalJob | None:
    """Take a kept job to send it, before another console does; None where it is not to be had any more.

    Returns:
        The job as it was.
    """
    before = one(connection, place.server, prompt_id)
    if before is None or before.fate not in tuple(only_from):
        return None
    connection.execute(
        "UPDATE job SET fate = ?, owner = ?, changed_at_s = ?, dismissed = 0 "
        "WHERE server = ? AND prompt_id = ?",
        [Fate.SENDING.value, place.owner, now_s, place.server, prompt_id],
    )
    return before


def claim_again(
    connection: sqlite3.Connection, place: Place, prompt_id: str, new_id: str, now_s: float
) -> JournalJob | None:
    """Mark a lost job as queued again and write its successor, at once; None where that was done before."""
    cursor = connection.execute(
        "UPDATE job SET again_as = ?, changed_at_s = ? "
        "WHERE server = ? AND prompt_id = ? AND again_as = '' AND fate IN (?, ?)",
        [new_id, now_s, place.server, prompt_id, Fate.LOST.value, Fate.GONE.value],
    )
    old = one(connection, place.server, prompt_id) if cursor.rowcount else None
    if old is None:
        return None
    if old.prompt is None:
        connection.execute(
            "UPDATE job SET again_as = '' WHERE server = ? AND prompt_id = ?", (place.server, prompt_id)
        )
        return old
    asked = Asked(new_id, old.title, old.prompt, to_send(old.extra_data))
    put(connection, place, asked, Fate.SENDING, now_s, again_of=prompt_id)
    return old


def unclaim_again(connection: sqlite3.Connection, place: Place, prompt_id: str, new_id: str) -> None:
    """The successor was refused: the lost job can be queued again after all."""
    connection.execute(
        "UPDATE job SET again_as = '' WHERE server = ? AND prompt_id = ? AND again_as = ?",
        (place.server, prompt_id, new_id),
    )


def dismiss(connection: sqlite3.Connection, place: Place, prompt_ids: Iterable[str], now_s: float) -> None:
    """Put jobs away: they are not offered any more, and stay in the history."""
    waiting = [fate.value for fate in (Fate.UNKNOWN, Fate.UNSENT, Fate.HELD)]
    for prompt_id in prompt_ids:
        connection.execute(
            "UPDATE job SET dismissed = 1, changed_at_s = ?, "
            f"evidence = CASE WHEN fate IN ({marks(waiting)}) THEN 'put away by you' ELSE evidence END, "
            f"fate = CASE WHEN fate IN ({marks(waiting)}) THEN ? ELSE fate END "
            "WHERE server = ? AND prompt_id = ?",
            [now_s, *waiting, *waiting, Fate.REFUSED.value, place.server, prompt_id],
        )


def want(connection: sqlite3.Connection, place: Place, prompt_ids: Iterable[str], wanted: Wish) -> None:
    """Write what is about to be asked of the server: so that its effect is known as ours."""
    for prompt_id in prompt_ids:
        connection.execute(
            "UPDATE job SET wanted = ? WHERE server = ? AND prompt_id = ?", (wanted, place.server, prompt_id)
        )


# -- after a start -----------------------------------------------------------------------------


def recover(connection: sqlite3.Connection, place: Place, now_s: float) -> None:
    """What another run had under way when it ended is not known; what one that lives has is left to it."""
    rows = connection.execute(
        "SELECT prompt_id, owner, changed_at_s FROM job WHERE server = ? AND fate = ?",
        (place.server, Fate.SENDING.value),
    ).fetchall()
    for row in rows:
        ours = row["owner"] == place.owner
        if not ours and (not is_alive(row["owner"]) or now_s - row["changed_at_s"] > LEASE_S):
            settle(
                connection,
                place,
                [row["prompt_id"]],
                Fate.UNKNOWN,
                now_s,
                evidence="the console ended while this was being sent",
                only_from=(Fate.SENDING,),
            )


def abandoned(connection: sqlite3.Connection, place: Place, now_s: float) -> tuple[JournalJob, ...]:
    """What was being taken off the server, to be held, by a console that has ended."""
    rows = connection.execute(
        "SELECT * FROM job WHERE server = ? AND fate = ?", (place.server, Fate.HOLDING.value)
    ).fetchall()
    return tuple(
        read(row) for row in rows if not is_alive(row["owner"]) or now_s - row["changed_at_s"] > LEASE_S
    )


def on_server(connection: sqlite3.Connection, place: Place) -> tuple[JournalJob, ...]:
    """The jobs that ran or waited when they were last seen."""
    return _select(connection, place, (Fate.PENDING, Fate.RUNNING), "TRUE", "id")


def kept(connection: sqlite3.Connection, place: Place) -> tuple[JournalJob, ...]:
    """The jobs of ours that wait for a person: not sent, not confirmed, held, lost, gone; in their order."""
    waiting = (Fate.UNKNOWN, Fate.UNSENT, Fate.HELD, Fate.LOST, Fate.GONE)
    return _select(
        connection,
        place,
        waiting,
        "NOT dismissed AND again_as = '' AND (ours OR fate NOT IN ('lost', 'gone'))",
        "CASE fate WHEN 'lost' THEN 0 WHEN 'gone' THEN 1 ELSE 2 END, place, noted_at_s, id",
    )


def _select(
    connection: sqlite3.Connection, place: Place, fates: Sequence[Fate], more: str, order: str
) -> tuple[JournalJob, ...]:
    rows = connection.execute(
        f"SELECT {LIGHT} FROM job WHERE server = ? AND fate IN ({marks(fates)}) AND {more} ORDER BY {order}",
        [place.server, *(fate.value for fate in fates)],
    )
    return tuple(read(row) for row in rows)


def with_wish(
    connection: sqlite3.Connection, place: Place, wish: Wish, prompt_ids: Iterable[str] | None = None
) -> tuple[str, ...]:
    """Which of these jobs, or of all that run or wait, the server was asked that for."""
    rows = connection.execute(
        "SELECT prompt_id FROM job WHERE server = ? AND wanted = ? AND fate IN (?, ?)",
        (place.server, wish.value, Fate.PENDING.value, Fate.RUNNING.value),
    )
    found = tuple(row["prompt_id"] for row in rows)
    return found if prompt_ids is None else tuple(one for one in prompt_ids if one in found)
