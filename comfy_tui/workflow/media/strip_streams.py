"""Takes every text out of a video or a sound, without touching its frames.

In an MP4 the places of frames are numbers of bytes: what goes is overwritten where it stands, so that all
of them stay right.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from comfy_tui.workflow.media import id3, isobmff
from comfy_tui.workflow.media.source import Source

COPY_BYTES = 1024 * 1024
#: An index that is larger than this is of a film, not of an output.
_MOST_INDEX_BYTES = 64 * 1024 * 1024
#: Boxes that are copied; of those that are looked into, only texts go.
_MP4_KEPT = (b"ftyp", b"styp", b"mdat", b"sidx", b"mfra")
_MP4_INTO = (b"moov", b"moof", b"traf", b"trak", b"mdia", b"minf", b"edts")
_MP4_DROPPED = (b"udta", b"meta", b"uuid", b"free", b"skip", b"wide")
_MP4_TRACKS = (b"vide", b"soun")
#: Of a FLAC: what tells how it is played, and how to find a place in it.
_FLAC_KEPT = (0, 3)
_ID3_V1_BYTES = 128
_APE_BYTES = 32


class CannotStrip(Exception):
    """Why the metadata cannot be taken out of this file."""


def copy(file: BinaryIO, offset: int, count: int) -> Iterator[bytes]:
    """So many bytes of a file, piece by piece.

    Raises:
        CannotStrip: it ends before them.
    """
    file.seek(offset)
    while count > 0:
        piece = file.read(min(COPY_BYTES, count))
        if not piece:
            raise CannotStrip("it is damaged: it ends in the middle")
        yield piece
        count -= len(piece)


def strip_mp4(file: BinaryIO, size: int) -> Iterator[bytes]:
    """An MP4 or MOV; of the same length as before."""
    source, start = Source(file), 0
    for kind, inner, after in isobmff.boxes(source, 0, size):
        if kind in _MP4_KEPT:
            yield from copy(file, start, after - start)
        elif kind in _MP4_INTO:
            if after - start > _MOST_INDEX_BYTES:
                raise CannotStrip("its index is too large")
            held = bytearray(source.take(start, after - start))
            _blank(Source(bytes(held)), held, inner - start, len(held), depth=0)
            yield bytes(held)
        else:
            yield from _emptied(file, start, inner, after)
        start = after


def _emptied(file: BinaryIO, start: int, inner: int, after: int) -> Iterator[bytes]:
    """A box of the same size that holds nothing."""
    head = bytearray(b"".join(copy(file, start, inner - start)))
    head[4:8] = b"free"
    yield bytes(head)
    left = after - inner
    while left > 0:
        yield bytes(min(COPY_BYTES, left))
        left -= COPY_BYTES


def _blank(source: Source, held: bytearray, start: int, end: int, depth: int) -> None:
    """Empty every box of a range that holds texts."""
    for kind, inner, after in isobmff.boxes(source, start, end):
        if kind in _MP4_DROPPED:
            held[start + 4 : start + 8] = b"free"
            held[inner:after] = bytes(after - inner)
        elif kind in _MP4_INTO and depth < len(_MP4_INTO):
            if kind == b"mdia":
                _check_track(source, inner, after)
            _blank(source, held, inner, after, depth + 1)
        start = after


def _check_track(source: Source, start: int, end: int) -> None:
    for kind, inner, after in isobmff.boxes(source, start, end):
        if kind == b"hdlr" and after - inner >= 12 and source.take(inner + 8, 4) not in _MP4_TRACKS:
            raise CannotStrip("it has a track that is neither picture nor sound")


def strip_flac(file: BinaryIO, size: int, start: int) -> Iterator[bytes]:
    """A FLAC that begins at ``start``, behind what some programs put before one."""
    source, offset = Source(file), start + 4
    kept: list[tuple[int, bytes]] = []
    last = False
    while not last:
        (head,) = source.unpack(">I", offset)
        last, kind, length = bool(head >> 31), head >> 24 & 0x7F, head & 0xFFFFFF
        if kind in _FLAC_KEPT:
            kept.append((kind, source.take(offset + 4, length)))
        offset += 4 + length
    if not kept or kept[0][0] != 0:
        raise CannotStrip("it is a FLAC without a beginning")
    yield b"fLaC"
    for number, (kind, block) in enumerate(kept, 1):
        yield ((number == len(kept)) << 31 | kind << 24 | len(block)).to_bytes(4, "big") + block
    yield from copy(file, offset, max(0, _sound_end(source, offset, size) - offset))


def strip_mp3(file: BinaryIO, size: int) -> Iterator[bytes]:
    """The frames of an MP3, or of a FLAC behind an ID3 tag."""
    source, start = Source(file), id3.tag_length(Source(file))
    if source.take(min(start, size), min(4, max(0, size - start))) == b"fLaC":
        yield from strip_flac(file, size, start)
        return
    if size - start < 4 or source.take(start, 1) != b"\xff":
        raise CannotStrip("it is no MP3 behind its ID3 tag")
    yield from copy(file, start, _sound_end(source, start, size) - start)


def _sound_end(source: Source, start: int, end: int) -> int:
    """Where a sound ends and the tags behind it begin (ID3 of version 1, APE)."""
    if end - start > _ID3_V1_BYTES and source.take(end - _ID3_V1_BYTES, 3) == b"TAG":
        end -= _ID3_V1_BYTES
    if end - start > _APE_BYTES and source.take(end - _APE_BYTES, 8) == b"APETAGEX":
        length, _, flags = source.unpack("<III", end - _APE_BYTES + 12)
        end -= length + (_APE_BYTES if flags >> 31 else 0)
        if end < start:
            raise CannotStrip("its tag is longer than it is")
    return end
