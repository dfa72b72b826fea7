"""What made an output, as lines: the values first that a person looks for, then every node's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from comfy_tui.masking import mask_value
from comfy_tui.monitor.making import Making
from comfy_tui.monitor.outputs import Output
from comfy_tui.text import clean, clean_lines, count_of, format_bytes, format_duration
from comfy_tui.widgets.line_view import Line
from comfy_tui.workflow.parameters import fields, is_link, nodes
from comfy_tui.workflow.provenance import Provenance, Sampling
from comfy_tui.workflow.tracing import Traced
from comfy_tui.workflow.value_diff import MISSING, Difference

_LABEL = 11
_TEXT_LIMIT = 20_000
_MOST_LINES = 5000


def made_lines(
    output: Output, making: Making, *, url: str, saved: Path | None, size_bytes: int | None = None
) -> tuple[Line, ...]:
    """The page of an output.

    Args:
        output: what it is about.
        making: what made it.
        url: where a browser finds it.
        saved: where it was saved.
        size_bytes: the file's size, where it is known.
    """
    told = making.told
    lines: list[Line] = []
    for title, part in (
        ("Prompt", _texts(told.positive)),
        ("Negative prompt", _negative(told)),
        ("Values", _values(told)),
        ("Models", _models(told)),
        ("Output", _output(output, told, url, saved, size_bytes)),
        ("Every value", _nodes(making.prompt)),
    ):
        found = list(part)
        if found:
            lines += [Line(title, "heading"), *found, Line("")]
    note = "" if told.of_node else "; the node that made it is not in the prompt, so all of it is told"
    lines.append(Line(f"From {making.source}{note}.", "dim"))
    return tuple(lines[:_MOST_LINES])


def _pair(label: str, value: str, look: str = "", link: str = "") -> Iterator[Line]:
    first, *rest = value.split("\n")
    yield Line(first, look, 2 + _LABEL, link, lead=f"  {label}")
    yield from (Line(line, look, 2 + _LABEL, link) for line in rest)


def _texts(texts: tuple[Traced, ...]) -> Iterator[Line]:
    for text in texts:
        for line in clean_lines(text.value, _TEXT_LIMIT).rstrip().split("\n"):
            yield Line(line, "", 2)


def _negative(told: Provenance) -> Iterator[Line]:
    if told.negative_zeroed:
        yield Line("none: the conditioning is zeroed", "dim", 2)
    yield from _texts(told.negative)


def _plain(traced: Traced) -> str:
    value = traced.value
    words = f"{value:g}" if isinstance(value, float) else clean(value, 200)
    return f"({words})" if traced.computed and words.startswith("computed") else words


def _values(told: Provenance) -> Iterator[Line]:
    several = len(told.samplings) > 1
    for number, sampling in enumerate(told.samplings, 1):
        if several:
            yield Line(
                f"{number}. {clean(sampling.class_type, 80)} ({clean(sampling.node_id, 40)})", "strong", 2
            )
        for label, traced in _sampling_values(sampling):
            yield from _pair(label, _plain(traced))
    if told.size is not None:
        width, height = told.size
        yield from _pair("size", f"{_plain(width)}x{_plain(height)}, as it was begun with")
    if told.batch is not None:
        yield from _pair("batch", _plain(told.batch))


def _sampling_values(sampling: Sampling) -> Iterator[tuple[str, Traced]]:
    for label in ("seed", "steps", "cfg", "guidance", "sampler", "scheduler", "denoise"):
        traced = getattr(sampling, label)
        if traced is not None:
            yield label, traced


def _models(told: Provenance) -> Iterator[Line]:
    for model in told.models:
        yield Line(f"{clean(model.name, 300)}  {clean(model.class_type, 80)}", "", 2)
    for lora in told.loras:
        strengths = [
            f"{value:g}" + (" clip" if clip else "")
            for value, clip in ((lora.strength_model, False), (lora.strength_clip, True))
            if value is not None
        ]
        words = f"strength {', '.join(strengths)}" if strengths else "strength not told"
        yield Line(f"{clean(lora.name, 300)}  LoRA, {words}", "", 2)


def _output(
    output: Output, told: Provenance, url: str, saved: Path | None, size_bytes: int | None
) -> Iterator[Line]:
    job = output.job
    yield from _pair("workflow", clean(job.title, 200))
    made = f"{clean(output.node_id, 40)} {clean(told.output_class, 80)}".strip()
    yield from _pair("node", f"{made}, one of {count_of(told.node_count, 'node')}")
    elapsed = job.elapsed_s(job.ended_at_s or 0.0)
    if elapsed is not None:
        yield from _pair("took", format_duration(elapsed))
    if job.started_at_s is not None and job.created_at_s is not None and not job.start_is_bound:
        yield from _pair("waited", format_duration(max(0.0, job.started_at_s - job.created_at_s)))
    yield from _pair("job", clean(job.prompt_id, 60))
    if output.path:
        yield from _pair("on server", clean(output.path, 600))
    if size_bytes is not None:
        yield from _pair("file", format_bytes(size_bytes))
    if url:
        yield from _pair("URL", clean(url, 2000), "accent", url)
    if saved is not None:
        yield from _pair("saved", clean(saved, 1000), "accent", file_link(saved))


def file_link(path: Path) -> str:
    """The address of a local file; empty where it has none."""
    try:
        return path.absolute().as_uri()
    except ValueError:
        return ""


def _nodes(prompt: Mapping[str, Any]) -> Iterator[Line]:
    literal = {found.key for found in fields(prompt)}
    for node_id, class_type, inputs, title in nodes(prompt):
        words = f"{clean(node_id, 40)}  {clean(class_type, 120)}"
        yield Line(words if title == class_type else f'{words} "{clean(title, 80)}"', "strong", 2)
        for name, value in inputs.items():
            if (node_id, name) in literal and not is_link(value):
                shown = clean_lines(_shown(str(name), value), 2000)
                first, *rest = shown.rstrip().split("\n")
                lead = f"      {clean(name, 60)}"
                yield Line(first, "", max(27, len(lead) + 1), lead=lead)
                yield from (Line(line, "", 27) for line in rest)


def _shown(name: str, value: Any) -> str:
    masked = mask_value(value, name)
    return masked if isinstance(masked, str) else str(masked)


def diff_lines(
    first: Output,
    second: Output,
    told: tuple[Provenance, Provenance],
    found: tuple[Difference, ...],
    same: int,
) -> tuple[Line, ...]:
    """What differs between two outputs: A is the first one, B the other."""
    lines = [
        Line(f"A  {clean(first.name, 200)}  ({clean(first.job.title, 80)})", "strong"),
        Line(f"B  {clean(second.name, 200)}  ({clean(second.job.title, 80)})", "strong"),
        Line(""),
    ]
    seeds = [item.seed.value if item.seed is not None and not item.seed.computed else None for item in told]
    if seeds[0] is not None and seeds[0] == seeds[1]:
        lines += [Line(f"The same seed: {clean(seeds[0], 40)}", "good"), Line("")]
    if not found:
        lines.append(Line("No value differs: the same prompt.", "good"))
    if any(not item.input for item in found):
        lines += _summary_diff(*told)
    for item in found[:1000]:
        where = f"{clean(item.title, 120)} ({clean(item.node_id, 40)})"
        if not item.input:
            lines.append(Line(f"{where}  only in {'B' if item.first is MISSING else 'A'}", "dim"))
            continue
        lines.append(Line(f"{where}  {clean(item.input, 80)}", "heading"))
        lines += _both(
            *(value if value is MISSING else _shown(item.input, value) for value in (item.first, item.second))
        )
    lines += [
        Line(""),
        Line(f"{count_of(len(found), 'value differs', 'values differ')}, {same} are the same.", "dim"),
    ]
    return tuple(lines)


def _both(first: object, second: object) -> Iterator[Line]:
    """The two values of one thing, each on lines of its own."""
    for mark, value, look in (("A", first, "warn"), ("B", second, "accent")):
        if value is MISSING:
            yield Line("(not there)", "dim", 5, lead=f"  {mark}")
            continue
        head, *rest = clean_lines(value, 4000).rstrip().split("\n")
        yield Line(head, look, 5, lead=f"  {mark}")
        yield from (Line(line, look, 5) for line in rest)


def _summary_diff(first: Provenance, second: Provenance) -> list[Line]:
    """What a person looks for, where the two are other workflows and have no nodes in common."""
    lines: list[Line] = []
    for label, a, b in zip(_SUMMARY, _summary(first), _summary(second), strict=True):
        if a != b:
            lines += [Line(label, "heading"), *_both(a or MISSING, b or MISSING)]
    return [*lines, Line(""), Line("Node by node", "heading")] if lines else []


_SUMMARY = ("prompt", "negative prompt", "seed", "steps", "cfg", "sampler", "scheduler", "models", "LoRAs")


def _summary(told: Provenance) -> tuple[str, ...]:
    last = told.samplings[-1] if told.samplings else None
    sampling = [
        _plain(traced) if (traced := getattr(last, name, None)) is not None else ""
        for name in ("seed", "steps", "cfg", "sampler", "scheduler")
    ]
    return (
        "\n".join(str(text.value) for text in told.positive),
        "\n".join(str(text.value) for text in told.negative),
        *sampling,
        ", ".join(model.name for model in told.models),
        ", ".join(lora.name for lora in told.loras),
    )
