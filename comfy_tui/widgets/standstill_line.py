"""A running job that does not get on, in words: what was seen, and the keys that help."""

from __future__ import annotations

from comfy_tui.keymap import binding
from comfy_tui.monitor.state import Progress, Standstill
from comfy_tui.text import clean, count_of, format_duration
from comfy_tui.widgets.chrome import clock_text


def standstill_words(standstill: Standstill, progress: Progress, now_s: float) -> str:
    """What there is to say of the job; empty where nothing is."""
    parts = []
    if standstill.cancel_late and standstill.cancel_asked_s is not None:
        node = "its node"
        if progress.prompt_id == standstill.prompt_id and progress.node_title:
            node = clean(progress.node_title, 40)
        waited = format_duration(round(now_s - standstill.cancel_asked_s, -1) or 1)
        parts.append(f"! asked to stop {waited} ago: {node} has not reached a point where it can stop.")
    evidence = evidence_words(standstill, now_s)
    if evidence:
        parts.append(f"! {evidence}. It may still be at work: nobody can tell from here.")
    if parts:
        key = binding("job.way_out").keys[0]
        parts.append(f"{key}: ways out.")
    return " ".join(parts)


def evidence_words(standstill: Standstill, now_s: float) -> str:
    """``no step for 7m, log silent since 14:02, GPU memory unchanged, 2 jobs wait``."""
    found = []
    if standstill.no_step_since_s is not None:
        found.append(f"no step for {_minutes(now_s - standstill.no_step_since_s)}")
    if standstill.log_silent_since_s is not None:
        found.append(f"log silent since {clock_text(standstill.log_silent_since_s)[:5]}")
    if found and standstill.vram_same_since_s is not None:
        found.append("GPU memory unchanged")
    if found and standstill.waiting:
        found.append(f"{count_of(standstill.waiting, 'waiting job')} not moved")
    return ", ".join(found)


def _minutes(seconds: float) -> str:
    """Whole minutes: the line is not drawn anew with every second."""
    return f"{int(seconds // 60)} min" if seconds >= 60 else format_duration(int(seconds))
