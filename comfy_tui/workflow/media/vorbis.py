"""Vorbis comments: in FLAC files and in the second packet of each stream of an Ogg file."""

from __future__ import annotations

import struct

from comfy_tui.workflow.media.source import TEXT_LIMIT, Damaged, Source, Tags

COMMENT_BLOCK = 4
_MARKS = (b"OpusTags", b"\x03vorbis", b"\x81theora", b"Speex   ")
_MOST_STREAMS = 16
_MOST_COMMENTS = 10_000


def read_flac(source: Source, tags: Tags, offset: int = 0) -> None:
    """Walk the metadata blocks of a FLAC file that begins at ``offset``."""
    offset += 4
    last = False
    while not last:
        (head,) = source.unpack(">I", offset)
        last, kind, length = bool(head >> 31), head >> 24 & 0x7F, head & 0xFFFFFF
        if kind == COMMENT_BLOCK:
            read_comments(source.take(offset + 4, length), tags)
        offset += 4 + length


def read_comments(block: bytes, tags: Tags) -> None:
    """Read one comment block: a maker's name, a count, and texts of the form ``NAME=text``."""
    try:
        (length,) = struct.unpack_from("<I", block)
        offset = 4 + length
        (count,) = struct.unpack_from("<I", block, offset)
        offset += 4
        for _ in range(min(count, _MOST_COMMENTS)):
            (length,) = struct.unpack_from("<I", block, offset)
            offset += 4
            if offset + length > len(block):
                raise Damaged("a comment is longer than what it lies in")
            name, mark, text = block[offset : offset + length].partition(b"=")
            offset += length
            if mark:
                tags.add(name[:200].decode("utf-8", "replace"), text)
    except struct.error as error:
        raise Damaged("its list of comments is cut off") from error


def read_ogg(source: Source, tags: Tags) -> None:
    """Put the second packet of each stream together, which holds the comments."""
    packets: dict[int, list[bytearray]] = {}
    offset = 0
    while offset + 27 <= source.size:
        head = source.take(offset, 27)
        if head[:4] != b"OggS":
            raise Damaged("a page does not begin like one")
        serial, table = int.from_bytes(head[14:18], "little"), source.take(offset + 27, head[26])
        offset += 27 + len(table)
        held = packets.setdefault(serial, [bytearray()])
        if len(packets) > _MOST_STREAMS:
            raise Damaged("it has too many streams")
        if len(held) <= 2:
            _fill(held, table, source.take(offset, sum(table)))
            if len(held) > 2:
                _read_packet(bytes(held[1]), tags)
        offset += sum(table)
        if tags.complete or (all(len(p) > 2 for p in packets.values()) and not head[5] & 2):
            return


def _fill(held: list[bytearray], table: bytes, payload: bytes) -> None:
    """Continue the packets of a stream; a part of less than 255 bytes ends one."""
    offset = 0
    for length in table:
        held[-1] += payload[offset : offset + length]
        offset += length
        if len(held[-1]) > TEXT_LIMIT:
            raise Damaged("its comments are too long")
        if length < 255:
            held.append(bytearray())
            if len(held) > 2:
                return


def _read_packet(packet: bytes, tags: Tags) -> None:
    mark = next((mark for mark in _MARKS if packet.startswith(mark)), None)
    if mark is not None:
        read_comments(packet[len(mark) if mark != b"Speex   " else 0 :], tags)
    elif packet[:1] and packet[0] & 0x7F == COMMENT_BLOCK:  # FLAC in Ogg keeps its block's head
        read_comments(packet[4:], tags)
