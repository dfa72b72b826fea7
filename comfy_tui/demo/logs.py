"""The last words of the server, for the log routes and for those who subscribed."""

from __future__ import annotations

import datetime
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

_COLOURS = {"INFO": 32, "WARNING": 33, "ERROR": 31}


class Logs:
    """A ring of the last 300 writes, coloured like the version that is played.

    Args:
        legacy: plain text instead of ANSI colours.
        dress: what to do to each text (hostile mode).
    """

    def __init__(self, legacy: bool, dress: Callable[[str], str]) -> None:
        self._legacy = legacy
        self._dress = dress
        self._lock = threading.Lock()
        self._entries: deque[dict[str, str]] = deque(maxlen=300)
        self.subscribers: set[str] = set()
        self.on_write: Callable[[dict[str, str]], None] = lambda entry: None

    def write(self, text: str, level: str = "INFO") -> None:
        """Add one chunk."""
        text = self._dress(text)
        if not self._legacy:
            text = f"\x1b[{_COLOURS.get(level, 32)}m[{level}]\x1b[0m {text}"
        self.write_raw(text + "\n")

    def write_raw(self, text: str) -> None:
        """Add a chunk as it is; a carriage return at its begin overwrites an unfinished one."""
        entry = {"t": datetime.datetime.now().isoformat(), "m": text}
        with self._lock:
            if text.startswith("\r") and self._entries and not self._entries[-1]["m"].endswith("\n"):
                self._entries.pop()
            self._entries.append(entry)
        self.on_write(entry)

    def bar(self, value: int, maximum: int, elapsed_s: float) -> None:
        """A progress bar as samplers print it, on the line of the one before."""
        part = value / maximum
        drawn = "#" * round(10 * part)
        rate = value / elapsed_s if elapsed_s > 0 else 0.0
        times = f"[{int(elapsed_s) // 60:02}:{int(elapsed_s) % 60:02}<00:00, {rate:5.2f}it/s]"
        self.write_raw(f"\r{100 * part:3.0f}%|{drawn:<10}| {value}/{maximum} {times}")
        if value >= maximum:
            self.write_raw("\n")

    def write_bar(self, text: str) -> None:
        """Write a bar over the one before, as tqdm does: one place of the ring, and no line's end."""
        entry = {"t": datetime.datetime.now().isoformat(), "m": f"\r{text}"}
        with self._lock:
            if self._entries and self._entries[-1]["m"].startswith("\r"):
                self._entries.pop()
            self._entries.append(entry)
        self.on_write(entry)

    def entries(self) -> list[dict[str, str]]:
        """All kept chunks, oldest first."""
        with self._lock:
            return list(self._entries)

    def text(self) -> str:
        """The chunks as one text, each with its time."""
        return "".join(f"{entry['t']} - {entry['m']}" for entry in self.entries())

    def raw(self) -> dict[str, Any]:
        """What ``/internal/logs/raw`` shows."""
        return {"entries": self.entries(), "size": {"cols": 80, "rows": 24}}
