"""A local picture as a mask: what is white in it, or transparent, is masked."""

from __future__ import annotations

import io
from pathlib import Path

from comfy_tui.errors import BadReply, WorkflowError
from comfy_tui.library.picture import read_picture


def read_mask(path: Path) -> bytes:
    """The mask as the server wants it: a PNG whose transparent pixels are masked.

    Raises:
        WorkflowError: it cannot be read, or is no picture.
    """
    from PIL import Image, ImageOps

    from comfy_tui.pictures.decode import BROKEN, FORMATS, MAX_PIXELS, check, open_pillow

    _, content = read_picture(path)
    try:
        check(content)
        with open_pillow().open(io.BytesIO(content), formats=(*FORMATS, "BMP")) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise _bad(path, "it has more than 40 megapixels")
            if opened.has_transparency_data:
                alpha = opened.convert("RGBA").getchannel("A")
            else:
                alpha = ImageOps.invert(opened.convert("L"))
            mask = Image.new("RGBA", opened.size)
    except (BadReply, Image.DecompressionBombError, *BROKEN) as error:
        raise _bad(path, "it cannot be decoded as a picture") from error
    mask.putalpha(alpha)
    out = io.BytesIO()
    mask.save(out, "PNG", compress_level=1)
    return out.getvalue()


def _bad(path: Path, reason: str) -> WorkflowError:
    return WorkflowError("The mask cannot be used", f"{path}: {reason}", "Choose another file.")
