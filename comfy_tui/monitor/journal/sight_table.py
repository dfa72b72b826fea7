"""What a server was seen to list, written into the journal's jobs."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from comfy_tui.comfy.types import ExecutionError, JobRecord, OutputFile, OutputText
from comfy_tui.masking import mask_value
from comfy_tui.monitor.journal.document import has_keys, pack, search_text
from comfy_tui.monitor.journal.event_table import plain
from comfy_tui.monitor.journal.job_table import TITLE_LIMIT
from comfy_tui.monitor.journal.row import Fate, Place
from comfy_tui.monitor.state import Job
from comfy_tui.workflow.fingerprint import fingerprints

_TEXTS_LIMIT = 20_000
_INPUTS, _INPUT_LIMIT = 60, 1_000


def observe(
    connection: sqlite3.Connection,
    place: Place,
    jobs: Sequence[Job],
    learned: Sequence[JobRecord],
    asked_at_s: float,
) -> list[str]:
    """Write what the server lists; what was changed here after it was asked stays as it is.

    An end is an end, though: the answer that tells it may be the only one before the server is started again.

    Returns:
        The ids of those that stayed.
    """
    left = []
    for job in jobs:
        if not connection.execute(_OBSERVE, _observation(place, job, asked_at_s)).rowcount:
            left.append(job.prompt_id)
    for record in learned:
        _learn(connection, place, record)
    return left


_OBSERVE = """
    INSERT INTO job (server, prompt_id, fate, server_name, title, ours, number, client_id, created_at_s,
        noted_at_s, seen_at_s, started_at_s, ended_at_s, waited_s, ran_s, outputs, texts, error)
    VALUES (:server, :prompt_id, :fate, :server_name, :title, :ours, :number, :client_id, :created_at_s,
        :noted_at_s, :seen_at_s, :started_at_s, :ended_at_s, :waited_s, :ran_s, :outputs, :texts, :error)
    ON CONFLICT (server, prompt_id) DO UPDATE SET
        fate = excluded.fate,
        evidence = '',
        server_name = excluded.server_name,
        title = CASE WHEN excluded.title = '' THEN job.title ELSE excluded.title END,
        ours = max(job.ours, excluded.ours),
        number = excluded.number,
        client_id = coalesce(excluded.client_id, job.client_id),
        created_at_s = coalesce(excluded.created_at_s, job.created_at_s),
        seen_at_s = excluded.seen_at_s,
        started_at_s = coalesce(excluded.started_at_s, job.started_at_s),
        ended_at_s = excluded.ended_at_s,
        waited_s = coalesce(excluded.waited_s, job.waited_s),
        ran_s = coalesce(excluded.ran_s, job.ran_s),
        outputs = CASE WHEN excluded.outputs = '' THEN job.outputs ELSE excluded.outputs END,
        texts = CASE WHEN excluded.texts = '' THEN job.texts ELSE excluded.texts END,
        error = excluded.error
    WHERE job.fate <> 'holding' AND (job.changed_at_s <= excluded.seen_at_s
            OR (excluded.fate IN ('completed', 'failed', 'cancelled')
                AND job.fate IN ('sending', 'unknown', 'pending', 'in_progress')))
        AND coalesce(job.seen_at_s, 0) <= excluded.seen_at_s
"""


def _observation(place: Place, job: Job, asked_at_s: float) -> dict[str, Any]:
    started = None if job.start_is_bound else job.started_at_s
    waited = ran = None
    # Older servers do not tell when a job was created: what stands there is when it started.
    if started is not None and job.created_at_s is not None and job.created_at_s != started:
        waited = max(0.0, started - job.created_at_s)
    if started is not None and job.ended_at_s is not None:
        ran = max(0.0, job.ended_at_s - started)
    return {
        "server": place.server,
        "prompt_id": plain(job.prompt_id),
        "fate": Fate(job.state.value).value,
        "server_name": plain(place.name),
        "title": plain(job.title[:TITLE_LIMIT]) if job.summary is not None else "",
        "ours": int(job.ours),
        "number": job.number,
        "client_id": plain(job.client_id) if job.client_id is not None else None,
        "created_at_s": job.created_at_s,
        "noted_at_s": job.created_at_s or asked_at_s,
        "seen_at_s": asked_at_s,
        "started_at_s": started,
        "ended_at_s": job.ended_at_s,
        "waited_s": waited,
        "ran_s": ran,
        "outputs": _packed(job.outputs),
        "texts": _packed(job.texts),
        "error": _packed_error(job.error),
    }


def _learn(connection: sqlite3.Connection, place: Place, record: JobRecord) -> None:
    if record.prompt is None:
        return
    row = connection.execute(
        "SELECT id FROM job WHERE server = ? AND prompt_id = ? AND document IS NULL",
        (place.server, record.prompt_id),
    ).fetchone()
    if row is not None:
        connection.execute(
            "UPDATE job SET fingerprint = ?, timing = ?, had_keys = ?, search = ?, document = ? WHERE id = ?",
            (
                *fingerprints(record.prompt),
                int(has_keys(record.extra_data)),
                search_text(record.prompt),
                pack(record.prompt, record.extra_data),
                row["id"],
            ),
        )


def memory(
    connection: sqlite3.Connection,
    place: Place,
    prompt_id: str,
    *,
    before_bytes: int | None = None,
    peak_bytes: int | None = None,
    after_bytes: int | None = None,
) -> None:
    """Write what the polls saw of the graphics memory while a job ran."""
    connection.execute(
        "UPDATE job SET vram_before_bytes = coalesce(vram_before_bytes, ?), "
        "vram_peak_bytes = max(coalesce(vram_peak_bytes, 0), coalesce(?, 0)), "
        "vram_after_bytes = coalesce(?, vram_after_bytes) WHERE server = ? AND prompt_id = ?",
        (before_bytes, peak_bytes, after_bytes, place.server, prompt_id),
    )


def _packed(values: Sequence[OutputFile | OutputText]) -> str:
    entries = [{name: getattr(value, name) for name in value.__slots__} for value in values]
    text = json.dumps(entries) if entries else ""
    while len(text) > _TEXTS_LIMIT and len(entries) > 1:
        entries = entries[: len(entries) // 2]
        text = json.dumps(entries)
    return text if len(text) <= 4 * _TEXTS_LIMIT else ""


def _kept_inputs(error: ExecutionError) -> Iterator[tuple[str, Any]]:
    """Masked and short: a tensor comes as pages of text, and a key is never kept."""
    for name, value in list(error.inputs.items())[:_INPUTS]:
        masked = mask_value(value, str(name))
        text = masked if isinstance(masked, str) else json.dumps(masked, default=str)
        yield str(name)[:200], masked if len(text) <= _INPUT_LIMIT else f"{text[:_INPUT_LIMIT]} ..."


def _packed_error(error: ExecutionError | None) -> str:
    if error is None:
        return ""
    text = json.dumps(
        {
            "node_id": error.node_id,
            "class_type": error.class_type,
            "exception_type": error.exception_type,
            "message": error.message[:_TEXTS_LIMIT],
            "traceback": [line[:2000] for line in error.traceback[-60:]],
            "inputs": dict(_kept_inputs(error)),
        }
    )
    return text
