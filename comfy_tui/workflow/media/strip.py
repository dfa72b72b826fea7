"""Takes prompt, workflow and every other text out of a file, without touching its pixels.

Only what is needed for drawing is kept, as it stands: the compressed pixels are copied byte for byte.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO

from comfy_tui.errors import WorkflowError
from comfy_tui.workflow.media import isobmff, png
from comfy_tui.workflow.media.source import Damaged, TooMuch
from comfy_tui.workflow.media.strip_streams import (
    COPY_BYTES,
    CannotStrip,
    copy,
    strip_flac,
    strip_mp3,
    strip_mp4,
)
from comfy_tui.workflow.metadata import media_format, read_media

#: What can be stripped, in words.
STRIPPED = "PNG, WebP, JPEG, MP4, FLAC and MP3"
#: Chunks of a PNG that change how it is drawn, animation included; everything else goes.
_PNG_KEPT = frozenset(
    (
        *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"sBIT"),
        *(b"bKGD", b"hIST", b"pHYs", b"sPLT", b"mDCV", b"cLLI", b"acTL", b"fcTL", b"fdAT"),
    )
)
_WEBP_DROPPED = (b"EXIF", b"XMP ")
_WEBP_KEPT = (b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP")
#: Flags of VP8X that say that there is EXIF and XMP.
_VP8X_TEXTS = 0x08 | 0x04


def strip(file: BinaryIO) -> Iterator[bytes]:
    """The file's bytes without its texts, piece by piece.

    Args:
        file: an open picture, video or sound that can seek.

    Raises:
        CannotStrip: it is of a kind that this cannot do, or damaged.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    head = file.read(12)
    if head[:8] == png.SIGNATURE:
        yield from _strip_png(file, size)
    elif head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        yield from _strip_webp(file, size)
    elif head[:3] == b"\xff\xd8\xff":
        yield from _strip_jpeg(file, size)
    else:
        try:
            yield from _strip_stream(file, size, head)
        except (Damaged, TooMuch, struct.error) as error:
            raise CannotStrip(f"it is damaged: {error}".rstrip(": ")) from error


def _strip_stream(file: BinaryIO, size: int, head: bytes) -> Iterator[bytes]:
    kind = media_format(file) or "of another kind"
    if head[4:8] in isobmff.FIRST_BOXES and "MP4" in kind:
        yield from strip_mp4(file, size)
    elif head[:4] == b"fLaC":
        yield from strip_flac(file, size, 0)
    elif "MP3" in kind:
        yield from strip_mp3(file, size)
    else:
        raise CannotStrip(f"it is {kind}; {STRIPPED} can be stripped")


def is_bare(file: BinaryIO) -> bool:
    """Whether no prompt and no workflow are found in a file."""
    try:
        read_media(file)
    except WorkflowError:
        return True
    return False


def _take(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(offset)
    found = file.read(count)
    if len(found) != count:
        raise CannotStrip("it is damaged: it ends in the middle")
    return found


def _strip_png(file: BinaryIO, size: int) -> Iterator[bytes]:
    yield png.SIGNATURE
    offset = len(png.SIGNATURE)
    while True:
        length, kind = struct.unpack(">I4s", _take(file, offset, 8))
        whole = 12 + length
        if offset + whole > size:
            raise CannotStrip("it is damaged: it ends in the middle")
        if kind in _PNG_KEPT:
            yield from copy(file, offset, whole)
        offset += whole
        if kind == b"IEND":
            return


def _strip_webp(file: BinaryIO, size: int) -> Iterator[bytes]:
    parts: list[tuple[bytes, int, int]] = []
    end = min(size, 8 + struct.unpack("<I", _take(file, 4, 4))[0])
    offset = 12
    while offset + 8 <= end:
        kind, length = struct.unpack("<4sI", _take(file, offset, 8))
        whole = 8 + length + length % 2
        if offset + 8 + length > size:
            raise CannotStrip("it is damaged: it ends in the middle")
        if kind in _WEBP_KEPT:
            parts.append((kind, offset, whole))
        offset += whole
    if not parts:
        raise CannotStrip("it is damaged: there is no picture in it")
    yield b"RIFF" + struct.pack("<I", 4 + sum(whole for _, _, whole in parts)) + b"WEBP"
    for kind, offset, whole in parts:
        if kind == b"VP8X":
            chunk = bytearray(_take(file, offset, whole))
            if whole < 18:
                raise CannotStrip("it is damaged: its header is too short")
            chunk[8] &= ~_VP8X_TEXTS
            yield bytes(chunk)
        elif offset + whole > size:  # the filling byte at the end lacks
            yield from copy(file, offset, whole - 1)
            yield b"\0"
        else:
            yield from copy(file, offset, whole)


def _strip_jpeg(file: BinaryIO, size: int) -> Iterator[bytes]:
    yield b"\xff\xd8"
    offset = 2
    while True:
        mark, kind = _take(file, offset, 2)
        if mark != 0xFF:
            raise CannotStrip("it is damaged: a segment does not begin like one")
        if kind == 0xFF:  # filling
            offset += 1
            continue
        if kind == 0xD9:
            yield b"\xff\xd9"
            return
        if kind == 0x01 or 0xD0 <= kind <= 0xD7:
            yield bytes((mark, kind))
            offset += 2
            continue
        (length,) = struct.unpack(">H", _take(file, offset + 2, 2))
        if length < 2 or offset + 2 + length > size:
            raise CannotStrip("it is damaged: it ends in the middle")
        if _jpeg_kept(kind, _take(file, offset + 4, min(16, length - 2))):
            yield from copy(file, offset, 2 + length)
        offset += 2 + length
        if kind == 0xDA:
            scan_end = _scan_end(file, offset, size)
            yield from copy(file, offset, scan_end - offset)
            offset = scan_end


def _jpeg_kept(kind: int, start: bytes) -> bool:
    """Whether a segment changes how the picture is drawn: not EXIF, XMP, IPTC, comments and the like."""
    if kind == 0xFE:
        return False
    if not 0xE0 <= kind <= 0xEF:
        return True
    return (
        (kind == 0xE0 and start.startswith((b"JFIF\0", b"JFXX\0")))
        or (kind == 0xE2 and start.startswith(b"ICC_PROFILE\0"))
        or (kind == 0xEE and start.startswith(b"Adobe"))
    )


def _scan_end(file: BinaryIO, offset: int, size: int) -> int:
    """Where the compressed pixels end: at the next mark that is none of theirs."""
    tail = b""
    while offset < size:
        block = tail + _take(file, offset, min(COPY_BYTES, size - offset))
        begin = offset - len(tail)
        at = block.find(b"\xff")
        while 0 <= at < len(block) - 1:
            following = block[at + 1]
            if following and not 0xD0 <= following <= 0xD7 and following != 0xFF:
                return begin + at
            at = block.find(b"\xff", at + 1)
        offset = begin + len(block)
        tail = b"\xff" if block.endswith(b"\xff") else b""
    raise CannotStrip("it is damaged: it ends in the middle")
