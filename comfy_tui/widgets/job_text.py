"""A job in words: the preview beside the list, the texts to copy."""

from __future__ import annotations

from rich.text import Text

from comfy_tui.comfy.types import ExecutionError, OutputFile
from comfy_tui.masking import mask_text
from comfy_tui.monitor.state import Job, JobMemory, Kept, KeptAs, Unsent
from comfy_tui.text import clean, clean_lines, format_bytes, format_duration, shorten
from comfy_tui.widgets.chrome import clock_text
from comfy_tui.widgets.job_row import UNKNOWN, Entry, age_words, ran_words, short_id, state_words, who
from comfy_tui.widgets.line_view import fold
from comfy_tui.workflow.parameters import PromptSummary

_LABEL = 9


def preview_text(entry: Entry, now_s: float, seen_s: float, width: int) -> Text:
    """What a person wants to know of a job without opening it; it is known to have run until ``seen_s``."""
    text = Text(clean(entry.title, 200) + "\n", "bold")
    text.append(f"{state_words(entry)} · {who(entry)} · {short_id(entry.prompt_id)}\n")
    if isinstance(entry, Unsent):
        text.append(f"\n{clean(entry.reason.title)}\n", "bold")
        text.append(clean(entry.reason.message, 600) + "\n")
        text.append(unsent_advice(entry))
        return text
    if isinstance(entry, Kept):
        text.append(f"\n{clean(entry.evidence, 1000)}\n\n")
        text.append(kept_advice(entry))
        return text
    created = f"{clock_text(entry.created_at_s)} ({age_words(entry, now_s)})"
    _fact(text, "created", created if entry.created_at_s is not None else UNKNOWN, width)
    _fact(text, "ran", ran_words(entry, seen_s) or "not yet", width)
    if entry.error is not None:
        text.append("\n" + error_words(entry.error) + "\n", "bold")
    if entry.summary is None:
        text.append("\nThe prompt is not read yet.")
    else:
        for label, value in summary_facts(entry.summary):
            _fact(text, label, shorten(value.replace("\n", " "), 600), width)
    for file in entry.outputs[:6]:
        _fact(text, "output", output_name(file), width)
    if len(entry.outputs) > 6:
        _fact(text, "", f"and {len(entry.outputs) - 6} more", width)
    return text


def _fact(text: Text, label: str, value: str, width: int) -> None:
    text.append(f"{label:<{_LABEL}}", "dim")
    text.append(f"\n{'':<{_LABEL}}".join(fold(value, width - _LABEL)) + "\n")


def unsent_advice(entry: Unsent) -> str:
    """What became of a submission that was not confirmed, and the keys that help."""
    if entry.surely_unsent:
        fate = "The server does not have it."
    else:
        fate = "The server may have it all the same: it is looked for with each refresh."
    return f"{fate} u looks for it and sends it again where it is not; x discards it."


_KEPT_ADVICE = {
    KeptAs.LOST: "u queues it again, once; L all that are lost; x puts it away.",
    KeptAs.GONE: "u queues it again, once; x puts it away.",
    KeptAs.HELD: "It waits here, not on the server, and nobody but you sees it. R puts all that are held "
    "back at the end of the queue, u this one; x puts it away.",
}


def kept_advice(entry: Kept) -> str:
    """The keys that help with a job that the journal keeps."""
    keys = " It carried a key for paid nodes, which is never kept: without it they fail."
    return _KEPT_ADVICE[entry.kept_as] + (keys if entry.had_keys else "")


def summary_facts(summary: PromptSummary) -> list[tuple[str, str]]:
    """Label and clean value of what matters in a prompt."""
    size = f"{summary.size[0]}x{summary.size[1]}" if summary.size else ""
    facts = [
        ("prompt", clean_lines(summary.positive, 4000).strip()),
        ("negative", clean_lines(summary.negative, 4000).strip()),
        ("seed", "" if summary.seed is None else str(summary.seed)),
        ("steps", "" if summary.steps is None else str(summary.steps)),
        ("cfg", "" if summary.cfg is None else f"{summary.cfg:g}"),
        ("sampler", clean(summary.sampler, 80)),
        ("size", size),
        *(("model", clean(model, 200)) for model in summary.models[:6]),
        *(("input", clean(file, 200)) for file in summary.files[:6]),
        ("makes", clean(", ".join(summary.outputs[:6]), 200)),
        ("nodes", str(summary.node_count)),
    ]
    return [(label, value) for label, value in facts if value]


def output_name(file: OutputFile) -> str:
    """Where an output lies on the server: its folder's kind only where it is not ``output``."""
    path = f"{file.subfolder}/{file.filename}" if file.subfolder else file.filename
    return clean(path if file.type == "output" else f"{path} [{file.type}]", 300)


def error_words(error: ExecutionError) -> str:
    """The error in a line: node, exception, message."""
    place = f"{error.class_type or 'node'} ({error.node_id})" if error.node_id else "the server"
    return clean(mask_text(f"{place}: {error.exception_type}: {error.message}"), 400)


def error_report(job: Job) -> str:
    """The whole error as plain text, for the clipboard."""
    error = job.error
    if error is None:
        return ""
    head = [f"{job.title} ({job.prompt_id})", error_words(error), "", error.message, ""]
    return clean_lines(mask_text("\n".join(head) + "\n" + "".join(error.traceback)), 200_000)


def times_words(job: Job, now_s: float, seen_s: float) -> str:
    """When it was created, how long it waited, how long it ran; the latter two are known until ``seen_s``."""
    created = UNKNOWN
    if job.created_at_s is not None:
        created = f"{clock_text(job.created_at_s)} ({age_words(job, now_s)})"
    waited = UNKNOWN
    if job.created_at_s is not None and job.started_at_s is not None and not job.start_is_bound:
        waited = format_duration(job.started_at_s - job.created_at_s)
    elif job.created_at_s is not None and not job.state.ended and job.started_at_s is None:
        waited = format_duration(max(0.0, seen_s - job.created_at_s)) + " so far"
    return f"created {created} · waited {waited} · ran {ran_words(job, seen_s) or 'not yet'}"


def memory_words(memory: JobMemory) -> str:
    """``VRAM 1.0 GB before · 8.2 GB at most · 1.1 GB after``; a peak between two polls is not seen."""
    before = UNKNOWN if memory.before_bytes is None else format_bytes(memory.before_bytes)
    words = f"VRAM {before} before · {format_bytes(memory.peak_bytes)} at most"
    after = "" if memory.after_bytes is None else f" · {format_bytes(memory.after_bytes)} after"
    return f"{words}{after} (in all, by the polls)"
