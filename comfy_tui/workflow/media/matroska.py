"""Matroska and WebM: the names and texts of ``Segment/Tags/Tag/SimpleTag``."""

from __future__ import annotations

from collections.abc import Iterator

from comfy_tui.workflow.media.source import Damaged, Source, Tags

SIGNATURE = b"\x1a\x45\xdf\xa3"
_SEGMENT, _CLUSTER, _TAGS, _TAG, _SIMPLE = 0x18538067, 0x1F43B675, 0x1254C367, 0x7373, 0x67C8
_NAME, _TEXT, _BINARY = 0x45A3, 0x4487, 0x4485


def read_matroska(source: Source, tags: Tags) -> None:
    """Walk the top-level elements; tags may stand before or after the frames."""
    _walk(source, 0, source.size, tags, depth=0)


def _walk(source: Source, start: int, end: int, tags: Tags, depth: int) -> None:
    for kind, inner, after in elements(source, start, end):
        if kind == _SIMPLE:
            _read_simple(source, inner, after, tags, depth)
        elif kind in (_SEGMENT, _TAGS, _TAG) and depth < 8:
            _walk(source, inner, after, tags, depth + 1)
        if tags.complete:
            return


def elements(source: Source, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The id, begin of content and end of each element of a range."""
    while start < end:
        kind, inner = number(source, start, end, keep_mark=True)
        size, inner = number(source, inner, end, keep_mark=False)
        if size is None:
            # Live recordings do not know how long they are: what follows is read as if beside them.
            if kind not in (_SEGMENT, _CLUSTER):
                raise Damaged("an element of unknown length")
            if kind == _SEGMENT:
                yield kind, inner, end
                return
            start = inner
            continue
        if inner + size > end:
            raise Damaged("an element is longer than what it lies in, or it is cut off")
        yield kind or 0, inner, inner + size
        start = inner + size


def number(source: Source, start: int, end: int, *, keep_mark: bool) -> tuple[int | None, int]:
    """A number whose first bits tell its length; None where all its bits are set: unknown."""
    first = source.take(start, 1)[0]
    length = 9 - first.bit_length()
    if length > (4 if keep_mark else 8) or start + length > end:
        raise Damaged("a number in it is not one")
    value = int.from_bytes(source.take(start, length), "big")
    if keep_mark:
        return value, start + length
    value -= 1 << 7 * length
    return (None if value == (1 << 7 * length) - 1 else value), start + length


def _read_simple(source: Source, start: int, end: int, tags: Tags, depth: int) -> None:
    name, place = "", None
    for kind, inner, after in elements(source, start, end):
        if kind == _NAME:
            name = source.take(inner, min(after - inner, 200)).decode("utf-8", "replace")
        elif kind in (_TEXT, _BINARY):
            place = (inner, after)
        elif kind == _SIMPLE and depth < 8:
            _read_simple(source, inner, after, tags, depth + 1)
    if place is not None and tags.wants(name):
        tags.add(name, source.take(place[0], place[1] - place[0]))
