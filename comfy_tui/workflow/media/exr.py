"""EXR pictures: entries with names, one after the other, before the pixels."""

from __future__ import annotations

from collections.abc import Iterator

from comfy_tui.workflow.media.source import Damaged, Source, Tags

SIGNATURE = b"v/1\x01"
_MOST_ENTRIES = 1000
#: Names and kinds are of 255 characters at most.
_WORD_BYTES = 256


def read_exr(source: Source, tags: Tags) -> None:
    """Entries that are texts."""
    for name, kind, offset, length in entries(source):
        if kind == "string" and tags.wants(name):
            tags.add(name, source.take(offset, length))


def entries(source: Source) -> Iterator[tuple[str, str, int, int]]:
    """Name and kind of each entry, and where its value is: offset and length.

    Raises:
        Damaged: the header ends too early.
    """
    offset = 8
    for _ in range(_MOST_ENTRIES):
        name, offset = _word(source, offset)
        if not name:
            return
        kind, offset = _word(source, offset)
        (length,) = source.unpack("<I", offset)
        yield name, kind, offset + 4, length
        offset += 4 + length


def _word(source: Source, offset: int) -> tuple[str, int]:
    text, end, _ = source.take(offset, min(_WORD_BYTES, source.size - offset)).partition(b"\0")
    if not end:
        raise Damaged("its header has no end")
    return text.decode("latin-1"), offset + len(text) + 1
