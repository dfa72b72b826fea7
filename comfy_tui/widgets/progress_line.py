"""How far the running job is, in one line: what falls out first where it is narrow is what matters least."""

from __future__ import annotations

from comfy_tui.comfy.types import JobState
from comfy_tui.monitor.eta import eta_text, job_eta
from comfy_tui.monitor.state import Job, Jobs, Progress
from comfy_tui.text import cell_len, clean, count_of, shorten

_MOST_BAR, _LEAST_BAR = 30, 6


def progress_words(jobs: Jobs, progress: Progress, width: int, now_s: float) -> str:
    """What runs now, its node, steps, nodes, speed, and when it will be done."""
    if not jobs.running:
        return "▶ nothing runs"
    job = next((item for item in jobs.running if item.prompt_id == progress.prompt_id), None)
    if job is None:
        job = jobs.running[0]
        tail = _joined([eta_text(job_eta(job, None, now_s))])
        return shorten(f"▶ {clean(job.title, 60)}: {_untold(job)}", width - cell_len(tail)) + tail
    name = progress.node_title or job.title
    words = f"▶ log: {clean(job.title, 40)}" if progress.from_log else f"▶ {clean(name, 60)}"
    steps = f" {progress.value:g}/{progress.max:g}" if progress.max else ""
    tails = tail_words(job, progress, now_s)
    least = _LEAST_BAR + 3 if steps else 0
    while len(tails) > 1 and cell_len(words + steps + _joined(tails)) + least > width:
        del tails[-2 if len(tails) > 1 else -1]  # the end of the job stays longest
    room = min(_MOST_BAR, width - cell_len(words + steps + _joined(tails)) - 3)
    if not steps or room < _LEAST_BAR:
        return shorten(words + steps + _joined(tails), width)
    filled = round(min(1.0, max(0.0, progress.value / progress.max)) * room)
    return f"{words} [{'█' * filled}{'·' * (room - filled)}]{steps}{_joined(tails)}"


def tail_words(job: Job, progress: Progress, now_s: float) -> list[str]:
    """What stands behind the bar: nodes done, cached ones, steps in a second, when it will be done."""
    parts = []
    if progress.nodes_total:
        done = min(progress.nodes_done, progress.nodes_total)
        parts.append(f"{done} of {count_of(progress.nodes_total, 'node')}")
    if progress.nodes_cached:
        parts.append(f"{progress.nodes_cached} cached")
    if progress.per_s:
        parts.append(rate_words(progress.per_s))
    return [*parts, eta_words(job, progress, now_s)]


def rate_words(per_s: float) -> str:
    """``2.3 steps/s``, or ``1.8 s/step`` where they are slow."""
    return f"{per_s:.1f} steps/s" if per_s >= 1 else f"{1 / per_s:.1f} s/step"


def eta_words(job: Job, progress: Progress, now_s: float) -> str:
    """When it will be done: by earlier runs, else when this node is; ``--`` before that is known."""
    since = max(0.0, now_s - progress.at_s) if progress.at_s is not None else 0.0
    steps = progress.steps_left_s
    # Steps that have not come for much longer than they should tell nothing any more.
    if steps is not None and progress.per_s and since > max(5.0, 6.0 / progress.per_s):
        steps = None
    elif steps is not None:
        steps = max(0.0, steps - since)
    return eta_text(job_eta(job, steps, now_s))


def _untold(job: Job) -> str:
    """Why nothing is known of how far it is."""
    if job.ours:
        return "no progress told yet"
    if job.state is JobState.RUNNING and job.client_id is None:
        return "no progress told yet"
    return "the server tells progress to its owner only"


def _joined(tails: list[str]) -> str:
    return "".join(f" · {tail}" for tail in tails)
