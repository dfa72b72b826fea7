"""The size of pictures that are not drawn, as their first bytes tell it.  Bounded and pure."""

from __future__ import annotations

import re
import struct

from comfy_tui.workflow.media import exr
from comfy_tui.workflow.media.source import Damaged, Source

#: So many first bytes tell the size, where it is told at all.
INFO_BYTES = 64 * 1024
_MOST_PARTS = 1000
_TOP_PX = 1 << 30


def picture_size(head: bytes, form: str) -> tuple[int, int] | None:
    """Width and height in pixels; None where they are not told.

    Args:
        head: the first :data:`INFO_BYTES`, or the whole of a shorter file.
        form: as :func:`comfy_tui.content.sniff.sniff` calls it.
    """
    read = {"EXR": _exr, "HEIC": _heif, "HEIF": _heif, "JPEG XL": _jpeg_xl, "SVG": _svg}.get(form)
    try:
        size = read(head) if read is not None else None
    except (Damaged, struct.error, ValueError, IndexError, OverflowError):
        return None
    return size if size is not None and all(0 < side < _TOP_PX for side in size) else None


def _exr(head: bytes) -> tuple[int, int] | None:
    source = Source(head)
    for name, _, offset, _ in exr.entries(source):
        if name == "displayWindow":
            left, top, right, bottom = source.unpack("<4i", offset)
            return right - left + 1, bottom - top + 1
    return None


def _heif(head: bytes) -> tuple[int, int] | None:
    """The largest of the pictures in it: the others are its tiles and thumbnails."""
    sizes = [
        struct.unpack_from(">II", head, found.end() + 4)
        for found, _ in zip(re.finditer(b"ispe", head), range(_MOST_PARTS), strict=False)
        if found.end() + 12 <= len(head)
    ]
    return max(sizes, key=lambda size: size[0] * size[1], default=None)


def _jpeg_xl(head: bytes) -> tuple[int, int] | None:
    start = 0 if head.startswith(b"\xff\x0a") else head.index(b"jxlc") + 4
    if head[start : start + 2] != b"\xff\x0a":
        return None
    bits = int.from_bytes(head[start + 2 : start + 14], "little")

    def take(count: int) -> int:
        nonlocal bits
        value = bits & ((1 << count) - 1)
        bits >>= count
        return value

    small = take(1)

    def side() -> int:
        return (take(5) + 1) * 8 if small else take((9, 13, 18, 30)[take(2)]) + 1

    height = side()
    ratio = take(3)
    if not ratio:
        return side(), height
    over, under = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))[ratio - 1]
    return height * over // under, height


def _svg(head: bytes) -> tuple[int, int] | None:
    tag = re.search(r"<svg\b[^>]{0,4000}", head.decode("utf-8", "replace"))
    if tag is None:
        return None
    sides = [
        re.search(rf"""\s{name}\s*=\s*["']\s*(\d{{1,9}}(?:\.\d{{1,9}})?)(?:px)?\s*["']""", tag[0])
        for name in ("width", "height")
    ]
    if sides[0] and sides[1]:
        return round(float(sides[0][1])), round(float(sides[1][1]))
    box = re.search(r"""\sviewBox\s*=\s*["']([^"']{1,100})["']""", tag[0])
    numbers = re.split(r"[\s,]+", box[1].strip()) if box else []
    return (round(float(numbers[2])), round(float(numbers[3]))) if len(numbers) == 4 else None
