"""What is written to the terminal for an alert: notifications (OSC 9, OSC 777) and the title.

Every text is cleaned here, whatever it was before: it becomes part of an escape sequence.
"""

from __future__ import annotations

from collections.abc import Mapping

from comfy_tui.alert_settings import Osc
from comfy_tui.monitor.eta import job_eta
from comfy_tui.monitor.state import Jobs, Link, Progress
from comfy_tui.text import DROP, clean

_LIMIT = 200
#: The title is kept on the terminal's own stack, and comes back from there.
PUSH_TITLE = "\x1b[22;2t"
POP_TITLE = "\x1b[23;2t"


def plain(text: str, limit: int = _LIMIT) -> str:
    """Text that cannot end, or begin, an escape sequence."""
    return clean(text, limit).translate(DROP).strip()


def sequence_for(choice: Osc, environ: Mapping[str, str]) -> Osc:
    """OSC 777 for the terminals that know only that; else OSC 9, which the others know."""
    if choice is not Osc.AUTO:
        return choice
    term = environ.get("TERM", "")
    if term.startswith(("rxvt", "foot")) or "VTE_VERSION" in environ:
        return Osc.OSC777
    return Osc.OSC9


def notification(title: str, message: str, choice: Osc, environ: Mapping[str, str]) -> str:
    """The sequence that asks the terminal for a notification; wrapped for tmux to pass on."""
    title, message = plain(title, 100), plain(message)
    if sequence_for(choice, environ) is Osc.OSC777:
        # A semicolon would begin the next field.
        body = f"777;notify;{title.replace(';', ',')};{message.replace(';', ',')}"
    else:
        # Not at the begin of the text: "4;..." is a progress bar for some terminals.
        body = f"9;comfy-tui: {title}: {message}" if message else f"9;comfy-tui: {title}"
    return wrapped(f"\x1b]{body}\x07", environ)


def wrapped(sequence: str, environ: Mapping[str, str]) -> str:
    """For the terminal around tmux, where there is one (``allow-passthrough`` must be on there)."""
    if not environ.get("TMUX"):
        return sequence
    doubled = sequence.replace("\x1b", "\x1b\x1b")
    return f"\x1bPtmux;{doubled}\x1b\\"


def title_sequence(text: str) -> str:
    """The sequence that sets the title; tmux takes it for its pane."""
    return f"\x1b]2;{plain(text, 80)}\x07"


def title_words(name: str, link: Link, jobs: Jobs, progress: Progress, now_s: float) -> str:
    """``box: 2 left, 12 min``; the time is that of the running job, and only where it is known."""
    name = plain(name, 40)
    if link is Link.OFFLINE:
        return f"{name}: offline"
    left = len(jobs.running) + len(jobs.pending)
    if link is not Link.ONLINE or jobs.read_at_s is None:
        return f"{name}: {link.value}"
    if not left:
        return f"{name}: idle"
    told = next((job for job in jobs.running if job.prompt_id == progress.prompt_id), None)
    job, steps_s = told or next(iter(jobs.running), None), None
    if told is not None and progress.steps_left_s is not None:
        since_s = now_s - progress.at_s if progress.at_s is not None else 0.0
        steps_s = max(0.0, progress.steps_left_s - since_s)
    known = job_eta(job, steps_s, now_s) if job is not None else None
    if known is None:
        return f"{name}: {left} left"
    minutes = round(known.left_s / 60)
    span = f"{minutes} min" if minutes else "under 1 min"
    return f"{name}: {left} left, {span}" if left == 1 else f"{name}: {left} left, this one {span}"
