"""An opened job as lines: error, outputs, parameters, nodes.  Made in a thread, limited in size."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from comfy_tui.comfy.types import ExecutionError, JobRecord
from comfy_tui.masking import mask_value
from comfy_tui.monitor.state import Unsent
from comfy_tui.text import clean, clean_lines, count_of
from comfy_tui.widgets.job_text import output_name, summary_facts, unsent_advice
from comfy_tui.widgets.line_view import Line
from comfy_tui.workflow.parameters import is_link, summarize

#: No more lines and characters than these are shown; copying gives the whole prompt.
MAX_LINES = 20_000
MAX_CHARACTERS = 2_000_000
_VALUE_LIMIT = 600
_LABEL = 18


def shown_value(name: str, value: Any, limit: int = _VALUE_LIMIT) -> str:
    """A value as text that is safe to show: cut, and masked where its name says that it is secret."""
    masked = mask_value(value, name)
    if isinstance(masked, str):
        return clean_lines(masked, limit).rstrip()
    return clean(json.dumps(masked, ensure_ascii=False, default=str), limit)


def report(record: JobRecord, error: ExecutionError | None) -> tuple[Line, ...]:
    """Everything that the server keeps of a job.

    Args:
        record: the job with its prompt.
        error: its error, where the list knew it better.
    """
    prompt = record.prompt or {}
    parts = (
        _error_lines(record.error or error, prompt),
        _output_lines(record),
        _parameter_lines(prompt),
        _node_lines(prompt, (record.error or error)),
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
    return (
        Line(clean(entry.reason.title), "strong"),
        Line(clean(entry.reason.message, 2000)),
        Line(clean(entry.reason.hint, 1000)),
        Line(""),
        Line(unsent_advice(entry)),
    )


def _texts(text: str, look: str = "", indent: int = 0) -> Iterator[Line]:
    for line in text.split("\n"):
        yield Line(line, look, indent)


def _error_lines(error: ExecutionError | None, prompt: Mapping[str, Any]) -> Iterator[Line]:
    if error is None:
        return
    yield Line("Error", "heading")
    title = _title(prompt, error.node_id)
    place = clean(f"{error.class_type or 'node'} ({error.node_id or 'unknown'})", 200)
    if title and title != clean(error.class_type or ""):
        place += f' "{title}"'
    yield Line(f"at        {place}", "bad", 2)
    yield Line(f"exception {clean(error.exception_type, 300)}", "bad", 2)
    yield from _texts(clean_lines(error.message.strip(), 8000), "strong", 2)
    if error.inputs:
        yield Line("Inputs of the node", "strong", 2)
        for name, value in list(error.inputs.items())[:60]:
            # The server wraps each value in a list.
            value = value[0] if isinstance(value, list) and len(value) == 1 else value
            yield from _value_lines(str(name), value, 4, 300)
    if error.traceback:
        yield Line("Traceback", "strong", 2)
        text = clean_lines("".join(_ended(part) for part in error.traceback), 100_000)
        yield from _texts(text.rstrip("\n"), "", 4)
    yield Line("")


def _ended(part: str) -> str:
    return part if part.endswith("\n") else part + "\n"


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
        yield from _texts(clean_lines(text.text, 4000), "", 4)
    yield Line("")


def _parameter_lines(prompt: Mapping[str, Any]) -> Iterator[Line]:
    facts = summary_facts(summarize(prompt)) if prompt else []
    if not facts:
        return
    yield Line("Parameters", "heading")
    for label, value in facts:
        first, *rest = value.split("\n")
        yield Line(f"{label:<10}{first}", "", 2)
        yield from (Line(line, "", 12) for line in rest)
    yield Line("")


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
                    yield Line(f"{_label(name)} ← {_link_words(prompt, value)}", "dim", 6)
                else:
                    yield from _value_lines(str(name), value, 6, _VALUE_LIMIT)


def _label(name: object) -> str:
    return f"{clean(name, 60):<{_LABEL}}"


def _value_lines(name: str, value: Any, indent: int, limit: int) -> Iterator[Line]:
    first, *rest = shown_value(name, value, limit).split("\n")
    yield Line(f"{_label(name)}   {first}", "", indent)
    yield from (Line(line, "", indent + _LABEL + 3) for line in rest)


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
