"""The other files that ComfyUI writes its prompt into: GLB, safetensors and latents, SVG."""

from __future__ import annotations

import json
from typing import Any

from comfy_tui.json_weight import loads
from comfy_tui.workflow.media.source import TEXT_LIMIT, WANTED, Damaged, Source, Tags

_SVG_HEAD = 256


def read_glb(source: Source, tags: Tags) -> None:
    """``asset.extras`` of the JSON chunk of a binary glTF file."""
    length, kind = source.unpack("<I4s", 12)
    if kind == b"JSON":
        asset = _object(source.take(20, length)).get("asset")
        _add_all(asset.get("extras") if isinstance(asset, dict) else None, tags)


def is_safetensors(source: Source) -> bool:
    """Whether it begins with the length of a JSON header and the header."""
    if source.size < 10:
        return False
    length, begin = source.unpack("<Q1s", 0)
    return bool(begin == b"{" and 2 <= length <= source.size - 8)


def read_safetensors(source: Source, tags: Tags) -> None:
    """``__metadata__`` of the header: models that were saved by a workflow, and latents."""
    (length,) = source.unpack("<Q", 0)
    _add_all(_object(source.take(8, length)).get("__metadata__"), tags)


def is_svg(source: Source) -> bool:
    """Whether it begins like a picture in SVG."""
    head = source.take(0, min(_SVG_HEAD, source.size)).lstrip(b"\xef\xbb\xbf \t\r\n")
    return head.startswith((b"<svg", b"<?xml", b"<!--", b"<!DOCTYPE svg"))


def read_svg(source: Source, tags: Tags) -> None:
    """The JSON text in ``<metadata>``, marked as character data."""
    text = source.take(0, min(source.size, TEXT_LIMIT))
    start = text.find(b"<![CDATA[", max(0, text.find(b"<metadata>")))
    end = text.find(b"]]>", start)
    if 0 <= start < end:
        _add_all(_object(text[start + 9 : end]), tags)


def _object(text: bytes) -> dict[str, Any]:
    try:
        value = loads(text)
    except (ValueError, RecursionError) as error:
        raise Damaged("its header is not JSON") from error
    return value if isinstance(value, dict) else {}


def _add_all(values: Any, tags: Tags) -> None:
    for name in WANTED:
        value = values.get(name) if isinstance(values, dict) else None
        if isinstance(value, dict):
            tags.add(name, json.dumps(value))
        elif isinstance(value, str):
            tags.add(name, value)
