"""Jobs of the journal as values."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from comfy_tui.comfy.types import ExecutionError, OutputFile, OutputText
from comfy_tui.monitor.journal.document import unpack
from comfy_tui.monitor.journal.row import Fate, JournalJob

T = TypeVar("T")
_COLUMNS = (
    *("id", "server", "prompt_id", "fate", "server_name", "title", "ours", "evidence", "number"),
    *("client_id", "fingerprint", "timing", "created_at_s", "noted_at_s", "changed_at_s", "seen_at_s"),
    *("started_at_s", "ended_at_s", "waited_s", "ran_s", "outputs", "texts", "error", "vram_before_bytes"),
    *("vram_peak_bytes", "vram_after_bytes", "again_as", "again_of", "had_keys", "dismissed"),
)
_OTHER = ("id", "fate", "ours", "outputs", "texts", "error", "had_keys", "dismissed")
_SAME = tuple(name for name in _COLUMNS if name not in _OTHER)
#: Everything but the prompt.
LIGHT = ", ".join(_COLUMNS)


def one(connection: sqlite3.Connection, server: str, prompt_id: str) -> JournalJob | None:
    """One job with its prompt."""
    row = connection.execute(
        "SELECT * FROM job WHERE server = ? AND prompt_id = ?", (server, prompt_id)
    ).fetchone()
    return read(row) if row is not None else None


def read(row: sqlite3.Row) -> JournalJob:
    """A row as a value."""
    prompt, extra = unpack(row["document"]) if "document" in row.keys() else (None, {})  # noqa: SIM118
    try:
        fate = Fate(row["fate"])
    except ValueError:
        fate = Fate.GONE
    return JournalJob(
        **{name: row[name] for name in _SAME},
        fate=fate,
        ours=bool(row["ours"]),
        had_keys=bool(row["had_keys"]),
        dismissed=bool(row["dismissed"]),
        outputs=tuple(_made(OutputFile, row["outputs"])),
        texts=tuple(_made(OutputText, row["texts"])),
        error=_error(row["error"]),
        prompt=prompt,
        extra_data=extra,
        row_id=row["id"],
    )


def _made(kind: type[T], text: str) -> Iterator[T]:
    for entry in _entries(text):
        with suppress(TypeError):  # of an imported file, of another version
            yield kind(**entry)


def _entries(text: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(text) if text else []
    except ValueError:
        return []
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _error(text: str) -> ExecutionError | None:
    try:
        data = json.loads(text) if text else None
    except ValueError:
        return None
    if not isinstance(data, dict):
        return None
    node_id, class_type, traceback = (data.get(name) for name in ("node_id", "class_type", "traceback"))
    inputs = data.get("inputs")
    return ExecutionError(
        node_id=node_id if isinstance(node_id, str) else None,
        class_type=class_type if isinstance(class_type, str) else None,
        exception_type=str(data.get("exception_type", "error")),
        message=str(data.get("message", "")),
        traceback=tuple(str(line) for line in traceback) if isinstance(traceback, list) else (),
        inputs=inputs if isinstance(inputs, dict) else {},
    )


def marks(values: Sequence[Any]) -> str:
    """As many question marks as values."""
    return ", ".join("?" * len(values))
