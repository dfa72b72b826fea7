"""A failed job as lines: what failed, why that is, what to do next, and the evidence."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from comfy_tui.masking import mask_text
from comfy_tui.monitor.logs.book import Level
from comfy_tui.monitor.logs.excerpt import Excerpt
from comfy_tui.monitor.troubleshoot.failure import LAST_FRAMES, Failure
from comfy_tui.monitor.troubleshoot.issue import memory_words
from comfy_tui.monitor.troubleshoot.table import Cause, Remedy
from comfy_tui.text import clean, clean_lines, count_of
from comfy_tui.widgets.line_view import Line
from comfy_tui.widgets.value_lines import text_lines, value_lines

_MESSAGE_LIMIT = 8_000
_INPUTS = 60
_INPUT_LINES = 4
#: The key that helps first, in words; the others are in the footer and the help.
_KEYS = {
    Remedy.RETRY: "u retry",
    Remedy.FREE_RETRY: "F free memory and retry",
    Remedy.OPEN_NODE: "o open the workflow at the node",
}


def failure_lines(failure: Failure) -> Iterator[Line]:
    """The part of a job's page that says why it failed."""
    yield from _what(failure)
    yield from _why(failure)
    yield from _evidence(failure)


def cause_lines(cause: Cause, more: str = "") -> Iterator[Line]:
    """A row of the table: what it is called, why it is, what to do."""
    yield Line("Why, and what to do", "heading")
    yield Line(cause.title, "accent" if cause.id != "unknown" else "strong", 2)
    yield Line(cause.cause, "", 2)
    if more:
        yield Line(more, "", 2)
    for step in cause.steps:
        yield Line(f"→ {step}", "", 2)


def _what(failure: Failure) -> Iterator[Line]:
    error = failure.error
    if error is None:
        return
    yield Line("Error", "heading")
    place = clean(f"{error.class_type or 'node'} ({error.node_id or 'unknown'})", 200)
    title = clean(failure.node_title, 80)
    if title and title != clean(error.class_type or "", 80):
        place += f' "{title}"'
    yield Line(f"at        {place}", "bad", 2)
    yield Line(f"exception {clean(error.exception_type, 300)}", "bad", 2)
    yield from text_lines(clean_lines(mask_text(error.message.strip()), _MESSAGE_LIMIT), "strong", 2)
    yield Line("")


def _why(failure: Failure) -> Iterator[Line]:
    cause = failure.diagnosis.cause
    file = f"file: {clean(failure.diagnosis.file, 300)}" if failure.diagnosis.file else ""
    yield from cause_lines(cause, file)
    keys = [_KEYS.get(cause.remedy, ""), *_KEYS.values(), "Y copy a report for an issue"]
    yield Line("Keys: " + ", ".join(dict.fromkeys(key for key in keys if key)), "dim", 2)
    yield Line("")


def _evidence(failure: Failure) -> Iterator[Line]:
    if failure.memory is not None:
        yield Line("Memory then", "heading")
        yield Line(memory_words(failure.memory), "", 2)
        yield Line("")
    frames = failure.frames
    if frames:
        few = len(frames) > LAST_FRAMES
        words = f", the last {LAST_FRAMES} of {count_of(len(frames), 'frame')}" if few else ""
        yield Line(f"Traceback{words}", "heading")
        lines = "\n".join(frames[-LAST_FRAMES:]).split("\n")
        # Without the marks below the code: the line says enough, and the whole stands further down.
        text = "\n".join(line for line in lines if line.strip(" ^~") or not line.strip())
        yield from text_lines(clean_lines(mask_text(text), 20_000), "", 2)
        yield Line("")
    yield from _inputs(failure)
    if failure.excerpt is not None:
        yield from _log(failure.excerpt)
    if len(frames) > LAST_FRAMES:
        yield Line("Traceback, whole", "heading")
        yield from text_lines(clean_lines(mask_text("\n".join(frames)), 100_000), "", 2)
        yield Line("")


def _inputs(failure: Failure) -> Iterator[Line]:
    if failure.error is None or not failure.error.inputs:
        return
    yield Line("Inputs of the node", "heading")
    for name, value in list(failure.error.inputs.items())[:_INPUTS]:
        # The server wraps each value in a list.
        value = value[0] if isinstance(value, list) and len(value) == 1 else value
        # A tensor comes as text of many lines; the first ones say what it is.
        yield from islice(value_lines(str(name), value, 2, 300), _INPUT_LINES)
    yield Line("")


def _log(excerpt: Excerpt) -> Iterator[Line]:
    yield Line("Server log around it", "heading")
    if excerpt.why_not:
        yield Line(excerpt.why_not, "dim", 2)
    for line in excerpt.lines:
        look = {Level.ERROR: "bad", Level.WARNING: "warn"}.get(line.level, "")
        yield Line(f"{line.clock:<8} {line.text}", look, 2)
    yield Line("")
