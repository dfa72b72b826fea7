"""A program on a pseudo-terminal, watched from outside: when it paints, how much it writes, what it costs."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Sequence

#: Answers to what a terminal is asked at start: device attributes, cursor position, modes, sizes.
_REPLIES = ((b"\x1b[c", b"\x1b[?62;4c"), (b"\x1b[6n", b"\x1b[1;1R"), (b"\x1b[?2026$p", b"\x1b[?2026;2$y"))


class Terminal:
    """Runs a command in a terminal of 80 columns and 24 lines."""

    def __init__(self, command: Sequence[str], *, size: tuple[int, int] = (80, 24)) -> None:
        self.started = time.monotonic()
        self.output = bytearray()
        self.ended = False
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
            os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # as installed: compiled once
            os.execvp(command[0], list(command))
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))

    def read(self, seconds: float) -> bytes:
        """Read what comes within so many seconds, as a terminal does."""
        end = time.monotonic() + seconds
        got = bytearray()
        while not self.ended and (left := end - time.monotonic()) > 0:
            got += self.read_some(left)
        return bytes(got)

    def read_until(self, word: bytes, seconds: float = 30.0) -> float:
        """Seconds from the start until the word was written."""
        end = time.monotonic() + seconds
        while word not in self.output:
            if self.ended or time.monotonic() > end:
                raise AssertionError(f"{word!r} was not written: {bytes(self.output[-500:])!r}")
            self.read_some(0.05)
        return time.monotonic() - self.started

    def read_some(self, seconds: float) -> bytes:
        """Wait for one piece of output and answer what it asks."""
        if not select.select([self._fd], [], [], seconds)[0]:
            return b""
        try:
            chunk = os.read(self._fd, 65536)
        except OSError:
            chunk = b""
        if not chunk:
            self.ended = True
            return b""
        for question, answer in _REPLIES:
            if question in chunk:
                os.write(self._fd, answer)
        self.output += chunk
        return chunk

    def write(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._fd, keys)

    def cpu_s(self) -> float:
        """Seconds of processor time used so far."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """End the program."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._fd)
