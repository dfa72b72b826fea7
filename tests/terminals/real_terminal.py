"""Real terminals on an X display of their own: started, pressed, and looked at."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

GALLERY = Path(__file__).parent.parent / "gallery.py"
PATIENCE_S = 30.0


def lacking(*programs: str) -> str:
    """Which of the programs are not installed, in words."""
    return ", ".join(name for name in programs if shutil.which(name, path=_PATH) is None)


_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


@contextmanager
def display(width: int = 1100, height: int = 800) -> Iterator[str]:
    """An X server without a screen."""
    reader, writer = os.pipe()
    command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL)
    os.close(writer)
    try:
        number = os.read(reader, 20).decode().strip()
        assert number, "Xvfb did not start"
        yield f":{number}"
    finally:
        os.close(reader)
        server.terminate()
        server.wait()


class RealTerminal:
    """A terminal that runs a command."""

    def __init__(self, where: str, command: Sequence[str], environ: Mapping[str, str]) -> None:
        self._environ = {**os.environ, "DISPLAY": where, "LIBGL_ALWAYS_SOFTWARE": "1", **environ}
        self._environ.pop("COLORTERM", None)
        self._process = subprocess.Popen(
            command, env=self._environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def press(self, *keys: str) -> None:
        subprocess.run(["xdotool", "key", *keys], env=self._environ, check=True)

    def resize(self, width: int, height: int) -> None:
        """Give its window another size; it is the only one."""
        searched = ["xdotool", "search", "--maxdepth", "1", "--onlyvisible", "--name", ".*"]
        found = subprocess.run(searched, env=self._environ, capture_output=True, text=True, check=True)
        window = found.stdout.split()[-1]
        subprocess.run(
            ["xdotool", "windowsize", window, str(width), str(height)], env=self._environ, check=True
        )

    def shot(self) -> Image.Image:
        command = ["import", "-window", "root", "png:-"]
        done = subprocess.run(command, env=self._environ, capture_output=True, check=True)
        return Image.open(io.BytesIO(done.stdout)).convert("RGB")


def until(condition: Callable[[], object], what: str, patience_s: float = PATIENCE_S) -> None:
    end = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.1)


def pixel_at(shot: Image.Image, x: int, y: int) -> tuple[int, ...]:
    found = shot.getpixel((x, y))
    assert isinstance(found, tuple)
    return found


def is_ground(pixel: tuple[int, ...]) -> bool:
    return sum(pixel) < 15


def window_in(shot: Image.Image) -> Image.Image | None:
    """The gallery on a screenshot, without what is around it: its grey first line tells where it begins."""
    grey = shot.split()[1].point(lambda value: 255 if 87 <= value <= 93 else 0)
    for y in range(0, shot.height - 1, 3):
        box = grey.crop((0, y, shot.width, y + 1)).getbbox()
        if box is not None and grey.crop((0, y, shot.width, y + 1)).histogram()[255] > 200:
            top = y
            while top and grey.getpixel((box[0] + 1, top - 1)):
                top -= 1
            return shot.crop((box[0], top, box[2], shot.height))
    return None


def picture_in(shot: Image.Image, left: int = 6) -> Image.Image | None:
    """The picture on a screenshot of the gallery: what is not ground beside the ground at the left."""
    window = window_in(shot)
    if window is None:
        return None
    ground = [is_ground(pixel_at(window, left, y)) for y in range(window.height)]
    # The state is grey at the top, the footer is not dark either; between them is the ground.
    top = next((y for y in range(12, window.height) if ground[y]), None)
    if top is None:
        return None
    bottom = next((y for y in range(top, window.height) if not ground[y]), window.height)
    right = window.width - 24  # a scrollbar
    if bottom - top < 40 or right - left < 40:
        return None
    area = window.crop((left, top, right, bottom))
    box = area.point(lambda value: 255 if value > 15 else 0).convert("L").getbbox()
    return area.crop(box) if box is not None else None


def gallery_command(picture: Path, *arguments: str) -> list[str]:
    return [sys.executable, str(GALLERY), str(picture), *arguments]
