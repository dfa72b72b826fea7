"""EXR pictures for tests: one colour, not packed, with any texts in the header."""

from __future__ import annotations

import struct
from collections.abc import Mapping


def exr(
    width: int,
    height: int,
    light: tuple[float, float, float] = (0.0, 0.0, 0.0),
    texts: Mapping[str, str] | None = None,
) -> bytes:
    """A picture of one colour.

    Args:
        width: in pixels.
        height: in pixels.
        light: red, green and blue in linear light; 1 is a screen's white.
        texts: entries of the header.
    """
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    channels = b"".join(name + b"\0" + struct.pack("<IIII", 2, 0, 1, 1) for name in (b"B", b"G", b"R"))
    head = b"v/1\x01\x02\0\0\0" + b"".join(
        _entry(name, kind, value)
        for name, kind, value in (
            *((name, "string", text.encode()) for name, text in (texts or {}).items()),
            ("channels", "chlist", channels + b"\0"),
            ("compression", "compression", b"\0"),
            ("dataWindow", "box2i", window),
            ("displayWindow", "box2i", window),
            ("lineOrder", "lineOrder", b"\0"),
            ("pixelAspectRatio", "float", struct.pack("<f", 1)),
            ("screenWindowCenter", "v2f", bytes(8)),
            ("screenWindowWidth", "float", struct.pack("<f", 1)),
        )
    )
    row = b"".join(struct.pack("<f", value) * width for value in reversed(light))
    start = len(head) + 1 + 8 * height
    places = [start + y * (8 + len(row)) for y in range(height)]
    rows = [struct.pack("<ii", y, len(row)) + row for y in range(height)]
    return head + b"\0" + struct.pack(f"<{height}Q", *places) + b"".join(rows)


def _entry(name: str, kind: str, value: bytes) -> bytes:
    return name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<I", len(value)) + value
