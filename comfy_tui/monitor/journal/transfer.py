"""The journal as lines of JSON, one a job: for other programs, and for another machine."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import astuple, dataclass
from typing import Any

from comfy_tui.monitor.journal.document import has_keys, pack, search_text, unpack
from comfy_tui.monitor.journal.event_table import plain
from comfy_tui.monitor.journal.row import Fate
from comfy_tui.workflow.fingerprint import fingerprints

#: A longer line is no job.
LINE_LIMIT = 64 * 1024 * 1024
FORMAT = 1
_TEXTS = (
    *("server", "prompt_id", "fate", "server_name", "title", "evidence", "client_id", "again_as"),
    "again_of",
)
_NUMBERS = (
    *("number", "created_at_s", "noted_at_s", "seen_at_s", "started_at_s", "ended_at_s", "waited_s"),
    "ran_s",
)
#: What stands for the time of a job where the file does not tell when it was noted.
_WHEN = ("noted_at_s", "created_at_s", "started_at_s", "ended_at_s")
#: So many jobs at a time, so that another console need not wait.
_PAGE = 100
_SIZES = ("vram_before_bytes", "vram_peak_bytes", "vram_after_bytes")
_LISTS = ("outputs", "texts")


def export_jobs(
    connection: sqlite3.Connection, write: Callable[[str], object], after_id: int = 0
) -> tuple[int, int]:
    """Write the jobs after that one as lines, a page of them; returns how many, and the last one's id."""
    count = 0
    rows = connection.execute("SELECT * FROM job WHERE id > ? ORDER BY id LIMIT ?", (after_id, _PAGE))
    for row in rows:
        after_id = row["id"]
        prompt, extra = unpack(row["document"])
        entry: dict[str, Any] = {"format": FORMAT}
        entry |= {name: row[name] for name in (*_TEXTS, *_NUMBERS, *_SIZES)}
        entry |= {"ours": bool(row["ours"]), "had_keys": bool(row["had_keys"])}
        entry |= {name: json.loads(row[name] or "[]") for name in _LISTS}
        entry |= {"error": json.loads(row["error"] or "null"), "prompt": prompt, "extra_data": extra}
        write(json.dumps(entry) + "\n")
        count += 1
    return count, after_id


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of lines."""

    taken: int = 0
    known: int = 0
    #: Older than what the journal keeps: they would be forgotten at once.
    old: int = 0
    #: No jobs at all.
    bad: int = 0

    def __add__(self, other: Taken) -> Taken:
        """Both together."""
        counts = zip(astuple(self), astuple(other), strict=True)
        return Taken(*(one + two for one, two in counts))


def import_jobs(connection: sqlite3.Connection, lines: Iterable[str], before_s: float = 0.0) -> Taken:
    """Take jobs that are not known yet and not older than that time.

    What had not ended is taken as gone: it is not offered here, for it may go on where it came from.
    """
    taken = known = old = bad = 0
    for line in lines:
        if not line.strip():
            continue
        values = _values(line)
        if values is None:
            bad += 1
            continue
        if values["noted_at_s"] < before_s:
            old += 1
            continue
        names = ", ".join(values)
        cursor = connection.execute(
            f"INSERT OR IGNORE INTO job ({names}) VALUES ({', '.join(':' + name for name in values)})", values
        )
        taken, known = taken + cursor.rowcount, known + 1 - cursor.rowcount
    return Taken(taken, known, old, bad)


def _values(line: str) -> dict[str, Any] | None:
    try:
        entry = json.loads(line) if len(line) <= LINE_LIMIT else None
        return _row(entry) if isinstance(entry, dict) else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        return None


def _row(entry: Mapping[str, Any]) -> dict[str, Any]:
    fate, evidence = Fate(entry["fate"]), _text(entry.get("evidence"))
    if not fate.final:
        fate, evidence = Fate.GONE, f"imported as {fate.value}"
    values: dict[str, Any] = {name: _text(entry.get(name)) for name in _TEXTS}
    if not values["server"] or not values["prompt_id"]:
        raise ValueError("no job")
    values |= {name: _number(entry.get(name)) for name in _NUMBERS}
    values |= {name: int(size) if (size := _number(entry.get(name))) is not None else None for name in _SIZES}
    values |= {name: _entries(entry.get(name)) for name in _LISTS}
    prompt, extra = entry.get("prompt"), entry.get("extra_data")
    values |= {
        "fate": fate.value,
        "evidence": evidence,
        "noted_at_s": next((at for name in _WHEN if (at := values[name]) is not None), 0.0),
        "ours": int(entry.get("ours") is True),
        "had_keys": int(entry.get("had_keys") is True),
        # Lost elsewhere: nothing to queue again here by the key for all.
        "dismissed": 1,
        "error": _error(entry.get("error")),
    }
    if isinstance(prompt, dict):
        extra = extra if isinstance(extra, dict) else {}
        structure, timing = fingerprints(prompt)
        values |= {
            "fingerprint": structure,
            "timing": timing,
            "search": search_text(prompt),
            "document": pack(prompt, extra),
            "had_keys": int(values["had_keys"] or has_keys(extra)),
        }
    return values


def _error(value: Any) -> str:
    """An error as the journal itself writes it, whatever the file says."""
    if not isinstance(value, dict):
        return ""
    lines, inputs = value.get("traceback"), value.get("inputs")
    found = {
        "node_id": _text(value.get("node_id")) or None,
        "class_type": _text(value.get("class_type")) or None,
        "exception_type": _text(value.get("exception_type")) or "error",
        "message": _text(value.get("message"), 20_000),
        "traceback": [_text(line) for line in lines[-60:]] if isinstance(lines, list) else [],
        "inputs": inputs if isinstance(inputs, dict) and len(json.dumps(inputs)) <= 100_000 else {},
    }
    return json.dumps(found)


def _text(value: Any, limit: int = 4_000) -> str:
    return plain(value[:limit]) if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e15 < value < 1e15:
        return None
    return float(value)


def _entries(value: Any) -> str:
    names = {"filename", "subfolder", "type", "node_id", "key", "text"}
    found = [
        {
            str(name): item
            for name, item in entry.items()
            if (name in names and isinstance(item, str)) or (name == "animated" and isinstance(item, bool))
        }
        for entry in (value if isinstance(value, list) else [])
        if isinstance(entry, dict)
    ]
    good = [entry for entry in found if {"node_id"} <= entry.keys()]
    return json.dumps(good) if good else ""
