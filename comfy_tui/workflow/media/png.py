"""PNG and animated PNG: text chunks, ComfyUI's own ``comf`` chunk, and EXIF."""

from __future__ import annotations

from contextlib import suppress

from comfy_tui.workflow.media.exif import read_exif
from comfy_tui.workflow.media.source import Damaged, Source, Tags

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TEXTS = (b"tEXt", b"zTXt", b"iTXt", b"comf")


def read_png(source: Source, tags: Tags) -> None:
    """Walk the chunks; texts may stand before or after the picture. Checksums are not looked at."""
    offset = len(SIGNATURE)
    while offset < source.size and not tags.complete:
        length, kind = source.unpack(">I4s", offset)
        if kind in _TEXTS:
            _read_text(kind, source.take(offset + 8, length), tags)
        elif kind == b"eXIf":
            with suppress(Damaged):  # the texts after it may be whole
                read_exif(source.take(offset + 8, length), tags)
        elif kind == b"IEND":
            return
        offset += 12 + length


def _read_text(kind: bytes, chunk: bytes, tags: Tags) -> None:
    key, zero, rest = chunk.partition(b"\0")
    name = key.decode("latin-1")
    if not zero:
        raise Damaged("a text in it has no name")
    if kind == b"zTXt":
        tags.add_packed(name, rest[1:])
    elif kind == b"iTXt":
        packed = rest[:1] == b"\1"
        parts = rest[2:].split(b"\0", 2)  # language, translated name, text
        if len(parts) == 3:
            (tags.add_packed if packed else tags.add)(name, parts[2])
    else:
        tags.add(name, _decoded(rest))


def _decoded(text: bytes) -> str:
    """The standard says Latin-1, most packs write UTF-8."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")
