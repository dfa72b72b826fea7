"""iTerm2's inline images, which WezTerm and others show too.  Pure; blocks: call it in a thread."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image


def encode(image: Image.Image, columns: int, lines: int, *, thin: bool) -> str:
    """The picture as one sequence that fills exactly so many cells and leaves the cursor.

    Args:
        image: RGB.
        columns: cells across.
        lines: cells down.
        thin: bytes are dear.
    """
    out = io.BytesIO()
    image.save(out, "JPEG", quality=75 if thin else 90)
    content = out.getvalue()
    return (
        f"\x1b]1337;File=inline=1;size={len(content)};width={columns};height={lines};preserveAspectRatio=0;"
        f"doNotMoveCursor=1:{base64.b64encode(content).decode('ascii')}\x07"
    )
