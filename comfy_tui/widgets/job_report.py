"""An opened job as lines: error, outputs, parameters, nodes.  Made in a thread, limited in size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from comfy_tui.comfy.types import ExecutionError, JobRecord
from comfy_tui.monitor.state import Unsent
from comfy_tui.monitor.troubleshoot.diagnose import diagnose, diagnose_problem
from comfy_tui.monitor.troubleshoot.failure import Failure, title_of_node
from comfy_tui.text import clean, clean_lines, count_of
from comfy_tui.widgets.failure_lines import failure_lines
from comfy_tui.widgets.job_text import output_name, summary_facts, unsent_advice
from comfy_tui.widgets.line_view import Line
from comfy_tui.widgets.value_lines import VALUE_LIMIT, shown_value, text_lines, value_label, value_lines
from comfy_tui.workflow.parameters import is_link, summarize

#: No more lines and characters than these are shown; copying gives the whole prompt.
MAX_LINES = 20_000
MAX_CHARACTERS = 2_000_000


def report(
    record: JobRecord, error: ExecutionError | None, failure: Failure | None = None
) -> tuple[Line, ...]:
    """Everything that the server keeps of a job.

    Args:
        record: the job with its prompt.
        error: its error, where the list knew it better.
        failure: what else is known of it, where it failed.
    """
    prompt = record.prompt or {}
    known = record.error or error
    if failure is None and known is not None:
        title = title_of_node(prompt, known.node_id or "")
        failure = Failure("", record.prompt_id, diagnose(known), known, title)
    parts = (
        failure_lines(failure) if failure is not None else (),
        _output_lines(record),
        _parameter_lines(prompt),
        _node_lines(prompt, known),
    )
    return _limited(line for part in parts for line in part)


def _limited(lines: Iterable[Line]) -> tuple[Line, ...]:
    kept: list[Line] = []
    characters = 0
    for line in lines:
        characters += len(line.text)
        if len(kept) >= MAX_LINES or characters > MAX_CHARACTERS:
            kept.append(Line("… and more than can be shown here: y copies the whole prompt.", "warn"))
            break
        kept.append(line)
    return tuple(kept)


def unsent_report(entry: Unsent) -> tuple[Line, ...]:
    """What is known of a submission that nobody confirmed."""
    cause = diagnose_problem(entry.reason)
    return (
        Line(clean(entry.reason.title), "strong"),
        Line(clean(entry.reason.message, 2000)),
        *((Line(cause.cause),) if cause is not None else ()),
        Line(clean(entry.reason.hint, 1000)),
        Line(""),
        Line(unsent_advice(entry)),
    )


def _output_lines(record: JobRecord) -> Iterator[Line]:
    if not record.outputs and not record.texts:
        return
    yield Line("Outputs", "heading")
    for file in record.outputs[:500]:
        yield Line(f"{output_name(file)}  (node {clean(file.node_id, 40)})", "", 2)
    if len(record.outputs) > 500:
        yield Line(f"and {count_of(len(record.outputs) - 500, 'file')} more", "dim", 2)
    for text in record.texts[:100]:
        yield Line(f"text of node {clean(text.node_id, 40)}:", "dim", 2)
        yield from text_lines(clean_lines(text.text, 4000), "", 4)
    yield Line("")


def _parameter_lines(prompt: Mapping[str, Any]) -> Iterator[Line]:
    facts = summary_facts(summarize(prompt)) if prompt else []
    if not facts:
        return
    yield Line("Parameters", "heading")
    for label, value in facts:
        yield from fact_lines(label, value)
    yield Line("")


def fact_lines(label: str, value: str) -> Iterator[Line]:
    """A fact of :func:`summary_facts`: its label, and the value beside it."""
    first, *rest = value.split("\n")
    yield Line(first, "", 12, lead=f"  {label}")
    yield from (Line(line, "", 12) for line in rest)


def _node_lines(prompt: Mapping[str, Any], error: ExecutionError | None) -> Iterator[Line]:
    yield Line(f"Nodes ({len(prompt)})", "heading")
    if not prompt:
        yield Line("The server did not send the prompt of this job.", "dim", 2)
    for node_id, node in prompt.items():
        failed = error is not None and error.node_id == str(node_id)
        class_type = node.get("class_type") if isinstance(node, Mapping) else None
        title = _title(prompt, node_id)
        words = f"{clean(node_id, 40)}  {clean(class_type or 'not a node', 120)}"
        if title and title != clean(class_type or "", 80):
            words += f' "{title}"'
        yield Line(("✗ " if failed else "") + words, "bad" if failed else "strong", 2)
        inputs = node.get("inputs") if isinstance(node, Mapping) else None
        if isinstance(inputs, Mapping):
            for name, value in inputs.items():
                if is_link(value):
                    yield Line(f"{value_label(name)} ← {_link_words(prompt, value)}", "dim", 6)
                else:
                    yield from value_lines(str(name), value, 6, VALUE_LIMIT)


def _link_words(prompt: Mapping[str, Any], link: list[Any]) -> str:
    """``4:0 Load Checkpoint``: node, output, title."""
    if len(link) != 2 or not isinstance(link[0], str):
        return shown_value("", link, 100)
    return f"{clean(link[0], 40)}:{clean(link[1], 10)} {_title(prompt, link[0]) or 'not in this prompt'}"


def _title(prompt: Mapping[str, Any], node_id: object) -> str:
    node = prompt.get(str(node_id))
    if not isinstance(node, Mapping):
        return ""
    meta = node.get("_meta")
    title = meta.get("title") if isinstance(meta, Mapping) else None
    return clean(title if isinstance(title, str) and title else node.get("class_type") or "", 80)
