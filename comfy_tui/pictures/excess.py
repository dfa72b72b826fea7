"""Pictures that take hours or gigabytes to read though they have few pixels: told before anything is read."""

from __future__ import annotations

import re
import struct

#: A progressive JPEG has some ten passes; each costs a look at all of its pixels.
_MOST_PASSES = 100
#: Chunks of a PNG, segments of a JPEG, comments of a GIF: each is handled by Python.
_MOST_CHUNKS = 100_000
_MOST_SEGMENTS = 1000
_MOST_COMMENTS = 100_000
#: Pillow puts EXIF that is longer than one segment together, at each of them anew.
_MOST_EXIF = 32
_MARK = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.S)
_PASS, _APP1, _END = b"\xff\xda", b"\xff\xe1", b"\xff\xd9"


def excess(content: bytes) -> str:
    """What a picture has too much of, in words; empty where its pixels are all that it costs."""
    if content[:3] == b"\xff\xd8\xff":
        return _jpeg(content)
    if content[:8] == b"\x89PNG\r\n\x1a\n":
        return _png(content)
    # The two bytes come by chance as well, once in 64 kB.
    if content[:4] == b"GIF8" and content.count(b"!\xfe") > _MOST_COMMENTS:
        return f"more than {_MOST_COMMENTS:,} comments"
    return ""


def _jpeg(content: bytes) -> str:
    offset, exif, passes = 2, 0, 0
    for _ in range(_MOST_SEGMENTS):
        # Among pixels 0xFF is always followed by one of these; a segment tells its length.
        found = _MARK.search(content, offset)
        if found is None or found.end() + 2 > len(content) or found[0] == _END:
            return ""
        passes += found[0] == _PASS
        exif += found[0] == _APP1
        if passes > _MOST_PASSES:
            return f"more than {_MOST_PASSES} passes over its pixels"
        if exif > _MOST_EXIF:
            return f"more than {_MOST_EXIF} parts of EXIF"
        offset = found.end() + struct.unpack_from(">H", content, found.end())[0]
    return f"more than {_MOST_SEGMENTS:,} parts"


def _png(content: bytes) -> str:
    offset = 8
    for _ in range(_MOST_CHUNKS):
        if offset + 8 > len(content):
            return ""
        offset += 12 + struct.unpack_from(">I", content, offset)[0]
    return f"more than {_MOST_CHUNKS:,} parts"
