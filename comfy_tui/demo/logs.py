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
        entry = {"t": datetime.datetime.now().isoformat(), "m": text + "\n"}
        with self._lock:
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
