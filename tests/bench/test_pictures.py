"""What a picture costs: processor time and bytes for each way to show it, beside other libraries.

Those are measured where they are installed, in a folder outside the project:
COMFY_TUI_BENCH_LIBRARIES names it;
``pip install --no-deps --target FOLDER textual-image==0.12.0 chafa.py``.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from PIL import Image

from comfy_tui.pictures import kitty
from comfy_tui.pictures.decode import Decoded
from comfy_tui.pictures.drawing import make
from comfy_tui.pictures.mode import ColourDepth, ImageMode, Look
from comfy_tui.widgets.graphics import Graphics, block_strips

pytestmark = pytest.mark.bench
ROUNDS = 5
LIBRARIES = os.environ.get("COMFY_TUI_BENCH_LIBRARIES", "")
BOXES = ((40, 20), (100, 40))


def scene(side: int) -> Image.Image:
    """Soft areas with some noise, as photographs and generated pictures have."""
    soft = Image.effect_noise((side // 8, side // 8), 80).resize((side, side), Image.Resampling.BICUBIC)
    across, round_ = Image.linear_gradient("L"), Image.radial_gradient("L")
    image = Image.merge("RGB", (soft, across.resize((side, side)), round_.resize((side, side))))
    noise = Image.merge("RGB", [Image.effect_noise((side, side), 12) for _ in range(3)])
    return Image.blend(image, noise, 0.1)


def least_ms(call: Callable[[], object]) -> tuple[float, Any]:
    least, result = 1e9, None
    for _ in range(ROUNDS):
        started = time.process_time()
        result = call()
        least = min(least, (time.process_time() - started) * 1000)
    return least, result


def sent(drawing: Any) -> int:
    """Bytes to the terminal: pixels and their cells, or the coloured characters."""
    from rich.console import Console

    look = drawing.look
    if look.mode is ImageMode.KITTY:
        return (
            len(kitty.transmit(1, drawing.data, drawing.columns, drawing.lines))
            + drawing.columns * drawing.lines * 9
        )
    if look.mode.has_pixels:
        return sum(len(text) for _, _, text in drawing.tiles(drawing.whole)) + drawing.columns * drawing.lines
    console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor")
    return sum(len(strip.render(console).encode()) for strip in block_strips(drawing, console))


LOOKS = {
    "kitty": Look(mode=ImageMode.KITTY),
    "kitty, thin": Look(mode=ImageMode.KITTY, thin=True),
    "sixel": Look(mode=ImageMode.SIXEL),
    "sixel, thin": Look(mode=ImageMode.SIXEL, thin=True),
    "iterm": Look(mode=ImageMode.ITERM),
    "iterm, thin": Look(mode=ImageMode.ITERM, thin=True),
    "quadrant": Look(),
    "quadrant, 256": Look(depth=ColourDepth.EIGHT_BIT),
    "half": Look(mode=ImageMode.HALF),
    "sextant": Look(mode=ImageMode.SEXTANT),
    "ascii": Look(mode=ImageMode.ASCII),
}


@pytest.mark.parametrize("side", [512, 1024])
def test_each_way(side: int) -> None:
    image = scene(side)
    ours: dict[tuple[str, int], float] = {}
    for columns, lines in BOXES:
        print(f"\n{side}x{side} in {columns}x{lines} cells of 10x20 px:")
        for name, look in LOOKS.items():
            ms, drawing = least_ms(partial(make, image, columns, lines, look))
            ours[name, columns] = ms
            print(f"  {name:<16} {ms:6.1f} ms {sent(drawing) / 1000:8.1f} kB")
        for name, call in others(image, columns, lines).items():
            ms, written = least_ms(call)
            print(f"  {name:<16} {ms:6.1f} ms {len(written) / 1000:8.1f} kB")
            if name == "textual-image sixel":
                assert ours["sixel", columns] < 1.5 * ms


def others(image: Image.Image, columns: int, lines: int) -> dict[str, Callable[[], bytes | str]]:
    """Other libraries that are installed, each with what makes its output."""
    found: dict[str, Callable[[], bytes | str]] = {}
    if LIBRARIES and LIBRARIES not in sys.path:
        sys.path.append(LIBRARIES)
    with suppress(ImportError):
        real, sys.__stdout__ = sys.__stdout__, io.StringIO()  # type: ignore[misc]
        try:
            sixel = importlib.import_module("textual_image._sixel")
        finally:
            sys.__stdout__ = real  # type: ignore[misc]
        size = (columns * 10, lines * 20)
        found["textual-image sixel"] = lambda: sixel.image_to_sixels(image.resize(size))
    with suppress(ImportError, OSError):
        chafa = importlib.import_module("chafa")
        found["chafa blocks"] = partial(_chafa, chafa, image, columns, lines)
    return found


def _chafa(chafa: Any, image: Image.Image, columns: int, lines: int) -> bytes:
    config = chafa.CanvasConfig()
    config.width, config.height = columns, lines
    config.cell_width, config.cell_height = 10, 20
    canvas = chafa.Canvas(config)
    pixels = image.convert("RGBA")
    canvas.draw_all_pixels(
        chafa.PixelType.CHAFA_PIXEL_RGBA8_UNASSOCIATED,
        pixels.tobytes(),
        pixels.width,
        pixels.height,
        pixels.width * 4,
    )
    written: bytes = canvas.print()
    return written


async def test_a_frame_with_a_picture() -> None:
    """What the way to the terminal costs a frame: with pictures in it, and without."""
    from textual.app import App

    app: App[None] = App()
    async with app.run_test():
        graphics = Graphics(app, ImageMode.SIXEL)
        look = replace(graphics.look(), cell_px=(10, 20))
        image = scene(512)
        drawn = graphics.draw_here(Decoded(image, 512, 512, "PNG", 0), 100, 40, look)
        rows = [f"\x1b[{y + 1};20H{strip.text}" for y, strip in enumerate(drawn.strips)]
        with_one, plain = "".join(rows), "\x1b[1;1H│" + "some text \x1b[0m" * 5000
        first, _ = least_ms(lambda: graphics.fill(with_one))
        second, _ = least_ms(lambda: graphics.fill(plain))
    print(f"\na frame: {first:.1f} ms with a picture of 100x40, {second:.2f} ms for 75 kB without")
    assert second < first
