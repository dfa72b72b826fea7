"""Videos, sounds and 3D files: what their headers say, and what a process of its own makes of them."""

from __future__ import annotations

import io
import json
import math
import struct
import wave
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from comfy_tui.content import isolated
from comfy_tui.content.latent import latent_facts
from comfy_tui.content.media_info import media_info, wav_peaks
from comfy_tui.content.model import model_facts
from comfy_tui.content.sniff import sniff
from comfy_tui.errors import BadReply

needs_av = pytest.mark.skipif(not isolated.has_media_library(), reason="needs the extra media (PyAV)")


def tone(length_s: float = 1.0, width: int = 2, channels: int = 1) -> bytes:
    """A sound that grows from nothing to full."""
    out = io.BytesIO()
    count = int(8000 * length_s)
    top = {1: 127, 2: 32767, 3: 8388607, 4: 2147483647}[width]
    with wave.open(out, "wb") as opened:
        opened.setnchannels(channels)
        opened.setsampwidth(width)
        opened.setframerate(8000)
        frames = bytearray()
        for i in range(count):
            value = int(top * i / count * math.sin(i))
            raw = (
                struct.pack("B", value + 128) if width == 1 else value.to_bytes(width, "little", signed=True)
            )
            frames += raw * channels
        opened.writeframes(bytes(frames))
    return out.getvalue()


def video(codec: str = "libx264", form: str = "mp4", frames: int = 24) -> bytes:
    """One second that turns from black to red, 64x48."""
    import av

    out = io.BytesIO()
    with av.open(out, "w", format=form) as container:
        stream: Any = container.add_stream(codec, rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i in range(frames):
            picture = Image.new("RGB", (64, 48), (i * 10 % 256, 0, 0))
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())
    return out.getvalue()


class TestSound:
    @pytest.mark.parametrize("width", [1, 2, 3, 4])
    @pytest.mark.parametrize("channels", [1, 2])
    def test_wav(self, width: int, channels: int) -> None:
        content = tone(width=width, channels=channels)
        info = media_info(content, "WAV")
        assert (info.duration_s, info.sample_rate_hz, info.channels) == (1.0, 8000, channels)
        peaks = wav_peaks(content, 10)
        assert len(peaks) == 10
        assert list(peaks) == sorted(peaks)
        assert peaks[-1] == pytest.approx(1.0, abs=0.03)

    @pytest.mark.parametrize("claimed", [0xFFFFFFFF, 0xFFFFFFFE, 2**31])
    def test_a_wav_that_claims_gigabytes(self, claimed: int) -> None:
        content = tone()
        place = content.index(b"data") + 4
        content = content[:place] + struct.pack("<I", claimed) + content[place + 4 :]
        assert media_info(content, "WAV", len(content)).duration_s == 1.0
        unknown = media_info(content, "WAV").duration_s
        assert unknown is None if claimed > 2**31 else unknown == pytest.approx(claimed / 16000)

    def test_flac_header(self) -> None:
        packed = (44_100 << 44 | 1 << 41 | 15 << 36 | 88_200).to_bytes(8, "big")
        comment = b"\x04\0\0\0self\x01\0\0\0" + struct.pack("<I", 9) + b"TITLE=abc"
        content = b"fLaC\0\0\0\x22" + bytes(10) + packed + bytes(16)
        content += b"\x84" + len(comment).to_bytes(3, "big") + comment
        info = media_info(content, "FLAC")
        assert (info.duration_s, info.channels, info.audio_codec) == (2.0, 2, "FLAC 16 bit")
        assert [(tag.name, tag.value) for tag in info.tags] == [("title", "abc")]

    @needs_av
    async def test_peaks_by_the_library(self) -> None:
        found = await isolated.read_audio(tone(), columns=8)
        assert len(found.peaks) == 8
        assert list(found.peaks) == sorted(found.peaks)
        assert found.info.duration_s == pytest.approx(1.0, abs=0.05)


class TestVideo:
    @needs_av
    @pytest.mark.parametrize(
        ("codec", "form", "name"),
        [("libx264", "mp4", "H.264"), ("libvpx-vp9", "webm", "VP9"), ("libx264", "mov", "H.264")],
    )
    async def test_facts_and_frames(self, codec: str, form: str, name: str) -> None:
        content = video(codec, form)
        info = media_info(content, sniff(content[:4096]).format)
        assert (info.width, info.height, info.video_codec) == (64, 48, name)
        assert info.duration_s == pytest.approx(1.0, abs=0.06)
        found = await isolated.read_video(content, frames=10, side_px=32)
        assert found.times_s == pytest.approx((0.0, 0.25, 0.5, 0.75), abs=0.05)
        assert [frame.size for frame in found.frames] == [(32, 24)] * 4
        assert found.frames_total == 24  # which WebM itself does not say
        reds = [frame.getpixel((16, 12))[0] for frame in found.frames]
        assert reds == sorted(reds)
        assert reds[-1] > 120

    @needs_av
    @pytest.mark.parametrize("content", [b"", b"x" * 5000, None], ids=["empty", "noise", "cut"])
    async def test_broken_ones_say_so(self, content: bytes | None) -> None:
        with pytest.raises(BadReply, match="cannot be read"):
            await isolated.read_video(video()[:600] if content is None else content, frames=1, side_px=32)

    async def test_a_reader_that_hangs_is_killed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # Not even the interpreter starts in that time.
        monkeypatch.setattr(isolated, "TIMEOUT_S", 0.001)
        with pytest.raises(BadReply, match="too long"):
            await isolated.run_worker("video", b"", {})

    async def test_a_reader_that_breaks_down_is_told(self) -> None:
        with pytest.raises(BadReply, match="cannot be read"):
            await isolated.run_worker("nothing", b"", {})


def test_segments_within_segments_and_marks_without_a_frame_end() -> None:
    segment = b"\x18\x53\x80\x67\xff"
    assert media_info(b"\x1a\x45\xdf\xa3\x80" + segment * 100_000, "WebM or MKV").duration_s is None
    assert media_info(b"\xff" * 50_000_000, "MP3").audio_codec == ""


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["MP4", "WebM or MKV", "WAV", "FLAC", "MP3", "Opus", "Ogg Vorbis", "M4A"]),
    st.binary(max_size=400),
)
def test_any_bytes_give_facts_or_none(form: str, body: bytes) -> None:
    heads = {
        "MP4": b"\0\0\0\x08ftyp\0\0\1\0moov",
        "WebM or MKV": b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\xff",
        "WAV": b"RIFF\0\0\0\0WAVEfmt ",
        "FLAC": b"fLaC\0\0\0\x22",
        "MP3": b"\xff\xfb\x90",
        "Opus": b"OggSOpusHead",
        "Ogg Vorbis": b"OggS\x01vorbis",
    }
    info = media_info(heads.get(form, b"") + body, form)
    assert info.duration_s is None or info.duration_s > 0


class TestModels:
    def test_glb(self) -> None:
        data = {
            "asset": {"version": "2.0", "generator": "G"},
            "accessors": [{"count": 8}, {"count": 36}],
            "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        }
        text = json.dumps(data).encode()
        content = b"glTF" + struct.pack("<IIII", 2, 100, len(text), 0x4E4F534A) + text
        facts = {fact.name: fact.value for fact in model_facts(content, "GLB", whole=True)}
        assert (facts["vertices"], facts["triangles"], facts["meshes"], facts["made by"]) == (
            *("8", "12", "1"),
            "G",
        )

    def test_others(self) -> None:
        obj = b"# x\no cube\nv 1 2 3\nv 1 2 4\nvn 1 1 1\nf 1 2 3\n"
        assert [f.value for f in model_facts(obj, "OBJ", whole=True)] == ["2", "1", "1"]
        assert model_facts(obj, "OBJ", whole=False) == ()
        ply = b"ply\nformat ascii 1.0\nelement vertex 8\nelement face 12\nend_header\n"
        assert [f.value for f in model_facts(ply, "PLY", whole=True)] == ["PLY, ascii", "8", "12"]
        stl = bytes(80) + struct.pack("<I", 7)
        assert model_facts(stl, "STL", whole=False)[1].value == "7"

    def test_latents(self) -> None:
        head = json.dumps({"latent_tensor": {"dtype": "F32", "shape": [1, 4, 64, 64]}}).encode()
        (fact,) = latent_facts(struct.pack("<Q", len(head)) + head)
        assert (fact.name, fact.value) == ("latent_tensor", "1 x 4 x 64 x 64 F32")

    @settings(max_examples=150, deadline=None)
    @given(st.sampled_from(["GLB", "glTF", "STL", "PLY", "OBJ"]), st.binary(max_size=200))
    def test_any_bytes(self, form: str, content: bytes) -> None:
        for name, value in ((f.name, f.value) for f in model_facts(content, form, whole=True)):
            assert isinstance(name, str)
            assert isinstance(value, str)
        latent_facts(content)
