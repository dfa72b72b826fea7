"""AVIF and HEIF: pictures in a video's boxes, with EXIF as an item that ``iinf`` and ``iloc`` tell of."""

from __future__ import annotations

from comfy_tui.workflow.media.exif import read_exif
from comfy_tui.workflow.media.isobmff import boxes
from comfy_tui.workflow.media.source import TEXT_LIMIT, Damaged, Source, Tags

BRANDS = (b"avif", b"avis", b"heic", b"heix", b"mif1")
_MOST_ITEMS = 10_000


def read_heif(source: Source, tags: Tags) -> None:
    """Read the EXIF item, if there is one."""
    for kind, start, end in boxes(source, 0, source.size):
        if kind == b"meta":
            parts = {inner: (begin, after) for inner, begin, after in boxes(source, start + 4, end)}
            if b"iinf" in parts and b"iloc" in parts:
                item = _exif_item(source, *parts[b"iinf"])
                if item is not None:
                    _read_item(_content(source, *parts[b"iloc"], item), tags)
            return


def _exif_item(source: Source, start: int, end: int) -> int | None:
    """The number of the item whose kind is ``Exif``."""
    (version,) = source.unpack("B", start)
    for kind, inner, _ in boxes(source, start + (6 if version == 0 else 8), end):
        if kind != b"infe":
            continue
        (form,) = source.unpack("B", inner)
        if form in (2, 3):
            item, _, item_kind = source.unpack(">HH4s" if form == 2 else ">IH4s", inner + 4)
            if item_kind == b"Exif":
                return int(item)
    return None


def _content(source: Source, start: int, end: int, wanted: int) -> bytes:
    """Put the parts of an item together."""
    version, _, sizes = source.unpack(">B3sH", start)
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_size = sizes & 15 if version in (1, 2) else 0
    wide = version == 2
    count, place = _number(source, start + 6, 4 if wide else 2)
    for _ in range(min(count, _MOST_ITEMS)):
        item, place = _number(source, place, 4 if wide else 2)
        method, place = _number(source, place, 2) if version in (1, 2) else (0, place)
        base, place = _number(source, place + 2, base_size)
        extents, place = _number(source, place, 2)
        found = bytearray()  # not bytes: ten thousand parts would be copied ten thousand times
        for _ in range(min(extents, _MOST_ITEMS)):
            offset, place = _number(source, place + index_size, offset_size)
            length, place = _number(source, place, length_size)
            if item == wanted and method & 15 == 0:
                found += source.take(base + offset, length)
            if place > end or len(found) > TEXT_LIMIT:
                raise Damaged("its list of items is cut off")
        if item == wanted:
            return bytes(found)
    return b""


def _number(source: Source, place: int, size: int) -> tuple[int, int]:
    return int.from_bytes(source.take(place, size), "big"), place + size


def _read_item(content: bytes, tags: Tags) -> None:
    """Four bytes tell how far the EXIF data is from there."""
    if len(content) > 4:
        read_exif(content[4 + int.from_bytes(content[:4], "big") :], tags)
