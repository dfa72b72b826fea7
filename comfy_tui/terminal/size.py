"""The size of a cell in pixels, as the system says it; changes with the font while the console runs."""

from __future__ import annotations

import struct
import sys


def cell_px() -> tuple[int, int] | None:
    """Width and height of a cell in pixels; None where the terminal did not tell the system."""
    try:
        import fcntl
        import termios
    except ImportError:  # Windows
        return None
    for stream in (sys.__stderr__, sys.__stdin__, sys.__stdout__):
        try:
            if stream is None or not stream.isatty():
                continue
            packed = fcntl.ioctl(stream.fileno(), termios.TIOCGWINSZ, bytes(8))
        except (OSError, ValueError):
            continue
        lines, columns, width, height = struct.unpack("HHHH", packed)
        if columns and lines and width >= columns and height >= lines:
            return (width // columns, height // lines)
    return None
