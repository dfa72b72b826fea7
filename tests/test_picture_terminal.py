"""Pictures as a terminal receives them: rebuilt from the bytes by an independent reader."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from comfy_tui.demo.server import DemoServer
from emulated import Emulated, box_of, region_errors
from emulator import GROUND, Emulator

GALLERY = str(Path(__file__).with_name("gallery.py"))
#: The mean colour of each of 64 regions is not further off than this, of 255.
BOUND = 6.0
NAMES = {"kitty": "kitty(0.41.1)", "sixel": "XTerm(379)", "iterm": "iTerm2 3.5.0"}
KINDS = tuple(NAMES)


def source() -> Image.Image:
    """Smooth and sharp, and different in every corner."""
    side = 256
    across, down = Image.linear_gradient("L").rotate(90), Image.linear_gradient("L")
    image = Image.merge("RGB", (across, down, Image.radial_gradient("L"))).resize((side, side))
    image.paste((255, 255, 255), (20, 20, 70, 60))
    image.paste((255, 0, 0), (180, 200, 250, 240))
    return image


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    file = tmp_path / "picture.png"
    source().save(file)
    return file


class Gallery:
    """The gallery in a terminal of a kind."""

    def __init__(
        self, picture: Path, kind: str, *arguments: str, delay_s: float = 0.0, **options: object
    ) -> None:
        environ = {
            "TERM": "xterm-256color",
            "PYTHONPATH": str(Path(GALLERY).parent),
            **options.pop("environ", {}),
        }  # type: ignore[dict-item]
        self.emulator = Emulator(kind=kind, name=NAMES.get(kind, ""), **options)  # type: ignore[arg-type]
        command = [sys.executable, GALLERY, str(picture), *arguments]
        self.program = Emulated(self.emulator, command, environ, delay_s=delay_s)

    @property
    def shot(self) -> Image.Image:
        return self.emulator.screenshot()

    def errors(self, wanted: Image.Image | None = None) -> list[float]:
        box = box_of(self.shot, GROUND)
        return region_errors(self.shot.crop(box), wanted or source()) if box else [255.0]

    def shows(self, wanted: Image.Image | None = None) -> None:
        self.program.until(lambda: max(self.errors(wanted)) < BOUND, "the picture, whole and right")

    def box(self) -> tuple[int, int, int, int] | None:
        return box_of(self.shot, GROUND)


@pytest.fixture
def gallery(picture: Path) -> Iterator[object]:
    made: list[Gallery] = []

    def make(kind: str, *arguments: str, **options: object) -> Gallery:
        made.append(Gallery(picture, kind, *arguments, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.program.close()


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_comes_over_it(gallery: object, kind: str) -> None:
    shown = gallery(kind)  # type: ignore[operator]
    program, emulator = shown.program, shown.emulator
    program.see(f"mode {kind}")
    shown.shows()
    whole = shown.box()

    program.press("d")
    program.see("a dialog")
    program.settle()
    assert shown.box() is None, "a dialog is open, and pieces of the picture are left"
    program.press("\x1b")
    shown.shows()
    assert shown.box() == whole

    program.press("t")
    program.see("a toast")
    assert max(shown.errors()) > BOUND, "the toast is under the picture"
    program.until(lambda: "a toast" not in emulator.text(), "the toast to go")
    shown.shows()

    program.press("w")
    program.see("another screen")
    program.settle()
    assert shown.box() is None
    program.press("\x1b")
    shown.shows()

    program.press("n")
    shown.shows(source().rotate(180))

    program.resize(60, 30)
    program.see(f"mode {kind}")
    shown.shows(source().rotate(180))
    assert shown.box() != whole

    program.settle()
    sent = program.written
    program.press("q")
    program.until(lambda: program.ended, "the end")
    assert program.written - sent < 5000
    assert emulator.images == {}
    assert emulator.unknown == []
    assert emulator.title == ""


@pytest.mark.parametrize("kind", KINDS)
def test_small_ones_that_scroll(gallery: object, kind: str) -> None:
    shown = gallery(kind)  # type: ignore[operator]
    program = shown.program
    shown.shows()
    program.press("m")
    side = 6 * 20

    def first_is_right() -> bool:
        found = shown.box()
        if found is None or found[3] - found[1] < 3 * side:
            return False
        piece = shown.shot.crop((found[0], found[1], found[2], found[1] + side))
        return max(region_errors(piece, source())) < 2 * BOUND

    program.until(first_is_right, "the small pictures")
    program.settle()
    first = shown.shot
    (left, upper, right, lower) = box_of(first, GROUND) or (0, 0, 0, 0)
    program.press("\x1b[B")
    program.settle()
    moved = shown.shot
    # One line further: the same pixels a line higher, and nothing of the old ones.
    now, before = moved.crop((left, upper, right, lower - 20)), first.crop((left, upper + 20, right, lower))
    assert max(region_errors(now, before, 16, 16)) < 2
    program.press("m")
    shown.shows()


@pytest.mark.parametrize("kind", KINDS)
def test_back_from_the_shell(gallery: object, kind: str) -> None:
    shown = gallery(kind)  # type: ignore[operator]
    program, emulator = shown.program, shown.emulator
    shown.shows()
    program.press("z")
    program.until(lambda: emulator.main_text or not emulator._alternate, "the main screen")
    program.settle()
    assert shown.box() is None
    assert emulator.images == {}
    program.kill(signal.SIGCONT)
    shown.shows()


@pytest.mark.parametrize("kind", KINDS)
def test_after_a_crash(gallery: object, kind: str) -> None:
    shown = gallery(kind)  # type: ignore[operator]
    shown.shows()
    shown.program.press("x")
    shown.program.until(lambda: shown.program.ended, "the end")
    assert "a crash of the test's" in shown.emulator.main_text
    assert shown.emulator.images == {}
    assert shown.box() is None


def test_a_part_at_native_pixels(gallery: object) -> None:
    shown = gallery("sixel")  # type: ignore[operator]
    shown.shows()
    shown.program.press("c")
    shown.shows(source().crop((0, 0, 128, 128)))


def test_kitty_is_sent_a_picture_once_and_forgets_it(gallery: object) -> None:
    shown = gallery("kitty")  # type: ignore[operator]
    program, emulator = shown.program, shown.emulator
    shown.shows()
    for _ in range(2):
        program.press("d")
        program.see("a dialog")
        program.press("\x1b")
        shown.shows()
    assert len(emulator.transmitted) == 1
    program.press("p")
    program.see("mode quadrant")
    program.until(lambda: emulator.freed == emulator.transmitted, "kitty to forget it")


def test_a_picture_larger_than_a_screen_keeps_off_its_last_line(gallery: object) -> None:
    shown = gallery("sixel", columns=200, lines=60, cell=(6, 13))  # type: ignore[operator]
    shown.shows()
    # xterm draws none that is larger than 1000 pixels: it comes in pieces.
    assert (shown.box() or (0, 0, 0, 0))[3] <= 60 * 13


@pytest.mark.parametrize("kind", ["plain", "silent"])
def test_a_terminal_without(gallery: object, kind: str) -> None:
    shown = gallery(kind)  # type: ignore[operator]
    shown.program.see("mode quadrant")
    shown.program.until(lambda: any(ch in shown.emulator.text() for ch in "▀▄▌▐▘▝▖▗"), "blocks")
    assert shown.emulator.unknown == []
    assert shown.emulator.main_text.strip() == ""


def test_no_colour_does_not_break_the_ids(gallery: object) -> None:
    shown = gallery("kitty", environ={"NO_COLOR": "1"})  # type: ignore[operator]
    shown.shows(source().convert("L").convert("RGB"))


def test_over_a_slow_line(gallery: object) -> None:
    """Round trips of 300 ms; a key pressed meanwhile is not lost."""
    shown = gallery("kitty", delay_s=0.3)  # type: ignore[operator]
    shown.program.until(lambda: b"\x1b[c" in shown.program.raw, "the questions")
    shown.program.press("w")
    shown.program.see("another screen")
    shown.program.press("\x1b")
    shown.program.see("mode kitty")
    assert shown.emulator.main_text.strip() == ""
    assert os.environ.get("COLORTERM") is None


async def test_the_console_itself() -> None:
    """The picture of an output against the server's own, another way by a key, and an end by a signal."""
    async with DemoServer(warm_up=True) as server:
        emulator = Emulator(columns=120, lines=40, kind="kitty", name=NAMES["kitty"])
        command = [sys.executable, "-m", "comfy_tui", server.url]
        program = Emulated(emulator, command, {"TERM": "xterm-256color"})
        try:
            await asyncio.to_thread(program.see, "online")
            program.press("4")
            await asyncio.to_thread(program.until, lambda: emulator.images, "a picture")
            await asyncio.to_thread(program.settle)
            async with httpx.AsyncClient(trust_env=False) as client:
                history = (await client.get(f"{server.url}/history")).json()
                name = next(n for n in _names(history) if n in emulator.text())
                content = (await client.get(f"{server.url}/view", params={"filename": name})).content
            wanted = Image.open(io.BytesIO(content)).convert("RGB")
            box = box_of(emulator.screenshot(), GROUND)
            assert box is not None
            assert max(region_errors(emulator.screenshot().crop(box), wanted)) < BOUND
            program.press("P")
            await asyncio.to_thread(program.see, "Pictures", "quadrant")
            await asyncio.to_thread(program.until, lambda: not emulator.images, "kitty to forget it")
            program.press("\x1b")
            await _ends_by(program, signal.SIGTERM)
        finally:
            program.close()
        program = Emulated(Emulator(columns=120, lines=40), command, {"TERM": "xterm-256color"})
        try:
            await asyncio.to_thread(program.see, "online")
            await _ends_by(program, signal.SIGHUP)
        finally:
            program.close()


async def _ends_by(program: Emulated, number: signal.Signals) -> None:
    program.kill(number)
    await asyncio.to_thread(program.until, lambda: program.ended, "the end")
    ours, left, _ = bytes(program.raw).rpartition(b"\x1b[?1049l")
    assert left
    assert b"\x1b[2J" in ours[-200:]  # where there is no other screen, as in mosh, nothing of ours stays


def _names(history: dict[str, Any]) -> list[str]:
    """The files of the history, the newest first."""
    return [
        image["filename"]
        for entry in reversed(history.values())
        for output in entry["outputs"].values()
        for image in output.get("images", ())
    ]
