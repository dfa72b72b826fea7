"""A program in the emulator's terminal: started, pressed, resized, watched until it shows something."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence

from PIL import Image, ImageChops, ImageStat

from emulator import Emulator

PATIENCE_S = 20.0


class Emulated:
    """A command on a pseudo-terminal that the emulator reads."""

    def __init__(
        self, emulator: Emulator, command: Sequence[str], environ: Mapping[str, str], *, delay_s: float = 0.0
    ) -> None:
        self.emulator = emulator
        self.written = 0
        self.raw = bytearray()
        self.ended = False
        self._delay_s = delay_s
        self._answers: list[tuple[float, bytes]] = []
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            # The size is set by the parent before the program asks for it.
            os.read(0, 1)
            # Not what C libraries put into their own environment: readline sets COLUMNS.
            os.execvpe(command[0], list(command), {**os.environ, **environ})
        self._set_size()
        os.write(self._fd, b"\n")

    def _set_size(self) -> None:
        e = self.emulator
        packed = struct.pack("HHHH", e.lines, e.columns, e.columns * e.cell[0], e.lines * e.cell[1])
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, packed)

    def resize(self, columns: int, lines: int) -> None:
        self.emulator.resize(columns, lines)
        self._set_size()

    def press(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def pump(self, seconds: float) -> None:
        """Read and answer for so long."""
        end = time.monotonic() + seconds
        while not self.ended and (left := end - time.monotonic()) > 0:
            while self._answers and self._answers[0][0] <= time.monotonic():
                os.write(self._fd, self._answers.pop(0)[1])
            if not select.select([self._fd], [], [], min(left, 0.02))[0]:
                continue
            try:
                chunk = os.read(self._fd, 65536)
            except OSError:
                chunk = b""
            if not chunk:
                self.ended = True
                return
            self.written += len(chunk)
            self.raw += chunk
            for answer in self.emulator.feed(chunk):
                self._answers.append((time.monotonic() + self._delay_s, answer))

    def until(self, condition: Callable[[], object], what: str = "", patience_s: float = PATIENCE_S) -> None:
        end = time.monotonic() + patience_s
        while not condition():
            assert not self.ended or condition(), (
                f"it ended before {what}:\n{self.emulator.main_text[-2000:]}"
            )
            assert time.monotonic() < end, (
                f"waited in vain for {what}:\n{self.emulator.text()}\n{bytes(self.raw[-300:])!r}"
            )
            self.pump(0.05)

    def see(self, *words: str) -> None:
        self.until(lambda: all(word in self.emulator.text() for word in words), f"{words}")

    def settle(self) -> None:
        """Until nothing has been written for a moment."""
        before = -1
        while before != self.written:
            before = self.written
            self.pump(0.25)

    def kill(self, number: int = signal.SIGKILL) -> None:
        os.kill(self.pid, number)

    def close(self) -> None:
        if not self.ended:
            self.kill()
        os.waitpid(self.pid, 0)
        os.close(self._fd)


def box_of(shot: Image.Image, ground: tuple[int, int, int]) -> tuple[int, int, int, int] | None:
    """The box of everything that is not ground."""
    return ImageChops.difference(shot, Image.new("RGB", shot.size, ground)).getbbox()


def region_errors(shot: Image.Image, source: Image.Image, across: int = 8, down: int = 8) -> list[float]:
    """For each region of a grid, how far its mean colour is from the source's (0 to 255)."""
    source = source.convert("RGB").resize(shot.size, Image.Resampling.BOX)
    errors = []
    for row in range(down):
        for column in range(across):
            box = (
                column * shot.width // across,
                row * shot.height // down,
                (column + 1) * shot.width // across,
                (row + 1) * shot.height // down,
            )
            one, other = (ImageStat.Stat(image.crop(box)).mean for image in (shot, source))
            errors.append(max(abs(a - b) for a, b in zip(one, other, strict=True)))
    return errors
