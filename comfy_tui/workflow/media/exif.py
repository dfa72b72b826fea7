"""EXIF: in WebP, JPEG and PNG. ComfyUI writes texts such as ``workflow:{...}`` into Make and Model."""

from __future__ import annotations

from comfy_tui.workflow.media.source import Damaged, Source, Tags

_SIZES = {1: 1, 2: 1, 7: 1}  # bytes, text, undefined
_NAMES = {0x010E: "description", 0x9286: "usercomment", 0x9C9C: "comment"}
_EXIF_FOLDER = 0x8769
_MOST_ENTRIES = 1000


def read_exif(data: bytes, tags: Tags) -> None:
    """Read the texts of a TIFF structure, with or without the ``Exif`` mark before it."""
    data = data.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None:
        raise Damaged("its EXIF data is not EXIF")
    source = Source(data)
    waiting = [int(source.unpack(order + "I", 4)[0])]
    seen: set[int] = set()
    while waiting:
        offset = waiting.pop()
        if offset not in seen and len(seen) < 8:
            seen.add(offset)
            waiting += _read_folder(source, order, offset, tags)


def _read_folder(source: Source, order: str, offset: int, tags: Tags) -> list[int]:
    (count,) = source.unpack(order + "H", offset)
    inner = []
    for index in range(min(count, _MOST_ENTRIES)):
        entry = offset + 2 + 12 * index
        tag, kind, length, place = source.unpack(order + "HHII", entry)
        if tag == _EXIF_FOLDER:
            inner.append(place)
        elif kind in _SIZES and length:
            start = entry + 8 if length <= 4 else place
            _keep(tag, source.take(start, length), tags)
    return inner


def _keep(tag: int, value: bytes, tags: Tags) -> None:
    if tag == 0x9286 and value[:8] in (b"UNICODE\0", b"ASCII\0\0\0", b"JIS\0\0\0\0\0", bytes(8)):
        mark, value = value[:8], value[8:]
        if mark == b"UNICODE\0":
            # Which half of a character comes first is not told; JSON begins with ASCII.
            text = value.decode("utf-16-be" if value[:1] == b"\0" else "utf-16-le", "replace")
            tags.add_pair(text, _NAMES[tag])
            return
    if tag == 0x9C9C:
        tags.add_pair(value.decode("utf-16-le", "replace"), _NAMES[tag])
        return
    tags.add_pair(value.decode("utf-8", "replace"), _NAMES.get(tag, ""))


def read_webp(source: Source, tags: Tags) -> None:
    """Find the EXIF chunk of a WebP file."""
    offset = 12
    while offset + 8 <= source.size:
        kind, length = source.unpack("<4sI", offset)
        if kind == b"EXIF":
            read_exif(source.take(offset + 8, length), tags)
            return
        offset += 8 + length + length % 2


def read_jpeg(source: Source, tags: Tags) -> None:
    """Read the EXIF segments and comments that stand before the picture of a JPEG file."""
    offset = 2
    while offset + 4 <= source.size:
        mark, kind, length = source.unpack(">BBH", offset)
        if mark != 0xFF:
            raise Damaged("a segment does not begin like one")
        if kind == 0xFF:  # filling
            offset += 1
            continue
        if kind in (0xDA, 0xD9):
            return
        if kind == 0x01 or 0xD0 <= kind <= 0xD8:
            offset += 2
            continue
        if kind == 0xE1 and length > 8 and source.take(offset + 4, 6) == b"Exif\0\0":
            read_exif(source.take(offset + 4, length - 2), tags)
        elif kind == 0xFE and length > 2:
            tags.add_pair(source.take(offset + 4, length - 2).decode("utf-8", "replace"), "comment")
        offset += 2 + max(2, length)
