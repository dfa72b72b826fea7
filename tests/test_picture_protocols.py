"""Cells that may be cut anywhere, frames that are read right, and encoders against independent readers."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from comfy_tui.pictures import cells, frame, iterm, kitty, sixel
from comfy_tui.pictures.blocks import SEXTANTS, draw
from comfy_tui.pictures.drawing import make
from comfy_tui.pictures.mode import ColourDepth, ImageMode, Look
from comfy_tui.pictures.palette import EIGHT_BIT, STANDARD
from comfy_tui.pictures.scale import placed, scaled
from comfy_tui.pictures.shades import SHADES
from comfy_tui.widgets.filters import SafeFilter
from comfy_tui.widgets.picture_strip import PictureStrip
from emulator import read_sixel
from test_picture_terminal import source

SLOT = chr(cells.FIRST + 7)


def line(character: str, row: int, columns: int) -> PictureStrip:
    picture = Strip([Segment(cells.row_text(character, row, columns))], columns)
    return PictureStrip.of(Strip.join([Strip([Segment("┃ab")], 3), picture, Strip([Segment("c日d")], 4)]))


class TestCells:
    def test_numbers_are_kitty_s(self) -> None:
        assert cells.MOST == 297
        assert [hex(ord(ch)) for ch in cells.NUMBERS[:4]] == ["0x305", "0x30d", "0x30e", "0x310"]
        assert hex(ord(cells.NUMBERS[-1])) == "0x1d244"

    @settings(max_examples=60, deadline=None)
    @given(
        st.sampled_from([SLOT, cells.KITTY]),
        st.integers(0, 296),
        st.integers(1, 297),
        st.lists(st.integers(0, 304), min_size=1, max_size=6),
    )
    def test_a_line_may_be_cut_anywhere(
        self, character: str, row: int, columns: int, places: list[int]
    ) -> None:
        strip = line(character, row, columns)
        whole = [
            "┃",
            "a",
            "b",
            *(character + cells.NUMBERS[row] + n for n in cells.NUMBERS[:columns]),
            "c",
            "日",
            "d",
        ]
        # A wide character cut in two is two spaces; only cuts beside it are tried.
        cuts = sorted({min(place, columns + 4) for place in places} | {strip.cell_length})
        pieces = strip.divide(cuts)
        assert "".join(piece.text for piece in pieces) == "".join(whole)
        for (left, right), piece in zip(pairwise((0, *cuts)), pieces, strict=True):
            assert piece.text == "".join(whole[left : right if right < strip.cell_length else None])
            assert piece.cell_length == right - left

    def test_texts_of_others_cannot_name_a_picture(self) -> None:
        from textual.color import Color

        for character in (SLOT, cells.KITTY):
            hostile = Segment(f"a{character}{cells.NUMBERS[0] * 2}b")
            (kept,) = SafeFilter().apply([hostile], Color(0, 0, 0))
            assert character not in kept.text


class TestFrames:
    def test_places_of_what_is_seen(self) -> None:
        row = cells.row_text(SLOT, 3, 6)
        data = (
            f"\x1b[5;10H\x1b[1;38;2;1;2;3mab日\x1b[0m\x1b]8;;http://x\x1b\\l\x1b]8;;\x1b\\{row}|\n\x1b[9;1Hx"
        )
        text, areas = frame.taken_out(data)
        assert areas == [frame.Area(7, 14, 4, 0, 3, 6)]
        assert text == data.replace(row, " " * 6)

    def test_as_few_rectangles_as_can_be(self) -> None:
        rows = [cells.row_text(SLOT, row, 10) for row in range(6)]
        parts = [f"\x1b[{row + 1};5H{rows[row][:12]}\x1b[{row + 1};9H{rows[row][12:]}" for row in range(4)]
        # Of the last two lines the left half is covered.
        parts += [f"\x1b[{row + 1};10H{rows[row][15:]}" for row in (4, 5)]
        _, areas = frame.taken_out("".join(parts))
        assert sorted((a.column, a.row, a.columns, a.lines) for a in areas) == [(0, 0, 10, 4), (5, 4, 5, 2)]

    def test_kitty_ids(self) -> None:
        cell = cells.row_text(cells.KITTY, 0, 2)
        data = f"\x1b[38;2;1;2;3m{cell}\x1b[0m\x1b[1;38;2;4;5;6;48;2;9;9;9m{cell}\x1b[38;2;7;7;7mtext"
        assert frame.kitty_ids(data) == {0x010203, 0x040506}


class TestEncoders:
    @settings(max_examples=40, deadline=None)
    @given(st.integers(1, 40), st.integers(1, 30), st.binary(min_size=3, max_size=3600))
    def test_sixel_is_read_as_it_was(self, width: int, height: int, noise: bytes) -> None:
        raw = (noise * (width * height * 3 // len(noise) + 1))[: width * height * 3]
        image = sixel.quantized(Image.frombytes("RGB", (width, height), raw))
        text = sixel.encode(image)
        assert text.isascii()
        assert text.startswith("\x1bP")
        assert text.endswith("\x1b\\")
        shown, wanted = read_sixel(text[text.index('"') : -2]).tobytes(), image.convert("RGB").tobytes()
        assert max(abs(a - b) for a, b in zip(shown, wanted, strict=True)) <= 2

    def test_sixel_for_a_thin_line(self) -> None:
        look = Look(mode=ImageMode.SIXEL, cell_px=(10, 20))
        text, thin = (
            make(source(), 12, 6, one).tiles((0, 0, 12, 6))[0][2] for one in (look, replace(look, thin=True))
        )
        assert len(thin) < 0.9 * len(text)
        assert thin.count(";2;") <= 128

    def test_kitty_s_pieces(self) -> None:
        data = kitty.encode(source(), thin=False)
        sent = kitty.transmit(77, data, 10, 5)
        pieces = [piece.removeprefix("\x1b_G").partition(";") for piece in sent.split("\x1b\\")[:-1]]
        assert all(len(piece[2]) <= 4096 for piece in pieces)
        assert [piece[0][-1] for piece in pieces] == ["1"] * (len(pieces) - 1) + ["0"]
        read = Image.open(io.BytesIO(base64.b64decode("".join(piece[2] for piece in pieces))))
        assert read.tobytes() == source().tobytes()
        assert len(kitty.encode(source(), thin=True)) < len(data) / 2

    def test_through_tmux_every_escape_is_doubled(self) -> None:
        assert kitty.free(5, tmux=True) == "\x1bPtmux;\x1b\x1b_Ga=d,d=I,i=5,q=2\x1b\x1b\\\x1b\\"

    def test_iterm_says_its_size(self) -> None:
        text = iterm.encode(source(), 12, 6, thin=False)
        assert text.startswith("\x1b]1337;File=inline=1;size=")
        assert ";width=12;height=6;" in text

    def test_a_large_picture_comes_in_pieces_that_xterm_draws(self) -> None:
        drawing = make(source(), 150, 70, Look(mode=ImageMode.SIXEL, cell_px=(10, 20)))
        tiles = drawing.tiles(drawing.whole)
        assert [(x, y) for x, y, _ in tiles] == [(0, 0), (100, 0), (0, 50), (100, 50)]
        assert all(max(read_sixel(t[t.index('"') : -2]).size) <= 1000 for _, _, t in tiles)


class TestScale:
    def test_native_pixels_are_not_touched(self) -> None:
        image = source()
        assert (
            scaled(image, (64, 32), crop=(10, 20, 74, 52)).tobytes() == image.crop((10, 20, 74, 52)).tobytes()
        )

    def test_proportions_are_kept_on_the_ground(self) -> None:
        image = placed(Image.new("RGB", (100, 100), (255, 0, 0)), (200, 100), ground=(1, 2, 3))
        assert (image.getpixel((10, 50)), image.getpixel((100, 50))) == ((1, 2, 3), (255, 0, 0))

    @pytest.mark.parametrize("crop", [(-5, -5, 3, 3), (250, 250, 900, 900), (9, 9, 9, 9), (40, 40, 10, 10)])
    def test_a_crop_beside_the_picture_is_cut_to_it(self, crop: tuple[int, int, int, int]) -> None:
        assert scaled(source(), (4, 4), crop=crop).size == (4, 4)


class TestColours:
    @pytest.mark.parametrize(
        ("depth", "colours"), [(ColourDepth.EIGHT_BIT, EIGHT_BIT), (ColourDepth.STANDARD, STANDARD)]
    )
    @pytest.mark.parametrize("mode", [ImageMode.HALF, ImageMode.QUADRANT, ImageMode.SEXTANT])
    def test_only_the_terminal_s_colours(
        self, depth: ColourDepth, colours: tuple[tuple[int, int, int], ...], mode: ImageMode
    ) -> None:
        rows = draw(source(), 30, 12, mode, depth=depth)
        used = {colour for row in rows for _, *pair in row for colour in pair if colour is not None}
        assert used <= set(colours)
        assert len(used) > 4
        if depth is ColourDepth.STANDARD:  # the Linux console has no bright grounds
            assert {back for row in rows for _, _, back in row if back is not None} <= set(STANDARD[:8])

    @pytest.mark.parametrize(
        ("upper", "lower", "cell"),
        [(0, 15, ("▄", 15, 0)), (15, 0, ("▀", 15, 0)), (9, 9, ("█", 9, 1)), (9, 12, ("▀", 9, 4))],
    )
    def test_the_bright_one_of_two_of_sixteen_colours_is_in_front(
        self, upper: int, lower: int, cell: tuple[str, int, int]
    ) -> None:
        image = Image.new("RGB", (1, 2), STANDARD[upper])
        image.putpixel((0, 1), STANDARD[lower])
        drawn = draw(image, 1, 1, ImageMode.HALF, depth=ColourDepth.STANDARD)
        assert drawn == (((cell[0], STANDARD[cell[1]], STANDARD[cell[2]]),),)

    @pytest.mark.parametrize("grey", [False, True])
    def test_shades_mix_what_lies_between(self, grey: bool) -> None:
        wanted = (140, 90, 60) if not grey else (100, 100, 100)
        rows = draw(Image.new("RGB", (64, 64), wanted), 24, 12, ImageMode.SHADE, grey=grey)
        sums = [0.0, 0.0, 0.0]
        for text, front, back in (run for row in rows for run in row):
            assert front in STANDARD
            assert back in STANDARD[:8]
            part = SHADES[text[0]] * len(text)
            for channel in range(3):
                sums[channel] += part * front[channel] + (len(text) - part) * back[channel]
        assert all(abs(total / (24 * 12) - value) < 8 for total, value in zip(sums, wanted, strict=True))

    def test_dithered_not_banded(self) -> None:
        """The mean of a smooth ramp is right, though hardly any of its colours is there."""
        ramp = Image.linear_gradient("L").resize((256, 256)).convert("RGB")
        rows = draw(ramp, 40, 20, ImageMode.HALF, depth=ColourDepth.EIGHT_BIT)
        for y, row in enumerate(rows):
            shown = sum(
                len(text) * ((front[0] + back[0]) / 2 if front is not None else back[0])
                for text, front, back in row
                if back is not None
            )
            assert abs(shown / 40 - (y + 0.5) * 256 / 20) < 14

    def test_sextants_are_unicode_s(self) -> None:
        assert len(SEXTANTS) == len(set(SEXTANTS)) == 64
        assert (SEXTANTS[1], SEXTANTS[62], SEXTANTS[22]) == ("\U0001fb00", "\U0001fb3b", "\U0001fb14")


def test_nothing_of_it_needs_textual() -> None:
    code = (
        "import sys, comfy_tui.pictures.drawing, comfy_tui.terminal.probe\n"
        "print('textual' in sys.modules, 'PIL' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_joined_lines_are_sent_as_their_parts() -> None:
    console = Console(color_system="truecolor", force_terminal=True)
    red, plain = Strip([Segment("ab", Style(color="red")), Segment("c")], 3), line("x", 0, 2)
    whole = PictureStrip.joined([red, plain, Strip([Segment("日")], 2)])
    assert whole.cell_length == 3 + plain.cell_length + 2
    assert whole.render(console) == Strip(list(whole), whole.cell_length).render(console)
    assert whole.crop(1, 4).render(console) == Strip(list(whole.crop(1, 4)), 3).render(console)
    assert whole.crop(1, 4).text.startswith("bc")


def test_without_its_pictures_a_line_keeps_its_words() -> None:
    for character in (chr(cells.FIRST + 7), cells.KITTY):
        emptied = line(character, 1, 3).emptied(Style(bgcolor="red"))
        assert (emptied.text, emptied.cell_length) == ("┃ab   c日d", 10)


def test_what_a_part_costs_until_it_is_made() -> None:
    drawing = make(source(), 20, 10, Look(mode=ImageMode.SIXEL, cell_px=(10, 20)))
    part = (0, 2, 20, 5)
    assert drawing.cost_pixels(drawing.whole) == 0  # made for the first frame
    assert drawing.cost_pixels(part) == 200 * 100
    made = drawing.tiles(part)
    assert drawing.cost_pixels(part) == 0
    assert drawing.tiles(part) is made
