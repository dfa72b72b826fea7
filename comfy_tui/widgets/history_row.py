"""Jobs of the journal as rows and as text."""

from __future__ import annotations

import time
from collections.abc import Iterable

from comfy_tui.monitor.journal.row import Fate, JournalJob
from comfy_tui.text import clean, format_bytes, format_duration
from comfy_tui.widgets.line_view import Line
from comfy_tui.widgets.row import Cell, Column, Row

UNKNOWN = "--"
#: Glyph and word of each fate, and its look.
FATES: dict[Fate, tuple[str, str]] = {
    Fate.SENDING: ("? sending", "warn"),
    Fate.UNKNOWN: ("? unknown", "warn"),
    Fate.UNSENT: ("! not sent", "warn"),
    Fate.REFUSED: ("⊘ refused", "warn"),
    Fate.HOLDING: ("◇ holding", "accent"),
    Fate.HELD: ("◇ held", "accent"),
    Fate.PENDING: ("· waiting", ""),
    Fate.RUNNING: ("▶ running", "accent"),
    Fate.COMPLETED: ("✓ done", "good"),
    Fate.FAILED: ("✗ failed", "bad"),
    Fate.CANCELLED: ("⊘ cancelled", "warn"),
    Fate.LOST: ("‡ lost", "bad"),
    Fate.GONE: ("∅ gone", "warn"),
}
COLUMNS = (
    Column("State", 11),
    Column("When", 14, drop=1),
    Column("Workflow"),
    Column("Server", 16, drop=3),
    Column("Who", 5, drop=4),
    Column("Waited", 8, drop=2, right=True),
    Column("Ran", 8, right=True),
)


def when_words(at_s: float | None) -> str:
    """The day and the time, to the minute; the year where it is another one."""
    if at_s is None:
        return UNKNOWN
    moment, now = time.localtime(at_s), time.localtime()
    return time.strftime("%m-%d %H:%M" if moment.tm_year == now.tm_year else "%Y-%m-%d", moment)


def _span(seconds: float | None) -> str:
    return format_duration(seconds) if seconds is not None else UNKNOWN


def history_rows(jobs: Iterable[JournalJob]) -> tuple[Row, ...]:
    """A row each, by the journal's own number."""
    return tuple(
        Row(
            str(job.row_id),
            (
                Cell(*FATES[job.fate]),
                Cell(when_words(job.noted_at_s), "dim"),
                clean(job.title, 120) or clean(job.prompt_id, 60),
                Cell(clean(job.server_name or job.server, 60), "dim"),
                Cell("ours" if job.ours else "other", "" if job.ours else "dim"),
                _span(job.waited_s),
                _span(job.ran_s),
            ),
        )
        for job in jobs
    )


def history_head(job: JournalJob) -> tuple[Line, ...]:
    """What the journal knows of a job beside its prompt."""
    memory = [
        f"{label} {format_bytes(size)}"
        for label, size in (
            ("before", job.vram_before_bytes),
            ("at most", job.vram_peak_bytes),
            ("after", job.vram_after_bytes),
        )
        if size is not None
    ]
    facts = [
        ("state", FATES[job.fate][0]),
        ("evidence", clean(job.evidence.replace("\n", " "), 2000)),
        ("server", f"{clean(job.server_name, 80)} ({clean(job.server, 200)})"),
        ("id", clean(job.prompt_id, 80)),
        ("queued", when_words(job.noted_at_s) + (" from here" if job.ours else " by another")),
        ("times", f"waited {_span(job.waited_s)}, ran {_span(job.ran_s)}"),
        ("VRAM", "in use " + ", ".join(memory) + " (by the polls)" if memory else ""),
        ("again as", clean(job.again_as, 80)),
        ("again of", clean(job.again_of, 80)),
        ("key", "carried a key for paid nodes, which is never kept" if job.had_keys else ""),
    ]
    return (*(Line(f"{label:<10}{value}") for label, value in facts if value), Line(""))
