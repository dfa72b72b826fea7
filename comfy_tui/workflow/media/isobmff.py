"""MP4 and MOV: ``moov/udta/meta`` with ``keys`` and ``ilst``, iTunes items, QuickTime's plain texts."""

from __future__ import annotations

from collections.abc import Iterator

from comfy_tui.workflow.media.source import Damaged, Source, Tags

FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"styp")
_CONTAINERS = (b"moov", b"udta")
_COMMENTS = {b"\xa9cmt": "comment", b"\xa9des": "description", b"desc": "description", b"ldes": "synopsis"}
_UTF16 = 2


def read_isobmff(source: Source, tags: Tags) -> None:
    """Walk to the metadata boxes, wherever they stand."""
    _walk(source, 0, source.size, tags, depth=0)


def _walk(source: Source, start: int, end: int, tags: Tags, depth: int) -> None:
    for kind, inner, after in boxes(source, start, end):
        if kind in _CONTAINERS and depth < 3:
            _walk(source, inner, after, tags, depth + 1)
        elif kind == b"meta":
            _read_meta(source, inner, after, tags)
        elif kind in _COMMENTS and depth:
            _read_plain(source, inner, after, _COMMENTS[kind], tags)
        if tags.complete:
            return


def boxes(source: Source, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The kind, begin of content and end of each box of a range."""
    while start + 8 <= end:
        size, kind = source.unpack(">I4s", start)
        header = 8
        if size == 1:
            (size,) = source.unpack(">Q", start + 8)
            header = 16
        elif size == 0:
            if kind == b"\0\0\0\0":  # QuickTime ends lists so
                return
            size = end - start
        if size < header or start + size > end:
            raise Damaged("a box in it is larger than what it lies in, or it is cut off")
        yield kind, start + header, start + size
        start += size


def _read_meta(source: Source, start: int, end: int, tags: Tags) -> None:
    """Of a ``meta`` box: names from ``keys``, values from ``ilst``. MP4's has four bytes before its boxes."""
    if end - start < 8:
        return
    if source.take(start + 4, 4) != b"hdlr":
        start += 4
    parts = {kind: (inner, after) for kind, inner, after in boxes(source, start, end)}
    names = _read_keys(source, *parts[b"keys"]) if b"keys" in parts else []
    for kind, inner, after in boxes(source, *parts.get(b"ilst", (0, 0))):
        number = int.from_bytes(kind, "big")
        name = names[number - 1] if 0 < number <= len(names) else _COMMENTS.get(kind, "")
        if name or kind == b"----":
            _read_item(source, inner, after, name, tags)


def _read_keys(source: Source, start: int, end: int) -> list[str]:
    (count,) = source.unpack(">I", start + 4)
    names: list[str] = []
    offset = start + 8
    while offset + 8 <= end and len(names) < min(count, 10_000):
        (size,) = source.unpack(">I", offset)
        if size < 8 or offset + size > end:
            raise Damaged("a name in it is longer than the list of names")
        names.append(source.take(offset + 8, min(size - 8, 200)).decode("utf-8", "replace"))
        offset += size
    return names


def _read_item(source: Source, start: int, end: int, name: str, tags: Tags) -> None:
    """One item; a free one (``----``) brings its own name."""
    for kind, inner, after in boxes(source, start, end):
        if kind == b"name" and after - inner > 4:
            name = source.take(inner + 4, min(after - inner - 4, 200)).decode("utf-8", "replace")
        elif kind == b"data" and tags.wants(name) and after - inner > 8:
            (form,) = source.unpack(">I", inner)
            value = source.take(inner + 8, after - inner - 8)
            tags.add(name, value.decode("utf-16-be", "replace") if form == _UTF16 else value)


def _read_plain(source: Source, start: int, end: int, name: str, tags: Tags) -> None:
    """QuickTime's texts in ``udta``: a length, a language, the text."""
    if end - start < 4:
        return
    length, _ = source.unpack(">HH", start)
    tags.add(name, source.take(start + 4, min(length, end - start - 4)))
