"""Taking prompt and workflow out of videos and sounds: nothing is left, and every frame is the same."""

from __future__ import annotations

import io
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media_files import BOTH, PROMPT, box, flac, id3, mp4
from PIL import Image

from comfy_tui.content.isolated import has_media_library
from comfy_tui.workflow.media.strip import is_bare, strip
from comfy_tui.workflow.media.strip_streams import CannotStrip

SECRET = "a very particular prompt"
TEXTS = {**BOTH, "prompt": PROMPT.replace("☃", SECRET)}


def stripped(content: bytes) -> bytes:
    return b"".join(strip(io.BytesIO(content)))


def made(form: str, codec: str) -> bytes:
    """Half a second of picture or sound, with texts."""
    import av

    out = io.BytesIO()
    options = {"movflags": "use_metadata_tags"} if form in ("mp4", "mov") else {}
    with av.open(out, "w", format=form, options=options) as container:
        container.metadata.update({**TEXTS, "comment": SECRET, "artist": SECRET})
        stream: Any = container.add_stream(codec, rate=24 if codec == "libx264" else 44100)
        if codec == "libx264":
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for number in range(12):
                picture = Image.new("RGB", (64, 48), (number * 20, 0, 0))
                container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        else:
            frame = av.AudioFrame(format="s16p" if form == "mp3" else "s16", layout="mono", samples=4608)
            frame.planes[0].update(bytes(i * i % 251 for i in range(frame.planes[0].buffer_size)))
            frame.sample_rate = 44100
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return out.getvalue()


def decoded(content: bytes) -> list[bytes]:
    import av

    with av.open(io.BytesIO(content)) as container:
        return [bytes(frame.planes[0]) for frame in container.decode(container.streams[0])]


@pytest.mark.skipif(not has_media_library(), reason="needs the extra media (PyAV)")
@pytest.mark.parametrize(
    ("form", "codec"), [("mp4", "libx264"), ("mov", "libx264"), ("flac", "flac"), ("mp3", "libmp3lame")]
)
def test_no_text_is_left_and_every_frame_is_the_same(form: str, codec: str) -> None:
    content = made(form, codec)
    bare = stripped(content)
    assert not is_bare(io.BytesIO(content))
    assert is_bare(io.BytesIO(bare))
    assert SECRET.encode() in content
    assert SECRET.encode() not in bare
    assert decoded(bare) == decoded(content) != []
    assert stripped(bare) == bare


@pytest.mark.parametrize("content", [mp4(TEXTS), mp4(TEXTS, quicktime=True), flac(TEXTS)])
def test_made_up_ones(content: bytes) -> None:
    assert not is_bare(io.BytesIO(content))
    assert SECRET.encode() not in stripped(content)


def test_texts_between_and_behind_go() -> None:
    film = box(b"ftyp", b"isom") + box(b"uuid", SECRET.encode()) + box(b"mdat", b"frames")
    film += box(b"moov", box(b"trak", box(b"udta", SECRET.encode()))) + box(b"free", SECRET.encode())
    bare = stripped(film)
    assert SECRET.encode() not in bare
    assert len(bare) == len(film)
    assert bare.index(b"frames") == film.index(b"frames")
    ape = struct.pack("<8sIIII8x", b"APETAGEX", 2000, 32 + len(SECRET), 1, 0)
    tail = SECRET.encode() + ape + b"TAG" + SECRET.encode().ljust(125, b"\0")
    sound = id3(TEXTS)
    assert stripped(sound)
    assert sound.endswith(stripped(sound))
    assert stripped(sound + tail) == stripped(sound)
    assert stripped(flac(TEXTS) + tail) == stripped(flac(TEXTS))


@pytest.mark.parametrize(
    "content",
    [
        mp4(TEXTS)[:-20],
        flac(TEXTS)[:30],
        b"ID3\x04" + bytes(6) + b"text",
        box(b"ftyp", b"isom") + box(b"moov", box(b"trak", box(b"mdia", box(b"hdlr", bytes(8) + b"text")))),
        b"OggS" + bytes(60),
        b"\x1a\x45\xdf\xa3" + bytes(60),
    ],
)
def test_what_it_cannot_do_it_says(content: bytes) -> None:
    with pytest.raises(CannotStrip):
        stripped(content)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from([mp4(TEXTS), flac(TEXTS), id3(TEXTS) + b"\xff\xfb" + bytes(300)]), st.data())
def test_broken_files_end_in_words(whole: bytes, data: st.DataObject) -> None:
    content = bytearray(whole)
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    try:
        found = stripped(bytes(content[: data.draw(st.integers(0, len(content)))]))
    except CannotStrip:
        return
    assert len(found) <= len(content)
