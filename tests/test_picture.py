"""Pictures: decoded within limits, drawn with characters, never an older one than asked."""

from __future__ import annotations

import asyncio
import io
import struct
import threading
import warnings
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from textual.app import App, ComposeResult
from textual.strip import Strip

from comfy_tui.errors import BadReply
from comfy_tui.pictures import blocks
from comfy_tui.pictures.blocks import draw
from comfy_tui.pictures.decode import KEEP_PX, Decoded, decode
from comfy_tui.pictures.mode import ImageMode
from comfy_tui.pictures.scale import fit
from comfy_tui.widgets import graphics as graphics_module
from comfy_tui.widgets.picture import Picture
from support import until

RED, BLUE, WHITE, BLACK = (255, 0, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)


def encoded(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def decoded(image: Image.Image) -> Decoded:
    return Decoded(image, image.width, image.height, "PNG", 0)


def split(left: tuple[int, int, int], right: tuple[int, int, int]) -> Image.Image:
    image = Image.new("RGB", (64, 64), left)
    image.paste(right, (32, 0, 64, 64))
    return image


class TestDecode:
    @pytest.mark.parametrize(
        ("mode", "form"),
        [
            ("RGB", "PNG"),
            ("RGBA", "PNG"),
            ("L", "PNG"),
            ("LA", "PNG"),
            ("1", "PNG"),
            ("P", "PNG"),
            ("I;16", "PNG"),
            ("RGB", "JPEG"),
            ("CMYK", "JPEG"),
            ("RGB", "WEBP"),
            ("P", "GIF"),
        ],
    )
    def test_modes_and_formats(self, mode: str, form: str) -> None:
        result = decode(encoded(Image.new(mode, (40, 30)), form))
        assert (result.width, result.height, result.format) == (40, 30, form)
        assert result.image.mode in ("RGB", "RGBA")
        assert not result.animated

    def test_sixteen_bits_are_scaled_not_cut(self) -> None:
        result = decode(encoded(Image.new("I;16", (8, 8), 0x8000)))
        assert result.image.getpixel((0, 0)) == pytest.approx((128, 128, 128), abs=1)

    def test_dark_sixteen_bits_stay_dark(self) -> None:
        assert decode(encoded(Image.new("I;16", (8, 8), 200))).image.getpixel((0, 0)) == (0, 0, 0)

    @pytest.mark.parametrize(
        ("turn", "corner"), [(1, (0, 0)), (2, (1, 0)), (3, (1, 1)), (4, (0, 1)), (6, (1, 0)), (8, (0, 1))]
    )
    @pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
    def test_a_cameras_picture_stands_upright(self, form: str, turn: int, corner: tuple[int, int]) -> None:
        image = Image.new("RGB", (64, 32), BLACK)
        image.paste(WHITE, (0, 0, 32, 16))
        exif = Image.Exif()
        exif[0x0112] = turn
        result = decode(encoded(image, form, exif=exif))
        size = (32, 64) if turn > 4 else (64, 32)
        assert (result.width, result.height) == result.image.size == size
        place = tuple(min(side - 5, 5 + part * side) for part, side in zip(corner, size, strict=True))
        pixel = result.image.getpixel(place)
        assert isinstance(pixel, tuple)
        assert min(pixel) > 200
        assert result.image.convert("L").point(lambda value: value > 128).getbbox() is not None
        assert sum(result.image.convert("L").resize((2, 2), Image.Resampling.BOX).tobytes()) < 400

    def test_a_profile_is_followed_and_a_broken_one_left(self) -> None:
        from PIL import ImageCms

        screen = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        # Red light where blue was, under another name.
        other = screen.replace(b"rXYZ", b"tXYZ").replace(b"bXYZ", b"rXYZ").replace(b"tXYZ", b"bXYZ")
        other = other.replace(b"R\0G\0B", b"R\0G\0X")
        plain = decode(encoded(Image.new("RGB", (8, 8), (200, 100, 50)))).image.getpixel((0, 0))
        for profile, same in ((other, False), (screen, True), (b"nonsense" * 40, True), (other[:200], True)):
            result = decode(encoded(Image.new("RGB", (8, 8), (200, 100, 50)), icc_profile=profile))
            assert (result.image.getpixel((0, 0)) == plain) is same
            assert result.image.info == {}

    def test_what_is_kept_is_small_and_bare(self) -> None:
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_text("prompt", "x" * 1000)
        result = decode(encoded(Image.new("RGB", (3000, 1500), RED), pnginfo=info))
        assert (result.width, result.height) == (3000, 1500)
        assert result.image.size == (KEEP_PX, KEEP_PX // 2)
        assert result.image.info == {}

    def test_a_thin_picture_has_a_pixel(self) -> None:
        assert decode(encoded(Image.new("RGB", (5000, 1)))).image.size == (KEEP_PX, 1)

    def test_an_animation_shows_its_first_frame(self) -> None:
        frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, BLUE)]
        for form in ("GIF", "WEBP", "PNG"):
            options: dict[str, Any] = {"lossless": True} if form == "WEBP" else {}
            result = decode(encoded(frames[0], form, save_all=True, append_images=frames[1:], **options))
            assert result.animated, form
            assert result.image.convert("RGB").getpixel((4, 4)) == RED

    def test_a_picture_that_is_all_opaque_has_no_alpha(self) -> None:
        assert decode(encoded(Image.new("RGBA", (8, 8), (1, 2, 3, 255)))).image.mode == "RGB"
        assert decode(encoded(Image.new("RGBA", (8, 8), (1, 2, 3, 254)))).image.mode == "RGBA"


def png_head(width: int, height: int) -> bytes:
    data = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + data + struct.pack(">I", zlib.crc32(data))
    body = b"IDAT" + zlib.compress(b"\0" * 1000)
    return head + struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


class TestHarmful:
    @pytest.mark.parametrize("side", [6400, 9000, 13000, 65000, 2**31 - 1])
    def test_bombs_are_refused_by_their_header(self, side: int, capfd: pytest.CaptureFixture[str]) -> None:
        with warnings.catch_warnings(record=True) as told, pytest.raises(BadReply, match="too large"):
            decode(png_head(side, side))
        assert not [warning for warning in told if warning.category is Image.DecompressionBombWarning]
        assert capfd.readouterr() == ("", "")

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"<html>login</html>",
            b"\x89PNG\r\n\x1a\n",
            png_head(100, 100),
            b"RIFF\x00\x00\x00\x00WEBPVP8 ",
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
            encoded(Image.new("RGB", (8, 8)), "TIFF"),
        ],
        ids=["empty", "html", "signature", "half", "webp", "eps", "tiff"],
    )
    def test_what_is_no_picture_is_said_to_be_none(
        self, content: bytes, capfd: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(BadReply) as caught:
            decode(content)
        assert caught.value.hint
        assert capfd.readouterr() == ("", "")

    @settings(max_examples=200, deadline=None)
    @given(
        st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "AVIF"]),
        st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6),
        st.integers(0, 600),
    )
    def test_broken_bytes_never_raise_anything_else(
        self, form: str, changes: list[tuple[int, int]], length: int
    ) -> None:
        content = bytearray(_sample(form))
        for position, value in changes:
            content[position % len(content)] = value
        try:
            result = decode(bytes(content[: max(10, length)] if length < 500 else content))
        except BadReply:
            return
        assert max(result.image.size) <= KEEP_PX


def _sample(form: str) -> bytes:
    return encoded(Image.linear_gradient("L").resize((24, 24)).convert("RGB"), form)


class TestBlocks:
    def test_fit_keeps_the_proportions_of_the_picture(self) -> None:
        assert fit(512, 512, 80, 20) == (40, 20)
        assert fit(512, 512, 20, 80) == (20, 10)
        assert fit(1000, 10, 80, 20) == (80, 1)
        assert fit(10, 1000, 80, 20) == (1, 20)
        assert fit(8, 8, 80, 20) == (40, 20)
        assert fit(0, 8, 80, 20) == fit(8, 8, 0, 20) == (0, 0)

    def test_one_colour_is_one_run_a_line(self) -> None:
        assert (
            draw(Image.new("RGB", (50, 50), RED), 10, 5, ImageMode.QUADRANT)
            == (((" " * 10, None, RED),),) * 5
        )

    @pytest.mark.parametrize("mask", range(1, 15))
    def test_every_quadrant(self, mask: int) -> None:
        image = Image.new("RGB", (2, 2), BLACK)
        for bit, place in ((1, (0, 0)), (2, (1, 0)), (4, (0, 1)), (8, (1, 1))):
            if mask & bit:
                image.putpixel(place, WHITE)
        assert draw(image, 1, 1, ImageMode.QUADRANT) == (((blocks.QUADRANTS[mask], WHITE, BLACK),),)

    def test_halves(self) -> None:
        image = Image.new("RGB", (1, 2), RED)
        image.putpixel((0, 1), BLUE)
        assert draw(image, 1, 1, ImageMode.HALF) == ((("▀", RED, BLUE),),)

    def test_ascii_is_ascii_and_follows_the_ground(self) -> None:
        image = Image.linear_gradient("L").convert("RGB")
        rows = draw(image, 4, 10, ImageMode.ASCII)
        assert [row[0][0] for row in rows] == [character * 4 for character in " .:-=+*#%@"]
        light = draw(image, 4, 10, ImageMode.ASCII, dark=False)
        assert [row[0][0] for row in light] == [row[0][0] for row in reversed(rows)]
        assert all(front is back is None for row in rows for _, front, back in row)

    def test_grey_is_cut_by_lightness(self) -> None:
        for how in (ImageMode.QUADRANT, ImageMode.HALF):
            for row in draw(Image.effect_noise((40, 40), 90).convert("RGB"), 10, 5, how, grey=True):
                for _, front, back in row:
                    assert front is None or len(set(front)) == 1
                    assert back is None or len(set(back)) == 1

    def test_what_shows_through_is_chequered(self) -> None:
        rows = draw(Image.new("RGBA", (64, 64), (255, 0, 0, 0)), 8, 4, ImageMode.QUADRANT)
        colours = {back for row in rows for _, _, back in row}
        assert colours == {(0x60,) * 3, (0x90,) * 3}
        solid = Image.new("RGBA", (64, 64), (255, 0, 0, 255))
        assert draw(solid, 8, 4, ImageMode.QUADRANT) == (((" " * 8, None, RED),),) * 4


class Frame(App[None]):
    def compose(self) -> ComposeResult:
        yield Picture()

    @property
    def picture(self) -> Picture:
        return self.query_one(Picture)

    def strips(self) -> list[Strip]:
        return [self.picture.render_line(y) for y in range(self.picture.size.height)]

    def colours(self) -> set[tuple[int, int, int]]:
        ground = self.picture.rich_style.bgcolor
        found = {s.style.bgcolor for strip in self.strips() for s in strip if s.style} - {ground}
        return {tuple(colour.get_truecolor()) for colour in found if colour is not None}


class TestWidget:
    async def test_draws_in_the_middle_with_the_right_colours(self) -> None:
        app = Frame()
        async with app.run_test(size=(40, 10)):
            app.picture.show(decoded(split(RED, BLUE)))
            await until(lambda: app.picture.drawn)
            strips = app.strips()
            assert [strip.cell_length for strip in strips] == [40] * 10
            for strip in strips:
                cells = [(s.text, s.style.bgcolor) for s in strip if s.style and s.text]
                assert (len(cells[0][0]), len(cells[-1][0])) == (10, 10)
                assert cells[1][1].get_truecolor() == RED
                assert cells[-2][1].get_truecolor() == BLUE
                # Only the edge between the two is mixed.
                assert len(cells[1][0]) == len(cells[-2][0]) == 8

    async def test_a_new_size_is_drawn_anew_from_what_is_kept(self) -> None:
        app = Frame()
        async with app.run_test(size=(40, 10)) as pilot:
            app.picture.show(decoded(Image.new("RGB", (100, 100), RED)))
            await until(lambda: app.picture.drawn)
            await pilot.resize_terminal(20, 30)
            await until(lambda: app.picture.drawn)
            painted = [strip for strip in app.strips() if app.colours() and len(list(strip)) == 1]
            assert len(app.strips()) == 30
            assert sum(1 for s in painted if s._segments[0].style.bgcolor.get_truecolor() == RED) == 10

    async def test_none_is_an_empty_ground(self) -> None:
        app = Frame()
        async with app.run_test(size=(40, 10)):
            app.picture.show(decoded(Image.new("RGB", (9, 9), RED)))
            await until(lambda: app.picture.drawn)
            app.picture.show(None)
            assert app.colours() == set()
            assert not app.picture.drawn

    async def test_off_says_how_to_have_them(self) -> None:
        app = Frame()
        async with app.run_test(size=(40, 10)):
            app.picture.show(decoded(Image.new("RGB", (9, 9), RED)))
            await until(lambda: app.picture.drawn)
            app.picture.graphics.set_mode(ImageMode.OFF)
            await until(lambda: app.picture.drawn)
            text = "".join(strip.text for strip in app.strips())
            assert text.strip() == "Pictures are off: P shows them."
            assert app.colours() == set()
            app.picture.graphics.set_mode(ImageMode.SEXTANT)
            await until(lambda: app.colours() == {RED})

    async def test_a_slow_older_picture_never_comes_after_a_newer(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        release, real = threading.Event(), graphics_module.make
        begun: list[Image.Image] = []
        slow, fast = (decoded(Image.new("RGB", (9, 9), colour)) for colour in (RED, BLUE))

        def strips(image: Image.Image, *args: Any) -> Any:
            begun.append(image)
            if image is slow.image:
                release.wait(10)
            return real(image, *args)

        monkeypatch.setattr(graphics_module, "make", strips)
        app = Frame()
        async with app.run_test(size=(40, 10)) as pilot:
            app.picture.show(slow)
            await until(lambda: slow.image in begun)
            assert app.colours() == set()
            app.picture.show(fast)
            await until(lambda: app.picture.drawn)
            assert app.colours() == {BLUE}
            release.set()
            await asyncio.sleep(0.05)
            await pilot.pause()
            assert app.colours() == {BLUE}

    async def test_keys_are_heard_while_it_is_made(self, monkeypatch: pytest.MonkeyPatch) -> None:
        thread: list[str] = []
        real = graphics_module.make

        def strips(*args: Any, **options: Any) -> Any:
            thread.append(threading.current_thread().name)
            return real(*args, **options)

        monkeypatch.setattr(graphics_module, "make", strips)
        app = Frame()
        async with app.run_test(size=(40, 10)):
            app.picture.show(decoded(Image.new("RGB", (9, 9), RED)))
            await until(lambda: app.picture.drawn)
            assert thread
            assert thread[0] != threading.main_thread().name
