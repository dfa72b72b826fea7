"""The Linux console draws with a font of 256 or 512 glyphs; the kernel of this machine tells which."""

from __future__ import annotations

import array
import os
import struct
import sys

#: Reads which characters the console's font has (console_ioctl(4)).
_GIO_UNIMAP = 0x4B66
_MOST = 8192

#: What the kernel's own font and all Latin ones of Debian's console-setup have beside ASCII.
COMMON = frozenset(
    "¡¢£¥¦§¨©ª«¬®°±²´µ¶·¸º»¼½¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝßàáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýÿ"
    "•←↑→↓≈≤≥─│┌┐└┘├┤┬┴┼═║╔╗╚╝╠╣╦╩╬█░▒■▲▶▼◀♦"
)


def font_glyphs() -> frozenset[str] | None:
    """The characters of the font of the console that this process writes to; None where it is no console."""
    if sys.platform != "linux":
        return None
    import fcntl

    for stream in (sys.__stderr__, sys.__stdout__):
        pairs = array.array("H", bytes(4 * _MOST))
        wanted = bytearray(struct.pack("@HP", _MOST, pairs.buffer_info()[0]))
        try:
            if stream is None or not os.isatty(stream.fileno()):
                continue
            fcntl.ioctl(stream.fileno(), _GIO_UNIMAP, wanted, True)
        except (OSError, ValueError):
            continue
        count: int = struct.unpack_from("@H", wanted)[0]
        return frozenset(map(chr, pairs[0 : 2 * count : 2])) if count else None
    return None
