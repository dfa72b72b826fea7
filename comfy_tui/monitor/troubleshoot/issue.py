"""A failure as Markdown for somebody else's issue tracker: versions and words, no secrets, no homes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from comfy_tui import __version__
from comfy_tui.comfy.types import SystemStats
from comfy_tui.masking import mask_text, mask_value, without_homes
from comfy_tui.monitor.memory_log import MemoryThen
from comfy_tui.monitor.troubleshoot.failure import Failure
from comfy_tui.text import clean, clean_lines, format_bytes

_FRAMES = 20
_INPUTS = 40
_VALUE = 300


def issue_report(failure: Failure) -> str:
    """The report: what failed, where, with which versions."""
    parts = [
        *_head(failure),
        *_versions(failure.stats),
        *_memory(failure.memory),
        *_inputs(failure),
        *_frames(failure),
        *_log(failure),
        f"<sub>Reported with comfy-tui {__version__}. Keys, tokens and home folders are left out.</sub>\n",
    ]
    return without_homes(mask_text("\n".join(parts)))


def _head(failure: Failure) -> Iterator[str]:
    error = failure.error
    if error is None:
        yield f"## {failure.diagnosis.cause.title}\n"
        return
    first = clean(error.message.strip().split("\n")[0], 300)
    yield f"## {_plain(error.exception_type)}: {_plain(first)}\n"
    place = f"`{_code(error.class_type or 'unknown')}` (node {_plain(error.node_id or 'unknown')})"
    if failure.node_title and failure.node_title != error.class_type:
        place += f", titled “{_plain(failure.node_title)}”"
    yield f"**Node:** {place}\n"
    if failure.diagnosis.is_known:
        yield f"**Looks like:** {failure.diagnosis.cause.title}\n"
    message = clean_lines(error.message.strip(), 4_000)
    if "\n" in message:
        yield _block(message)


def _versions(stats: SystemStats | None) -> Iterator[str]:
    if stats is None:
        return
    yield "### Versions (of the server now)\n"
    rows = [
        ("ComfyUI", stats.comfyui_version),
        ("Python", (stats.python_version or "").split(" ")[0]),
        ("PyTorch", stats.pytorch_version),
        ("System", stats.os),
        *(("Device", _device(device.name, device.vram_total_bytes)) for device in stats.devices),
        *((package.name, package.installed) for package in stats.packages),
        ("Arguments", " ".join(stats.argv[1:])),
    ]
    yield "".join(f"- {name}: {_plain(value)}\n" for name, value in rows if value)


def _device(name: str, total_bytes: int | None) -> str:
    return f"{name} ({format_bytes(total_bytes)})" if total_bytes else name


def _memory(memory: MemoryThen | None) -> Iterator[str]:
    if memory is None:
        return
    yield f"**Memory:** {memory_words(memory)}\n"


def memory_words(memory: MemoryThen) -> str:
    """``VRAM 20.1 GB of 24.0 GB in use 3 s before the end was seen, at most ...``."""
    last, peak = memory.last, memory.peak
    known = last or peak
    assert known is not None
    parts = []
    if last is not None:
        before_s = max(0, round(memory.at_s - last.at_s))
        parts.append(
            f"{format_bytes(last.used_bytes)} of {format_bytes(last.total_bytes)} in use "
            f"{before_s} s before the end was seen"
        )
    if peak is not None and (last is None or peak.used_bytes > last.used_bytes):
        parts.append(f"at most {format_bytes(peak.used_bytes)} at the polls while it ran")
    return f"{'VRAM' if known.is_vram else 'RAM'} {', '.join(parts)}"


def _inputs(failure: Failure) -> Iterator[str]:
    if failure.error is None or not failure.error.inputs:
        return
    yield "### Inputs of the node\n"
    lines = []
    for name, value in list(failure.error.inputs.items())[:_INPUTS]:
        # The server wraps each value in a list.
        value = value[0] if isinstance(value, list) and len(value) == 1 else value
        masked = mask_value(value, str(name))
        text = masked if isinstance(masked, str) else json.dumps(masked, ensure_ascii=False, default=str)
        lines.append(f"{clean(name, 80)} = {clean(text, _VALUE)}")
    yield _block("\n".join(lines))


def _frames(failure: Failure) -> Iterator[str]:
    frames = failure.frames
    if not frames:
        return
    yield "### Traceback\n"
    cut = [f"  ... {len(frames) - _FRAMES} frames before these ..."] if len(frames) > _FRAMES else []
    yield _block(clean_lines("\n".join([*cut, *frames[-_FRAMES:]]), 30_000))


def _log(failure: Failure) -> Iterator[str]:
    excerpt = failure.excerpt
    if excerpt is None or not excerpt.lines:
        return
    yield "### Log\n"
    # The traceback stands above already: only what came before it, and the line that marks it.
    yield _block(
        "\n".join(f"{line.clock} {line.text}".strip() for line in excerpt.lines[: excerpt.place + 1])
    )


def _block(text: str) -> str:
    """Text in a fence that it cannot close."""
    longest = max((len(found) for found in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}\n"


def _plain(value: object) -> str:
    """Words of others in Markdown: no link, no mention, no markup."""
    return re.sub(r"([\\`*_{}\[\]<>#|@!])", r"\\\1", clean(value, 500))


def _code(value: object) -> str:
    return clean(value, 200).replace("`", "'")
