"""The size of pictures that are only named, and EXR where it can be drawn."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comfy_tui.content import isolated
from comfy_tui.content.picture_info import picture_size
from comfy_tui.errors import BadReply
from exr_file import exr


def ispe(width: int, height: int) -> bytes:
    return b"\0\0\0\x14ispe" + struct.pack(">III", 0, width, height)


@pytest.mark.parametrize(
    ("form", "head", "size"),
    [
        ("EXR", exr(30, 20), (30, 20)),
        ("EXR", exr(30, 20, texts={"prompt": "{}" * 500}), (30, 20)),
        ("EXR", exr(30, 20)[:40], None),
        ("HEIC", b"\0\0\0\x18ftypheic" + ispe(512, 512) + ispe(4032, 3024) + ispe(320, 240), (4032, 3024)),
        ("HEIC", b"\0\0\0\x18ftypheic" + ispe(512, 512)[:14], None),
        ("SVG", b"<?xml version='1.0'?>\n<svg xmlns='x' width=\"300px\" height='200.4'>", (300, 200)),
        ("SVG", b'<svg viewBox="0 0 64 32"/>', (64, 32)),
        ("SVG", b'<svg width="100%" height="50%"/>', None),
        ("BigTIFF", b"II+\0", None),
    ],
)
def test_sizes(form: str, head: bytes, size: tuple[int, int] | None) -> None:
    assert picture_size(head, form) == size


def jxl(*fields: tuple[int, int]) -> bytes:
    """A beginning of JPEG XL with these numbers in so many bits each."""
    value = place = 0
    for number, bits in fields:
        value |= number << place
        place += bits
    return b"\xff\x0a" + value.to_bytes(12, "little")


@pytest.mark.parametrize(
    ("head", "size"),
    [
        (jxl((1, 1), (1, 5), (0, 3), (0, 5)), (8, 16)),
        (jxl((0, 1), (0, 2), (199, 9), (4, 3)), (300, 200)),
        (jxl((0, 1), (1, 2), (776, 13), (0, 3), (0, 2), (332, 9)), (333, 777)),
        (jxl((0, 1), (3, 2), (2**30 - 1, 30), (0, 3), (0, 2), (0, 9)), None),
        (b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14jxlc" + jxl((1, 1), (1, 5), (7, 3)), (32, 16)),
    ],
)
def test_jpeg_xl(head: bytes, size: tuple[int, int] | None) -> None:
    assert picture_size(head, "JPEG XL") == size


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([("EXR", exr(3, 2)), ("JPEG XL", b"\xff\x0a"), ("HEIC", ispe(3, 2)), ("SVG", b"<svg ")]),
    st.binary(max_size=200),
    st.integers(0, 60),
)
def test_any_bytes(known: tuple[str, bytes], body: bytes, cut: int) -> None:
    size = picture_size(known[1][:cut] + body, known[0])
    assert size is None or min(size) > 0


@pytest.mark.skipif(not isolated.has_media_library(), reason="needs the extra media (PyAV)")
class TestExr:
    async def test_linear_light_is_brought_to_a_screens_curve(self) -> None:
        found = await isolated.read_exr(exr(40, 20, (0.2140, 0.0, 4.0)), side_px=20)
        assert (found.info.width, found.info.height, found.format) == (40, 20, "EXR")
        [frame] = found.frames
        assert frame.size == (20, 10)
        assert frame.getpixel((5, 5)) == pytest.approx((127, 0, 255), abs=3)

    @pytest.mark.parametrize("content", [exr(40, 20)[:300], exr(40, 20)[:60], b"v/1\x01" + bytes(100)])
    async def test_broken_ones_say_so(self, content: bytes) -> None:
        with pytest.raises(BadReply):
            await isolated.read_exr(content, side_px=20)
