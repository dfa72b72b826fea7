"""Taking prompt and workflow out of pictures: nothing of them is left, and no pixel is another."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media_files import BOTH, PROMPT, WORKFLOW, chunk, exif, png, png_by_pillow
from PIL import Image, ImageChops
from PIL.PngImagePlugin import PngInfo

from comfy_tui.workflow.media.strip import is_bare, strip
from comfy_tui.workflow.media.strip_streams import CannotStrip

SECRET = "a very particular prompt"
TEXTS = {"prompt": PROMPT.replace("☃", SECRET), "workflow": WORKFLOW, "parameters": SECRET, "x": SECRET}


def noise(mode: str = "RGB", side: int = 40) -> Image.Image:
    size = side * side * len(mode)
    return Image.frombytes(mode, (side, side), bytes(i * i * 31 % 251 for i in range(size)))


def stripped(content: bytes) -> bytes:
    return b"".join(strip(io.BytesIO(content)))


def saved(kind: str, image: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def _png() -> bytes:
    info = PngInfo()
    for key, value in TEXTS.items():
        info.add_text(key, value)
    info.add_itxt("XML:com.adobe.xmp", SECRET)
    info.add_text("packed", SECRET * 20, zip=True)
    return saved("PNG", noise("RGBA"), pnginfo=info, exif=exif({0x010F: f"prompt:{SECRET}"}))


def _apng() -> bytes:
    info = PngInfo()
    info.add_text("prompt", TEXTS["prompt"])
    frames = [noise("RGB", 20).rotate(90 * turn) for turn in range(3)]
    return saved("PNG", frames[0], save_all=True, append_images=frames[1:], duration=80, pnginfo=info)


def _webp(*, lossless: bool) -> bytes:
    tags = exif({0x010F: f"prompt:{TEXTS['prompt']}", 0x0110: f"workflow:{WORKFLOW}"})
    return saved("WEBP", noise("RGBA"), lossless=lossless, exif=tags, xmp=SECRET.encode())


def _animated_webp() -> bytes:
    frames = [noise("RGB", 21).rotate(90 * turn) for turn in range(3)]
    tags = exif({0x010F: f"prompt:{TEXTS['prompt']}"})
    return saved("WEBP", frames[0], save_all=True, append_images=frames[1:], duration=80, exif=tags)


def _jpeg(**options: object) -> bytes:
    tags = exif({0x010F: f"prompt:{TEXTS['prompt']}", 0x0110: f"workflow:{WORKFLOW}"})
    return saved("JPEG", noise(), exif=tags, comment=SECRET.encode(), quality=80, **options)


MAKERS: dict[str, Callable[[], bytes]] = {
    "png": _png,
    "apng": _apng,
    "webp lossless": lambda: _webp(lossless=True),
    "webp": lambda: _webp(lossless=False),
    "webp animated": _animated_webp,
    "jpeg": _jpeg,
    "jpeg progressive": lambda: _jpeg(progressive=True),
    "jpeg with restarts": lambda: _jpeg(restart_marker_rows=1),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_no_text_is_left_and_every_pixel_is_the_same(kind: str) -> None:
    content = MAKERS[kind]()
    bare = stripped(content)
    assert not is_bare(io.BytesIO(content))
    assert is_bare(io.BytesIO(bare))
    assert SECRET.encode() not in bare
    assert len(bare) < len(content)
    with Image.open(io.BytesIO(content)) as before, Image.open(io.BytesIO(bare)) as after:
        assert getattr(before, "n_frames", 1) == getattr(after, "n_frames", 1)
        for frame in range(getattr(before, "n_frames", 1)):
            before.seek(frame)
            after.seek(frame)
            pair = before.convert("RGBA"), after.convert("RGBA")
            assert ImageChops.difference(*pair).getbbox(alpha_only=False) is None
            assert before.info.get("duration") == after.info.get("duration")
        assert not after.getexif()
    assert stripped(bare) == bare


def test_colours_stay_what_they_are() -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for kind in ("PNG", "JPEG", "WEBP"):
        with Image.open(io.BytesIO(stripped(saved(kind, noise(), icc_profile=profile)))) as opened:
            assert opened.info.get("icc_profile") == profile


def test_texts_behind_the_end_go() -> None:
    bare = stripped(png() + PROMPT.encode())
    assert bare == png()
    assert stripped(_jpeg() + SECRET.encode()).endswith(b"\xff\xd9")


def test_comfyui_s_own_chunk_goes() -> None:
    assert stripped(png(chunk(b"comf", b"prompt\0" + PROMPT.encode()))) == png()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a" + bytes(40),
        b"text",
        png_by_pillow(BOTH)[:-20],
        png(end=False),
        _jpeg()[:-2],
        _jpeg()[:300],
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s", 2**32 - 1, b"tEXt") + bytes(100),
        b"RIFF" + bytes(4) + b"WEBP",
        _webp(lossless=True)[:100],
        b"\xff\xd8\xff\xff\xff",
    ],
)
def test_what_it_cannot_do_it_says(content: bytes) -> None:
    with pytest.raises(CannotStrip):
        stripped(content)


@settings(deadline=None, max_examples=80)
@given(st.sampled_from(sorted(MAKERS)), st.data())
def test_broken_files_end_in_words(kind: str, data: st.DataObject) -> None:
    content = bytearray(MAKERS[kind]())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    try:
        found = stripped(bytes(content[:cut]))
    except CannotStrip:
        return
    assert len(found) <= len(content) + 1
