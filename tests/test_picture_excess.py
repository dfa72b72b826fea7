"""Pictures that cost far more to read than their pixels end in a message before they are read."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from comfy_tui import picture_clipboard
from comfy_tui.errors import BadReply, ExportError, WorkflowError
from comfy_tui.library.mask import read_mask
from comfy_tui.pictures.animation import read_animation
from comfy_tui.pictures.decode import KEEP_PX, decode, decode_any


def encoded(form: str, mode: str = "RGB", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, (16, 16), 1).save(out, form, **options)
    return out.getvalue()


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def many_passes(count: int) -> bytes:
    """A progressive JPEG whose last pass comes again and again: half a megabyte takes minutes."""
    whole = encoded("JPEG", progressive=True)
    return whole[:-2] + whole[whole.rindex(b"\xff\xda") : -2] * count + whole[-2:]


def segments(kind: int, count: int, text: bytes = b"") -> bytes:
    whole = encoded("JPEG")
    return whole[:2] + (bytes((255, kind)) + struct.pack(">H", 2 + len(text)) + text) * count + whole[2:]


def many_chunks(count: int) -> bytes:
    whole = encoded("PNG")
    return whole[:33] + chunk(b"tEXt", b"a\0b") * count + whole[33:]


def many_comments(count: int) -> bytes:
    whole = encoded("GIF", "P")
    after = whole.index(b",")
    return whole[:after] + b"!\xfe\x01a\0" * count + whole[after:]


def icon_around(png: bytes) -> bytes:
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, 16, 16, 0, 0, 1, 32, len(png), 22) + png


BOMBS = [
    pytest.param(many_passes(200), many_passes(40), "passes over its pixels", id="passes"),
    pytest.param(segments(0xE1, 40, b"Exif\0\0"), segments(0xE1, 20, b"Exif\0\0"), "EXIF", id="exif"),
    pytest.param(segments(0xFE, 2000), segments(0xFE, 500), "parts", id="segments"),
    pytest.param(many_chunks(100_001), many_chunks(1000), "parts", id="chunks"),
    pytest.param(many_comments(100_001), many_comments(1000), "comments", id="comments"),
]


@pytest.mark.parametrize(("bomb", "harmless", "words"), BOMBS)
def test_what_costs_more_than_its_pixels_is_refused(
    bomb: bytes, harmless: bytes, words: str, tmp_path: Path
) -> None:
    for read in (decode, read_animation):
        with pytest.raises(BadReply, match=words) as caught:
            read(bomb)
        assert caught.value.hint
    assert decode(harmless).width == 16
    (tmp_path / "mask").write_bytes(bomb)
    with pytest.raises(WorkflowError):
        read_mask(tmp_path / "mask")


def test_what_stands_behind_a_picture_or_in_its_texts_is_not_counted() -> None:
    # A phone puts megabytes of video behind a JPEG, and a small JPEG into its EXIF.
    assert decode(encoded("JPEG") + b"\xff\xda\0\2" * 5000).width == 16
    assert decode(segments(0xE2, 1, b"\xff\xda" * 5000)).width == 16


def test_a_picture_inside_of_a_picture_is_looked_at_too() -> None:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 6400, 6400, 8, 2, 0, 0, 0))
    png = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000)))
    with pytest.raises(BadReply, match="too large"):  # the outer header says 16x16
        decode_any(icon_around(png), ("ICO",), KEEP_PX)


@pytest.mark.parametrize(
    "content",
    [
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
        encoded("TIFF"),
        encoded("WEBP")[:40],
        b"GIF89a",
        many_passes(200),
    ],
    ids=["eps", "tiff", "half", "gif", "passes"],
)
def test_what_cannot_be_read_safely_is_not_copied(
    content: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wl-copy").write_text("#!/bin/sh\ncat >/dev/null\n")
    (tmp_path / "wl-copy").chmod(0o755)
    environ = {"WAYLAND_DISPLAY": "wayland-0", "PATH": f"{tmp_path}:/usr/bin:/bin"}
    monkeypatch.setattr("subprocess.run", None)  # a reader that starts a program
    with pytest.raises(ExportError) as caught:
        picture_clipboard.copy_picture(content, environ)
    assert "s instead" in caught.value.hint
    assert capfd.readouterr() == ("", "")
