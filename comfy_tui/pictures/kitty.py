"""Kitty's graphics protocol: sending a picture for placeholder cells, and freeing it.  Pure."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from comfy_tui.pictures.sixel import quantized

if TYPE_CHECKING:
    from PIL import Image

#: The protocol's limit for one piece.
_PIECE = 4096


def encode(image: Image.Image, *, thin: bool) -> str:
    """The picture as base64 of a PNG.

    Args:
        image: RGB.
        thin: with 256 colours, a third of the bytes.
    """
    out = io.BytesIO()
    if thin:
        quantized(image).save(out, "PNG", compress_level=6)
    else:
        # Seldom smaller with more effort, and always slower.
        image.save(out, "PNG", compress_level=1)
    return base64.b64encode(out.getvalue()).decode("ascii")


def transmit(image_id: int, data: str, columns: int, lines: int, *, tmux: bool = False) -> str:
    """Send a picture, to be shown wherever its placeholder cells are.  The terminal is not to answer."""
    pieces = [data[at : at + _PIECE] for at in range(0, len(data), _PIECE)]
    out = []
    for number, piece in enumerate(pieces):
        more = 1 if number < len(pieces) - 1 else 0
        head = f"q=2,m={more}"
        if not number:
            head = f"a=T,U=1,f=100,t=d,i={image_id},c={columns},r={lines},{head}"
        out.append(passed(f"\x1b_G{head};{piece}\x1b\\", tmux=tmux))
    return "".join(out)


def free(image_id: int, *, tmux: bool = False) -> str:
    """Have the terminal forget the picture and its data."""
    return passed(f"\x1b_Ga=d,d=I,i={image_id},q=2\x1b\\", tmux=tmux)


def passed(sequence: str, *, tmux: bool) -> str:
    """The sequence, wrapped so that tmux passes it on to its own terminal."""
    if not tmux:
        return sequence
    return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
