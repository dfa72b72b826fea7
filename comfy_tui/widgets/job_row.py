"""Jobs as rows of a list: state, place, name, whose, since when, how long."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from comfy_tui.comfy.types import JobState
from comfy_tui.monitor.state import Job, Jobs, Kept, KeptAs, Unsent
from comfy_tui.text import clean, count_of, format_age, format_duration
from comfy_tui.widgets.filter_bar import matches
from comfy_tui.widgets.row import Cell, Column, Row

#: What stands where the server did not tell.
UNKNOWN = "--"
#: Glyph and word of each state, and its look.
STATES: Mapping[JobState, tuple[str, str]] = {
    JobState.RUNNING: ("▶ running", "accent"),
    JobState.PENDING: ("· waiting", ""),
    JobState.COMPLETED: ("✓ done", "good"),
    JobState.FAILED: ("✗ failed", "bad"),
    JobState.CANCELLED: ("⊘ cancelled", "warn"),
}
UNCONFIRMED = "? unknown"
UNSENT = "! not sent"
#: A job that runs and was asked to stop.
STOPPING = "▶ stopping"
COLUMNS = (
    Column("State", 11),
    Column("#", 3, drop=1, right=True),
    Column("Workflow"),
    Column("Id", 8, drop=4),
    Column("Who", 5, drop=2),
    Column("Age", 8, drop=3),
    Column("Ran", 9, right=True),
)

Entry = Job | Unsent | Kept
#: Glyph and word, look, and the heading of what the journal keeps.
KEPT: Mapping[KeptAs, tuple[str, str, str]] = {
    KeptAs.LOST: ("‡ lost", "bad", "Lost from the server: L all again"),
    KeptAs.GONE: ("∅ gone", "warn", "Gone from the queue"),
    KeptAs.HELD: ("◇ held", "accent", "Held here: R puts them back"),
}


def short_id(prompt_id: str) -> str:
    """The beginning of a prompt id."""
    return clean(prompt_id[:8])


def state_words(entry: Entry) -> str:
    """Glyph and word."""
    if isinstance(entry, Unsent):
        return UNSENT if entry.surely_unsent else UNCONFIRMED
    if isinstance(entry, Kept):
        return KEPT[entry.kept_as][0]
    return STATES[entry.state][0]


def who(entry: Entry) -> str:
    """Whose it is; unknown until the prompt has been read."""
    if isinstance(entry, Unsent | Kept) or entry.ours:
        return "ours"
    return "other" if entry.summary is not None else UNKNOWN


def ran_words(job: Job, now_s: float) -> str:
    """How long it has run, or ran; ``>`` where only a lower bound is known."""
    elapsed = job.elapsed_s(now_s)
    if elapsed is None:
        return "" if job.state is JobState.PENDING else UNKNOWN
    return ("> " if job.start_is_bound else "") + format_duration(elapsed)


def age_words(entry: Entry, now_s: float) -> str:
    """How long ago it was created."""
    at_s = entry.at_s if isinstance(entry, Unsent | Kept) else entry.created_at_s
    return UNKNOWN if at_s is None else format_age(now_s - at_s)


def keyed(jobs: Jobs) -> dict[str, Entry]:
    """Every entry by the key of its row: its id, so that the cursor follows a job through its states.

    A server may list an id twice, running and ended: the second has a key of its own.
    """
    found: dict[str, Entry] = {}
    # Newer servers list them by when they were created: a job moved to the front ended long before.
    ended = sorted(jobs.ended, key=lambda job: job.ended_at_s or job.created_at_s or 0.0, reverse=True)
    everything: tuple[Entry, ...] = (*jobs.running, *jobs.pending, *jobs.unsent, *jobs.kept, *ended)
    for entry in everything:
        key = entry.prompt_id
        while key in found:
            key += "+"
        found[key] = entry
    return found


def job_rows(
    entries: Mapping[str, Entry],
    now_s: float,
    wanted: str = "",
    *,
    seen_s: float | None = None,
    stopping: str = "",
) -> tuple[Row, ...]:
    """The rows under their headings, narrowed to those that hold the wanted words.

    Args:
        entries: by the key of the row.
        now_s: the time.
        wanted: words that a row must hold.
        seen_s: up to when running jobs are known to have run, where that is not now.
        stopping: the id of a job that runs and was asked to stop.
    """
    sections: dict[str, list[tuple[str, Entry]]] = {}
    for key, entry in entries.items():
        sections.setdefault(_section(entry), []).append((key, entry))
    rows: list[Row] = []
    for title, members in sections.items():
        numbered = enumerate(members, 1)
        made = [
            _row(
                key,
                entry,
                place if title == "Waiting" else None,
                now_s,
                now_s if seen_s is None else seen_s,
                stopping=title == "Running" and entry.prompt_id == stopping,
            )
            for place, (key, entry) in numbered
            if not wanted or matches(wanted, *search_texts(entry))
        ]
        if made:
            count = f"{len(made)} of {len(members)}" if wanted else str(len(members))
            rows.append(Row(f"heading:{title}", (f"{title} ({count})",), heading=True))
            rows += made
    return tuple(rows)


def search_texts(entry: Entry) -> tuple[str, ...]:
    """What the filter looks in: name, id, whose, state."""
    return (clean(entry.title, 120), clean(entry.prompt_id, 80), who(entry), state_words(entry))


def _section(entry: Entry) -> str:
    if isinstance(entry, Kept):
        return KEPT[entry.kept_as][2]
    if isinstance(entry, Unsent):
        return "Not confirmed"
    if entry.state is JobState.RUNNING:
        return "Running"
    return "Waiting" if entry.state is JobState.PENDING else "Done"


def _look(entry: Entry) -> str:
    if isinstance(entry, Unsent):
        return "warn"
    return KEPT[entry.kept_as][1] if isinstance(entry, Kept) else STATES[entry.state][1]


def _row(
    key: str, entry: Entry, place: int | None, now_s: float, seen_s: float, *, stopping: bool = False
) -> Row:
    look = _look(entry)
    whose = who(entry)
    return Row(
        key,
        (
            Cell(STOPPING, "warn") if stopping else Cell(state_words(entry), look),
            str(place) if place is not None else "",
            clean(entry.title, 120),
            Cell(short_id(entry.prompt_id), "dim"),
            Cell(whose, "" if whose == "ours" else "dim"),
            Cell(age_words(entry, now_s), "dim"),
            ran_words(entry, seen_s) if isinstance(entry, Job) else "",
        ),
    )


def counts_words(jobs: Jobs) -> str:
    """Sums: ``1 running · 2 waiting · 12 ended``."""
    parts = [f"{len(jobs.running)} running", f"{len(jobs.pending)} waiting"]
    if jobs.unsent:
        parts.append(f"{len(jobs.unsent)} not confirmed")
    for kept_as in KeptAs:
        count = sum(1 for entry in jobs.kept if entry.kept_as is kept_as)
        if count:
            parts.append(f"{count} {kept_as.value}")
    return " · ".join([*parts, f"{len(jobs.ended)} ended"])


def named(entries: Sequence[Entry], most: int = 6) -> str:
    """The entries line by line, for a question: state, name, id, whose."""
    lines = [
        f"{state_words(entry)}: {clean(entry.title, 60)} ({short_id(entry.prompt_id)}, {who(entry)})"
        for entry in entries[:most]
    ]
    if len(entries) > most:
        lines.append(f"and {len(entries) - most} more")
    return "\n".join(lines)


def count_with_owners(entries: Iterable[Entry]) -> str:
    """``2 jobs, 1 is not yours``."""
    everything = list(entries)
    others = sum(1 for entry in everything if who(entry) != "ours")
    words = count_of(len(everything), "job")
    if not others:
        return words
    if others == len(everything):
        return f"{words}, not yours" if others == 1 else f"{words}, none of them yours"
    return f"{words}, {others} {'is' if others == 1 else 'are'} not yours"
