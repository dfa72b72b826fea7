"""Animations within a budget of frames, bytes and time; the part of a picture that is seen."""

from __future__ import annotations

import io
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from comfy_tui.errors import BadReply
from comfy_tui.pictures import animation
from comfy_tui.pictures.animation import contact_sheet, read_animation
from comfy_tui.pictures.zoom import Zoom


def moving(form: str, count: int, side: int = 32, duration: int = 80) -> bytes:
    frames = [Image.new("RGB", (side, side), (i % 256, i * 7 % 256, 90)) for i in range(count)]
    out = io.BytesIO()
    frames[0].save(out, form, save_all=True, append_images=frames[1:], duration=duration)
    return out.getvalue()


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "AVIF"])
def test_frames_and_their_times(form: str) -> None:
    found = read_animation(moving(form, 10))
    assert len(found.frames) == 10
    assert not found.cut
    assert found.durations_s == pytest.approx((0.08,) * 10, abs=0.01)
    assert [found.frame_at(at_s) for at_s in (0, 0.17, 0.79, 0.81)] == [0, 2, 9, 0]


def test_ten_thousand_frames_are_cut() -> None:
    found = read_animation(moving("GIF", 10_000, side=8))
    assert len(found.frames) == animation.FRAMES
    assert found.cut


def test_bytes_and_time_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    content = moving("GIF", 40, side=100)
    monkeypatch.setattr(animation, "FRAMES_BYTES", 100 * 100 * 3 * 5)
    found = read_animation(content)
    assert (len(found.frames), found.cut) == (5, True)
    monkeypatch.setattr(animation, "READ_S", -1.0)
    assert len(read_animation(content).frames) == 1


def test_a_broken_end_keeps_what_came_before() -> None:
    content = moving("GIF", 20)
    found = read_animation(content[: len(content) // 2])
    assert 1 <= len(found.frames) < 20
    with pytest.raises(BadReply):
        read_animation(content[:20])


def test_times_that_are_nonsense_are_usual() -> None:
    assert read_animation(moving("GIF", 3, duration=0)).durations_s == (0.1, 0.1, 0.1)


def test_a_contact_sheet() -> None:
    frames = read_animation(moving("PNG", 30, side=64)).frames
    sheet = contact_sheet(frames)
    assert sheet is not None
    assert sheet.size == (4 * 68 - 4, 4 * 68 - 4)
    assert sheet.getpixel((5, 5)) == frames[0].getpixel((5, 5))
    assert sheet.getpixel((260, 260)) == frames[-1].getpixel((5, 5))
    assert contact_sheet(frames[:1]) is None


SIZE, DOTS = (1000, 500), (200, 100)


def test_enlarging_and_back() -> None:
    zoom = Zoom()
    assert zoom.crop(SIZE, DOTS, SIZE) is None
    near = zoom.native(SIZE, DOTS)
    assert near.crop(SIZE, DOTS, SIZE) == (400, 200, 600, 300)
    assert near.words() == "100 %"
    # In memory it is half as large: the same part of it.
    assert near.crop(SIZE, DOTS, (500, 250)) == (200, 100, 300, 150)
    assert near.moved(1, 1, SIZE, DOTS).crop(SIZE, DOTS, SIZE) == (450, 225, 650, 325)
    corner = near
    for _ in range(50):
        corner = corner.moved(-1, -1, SIZE, DOTS)
    assert corner.crop(SIZE, DOTS, SIZE) == (0, 0, 200, 100)
    assert zoom.nearer(SIZE, DOTS).farther(SIZE, DOTS).is_fitted
    assert zoom.native((50, 50), DOTS).is_fitted


@settings(max_examples=200, deadline=None)
@example((1, 1), (1, 1), ["in", "down", "right", "in", "in"])
@given(
    st.tuples(st.integers(1, 9000), st.integers(1, 9000)),
    st.tuples(st.integers(1, 4000), st.integers(1, 4000)),
    st.lists(st.sampled_from(["in", "out", "native", "left", "right", "up", "down"]), max_size=30),
)
def test_never_outside_the_picture(size: tuple[int, int], dots: tuple[int, int], keys: list[str]) -> None:
    zoom = Zoom()
    moves = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
    for key in keys:
        if key in moves:
            zoom = zoom.moved(*moves[key], size, dots)
        elif key == "native":
            zoom = zoom.native(size, dots)
        else:
            zoom = zoom.nearer(size, dots) if key == "in" else zoom.farther(size, dots)
        kept = (max(1, size[0] // random.Random(1).randint(1, 3)), size[1])
        crop = zoom.crop(size, dots, kept)
        if crop is not None:
            assert 0 <= crop[0] < crop[2] <= kept[0]
            assert 0 <= crop[1] < crop[3] <= kept[1]
