"""The lines of a server's log, put together from the pieces in which it was written; bounded.

A piece is what one ``write`` was given: a line, a part of one, or a progress bar that begins with a carriage
return and overwrites the one before it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum

from comfy_tui.comfy.events import LogEntry
from comfy_tui.masking import mask_text
from comfy_tui.monitor.logs.ansi import Span, read_ansi

MAX_LINES = 5_000
MAX_CHARACTERS = 2_000_000
#: A longer line is cut: a tensor or a whole picture may have been printed.
LINE_LIMIT = 2_000
#: Pieces that are remembered, to know them again: the server keeps 300.
_KNOWN = 2_000


class Level(IntEnum):
    """How grave a line is."""

    DEBUG = 0
    INFO = 1
    WARNING = 2
    ERROR = 3


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line, clean.  ``number`` grows by one from line to line and is never given twice.

    ``clock`` is the server's own time of day; ``at`` its whole ISO time.  ``note`` marks a line of ours.
    """

    number: int
    at: str
    text: str
    level: Level = Level.INFO
    spans: tuple[Span, ...] = ()
    is_bar: bool = False
    note: bool = False

    @property
    def clock(self) -> str:
        """The time of day, as the server's clock showed it."""
        return self.at[11:19]


class LogBook:
    """Takes pieces in, keeps lines.

    Attributes:
        lines: oldest first.
        changed_from: the number of the first line that is another one since :meth:`take_changes`.
    """

    def __init__(self, *, max_lines: int = MAX_LINES, max_characters: int = MAX_CHARACTERS) -> None:
        self.lines: deque[LogLine] = deque()
        self._max_lines = max_lines
        self._max_characters = max_characters
        self._characters = 0
        self._next = 0
        #: The unfinished last line as it was written, escape sequences and all.
        self._open = ""
        self._open_is_bar = False
        #: Whether the last line is unfinished.
        self._is_open = False
        self._in_traceback = False
        #: Pieces by their time and a hash of their text: a piece may be 64 kB.
        self._known: dict[tuple[str, int], None] = {}
        self.changed_from: int | None = None

    # -- pieces --------------------------------------------------------------------------------

    def take_whole(self, entries: Iterable[LogEntry]) -> None:
        """Add what is new in an answer that holds all that the server keeps."""
        pieces = tuple(entries)
        new = [entry for entry in pieces if _mark(entry) not in self._known]
        if self._known and pieces and len(new) == len(pieces):
            # Nothing of what was known is there: between the two answers something may lie.
            began_anew = len(pieces) < 250
            self.add_note(
                "the server's log begins anew: ComfyUI was started again"
                if began_anew
                else "more was written than the server keeps: lines are missing here"
            )
        self._take(new)

    def take_live(self, entries: Iterable[LogEntry]) -> None:
        """Add pieces as they are written."""
        self._take([entry for entry in entries if _mark(entry) not in self._known])

    def add_note(self, words: str) -> None:
        """A line of our own."""
        self._close()
        self._append(LogLine(self._next, "", f"── {words} ──", Level.WARNING, note=True))

    def _take(self, entries: list[LogEntry]) -> None:
        for entry in entries:
            self._known[_mark(entry)] = None
            self._write(entry.text, entry.at)
        while len(self._known) > _KNOWN:
            del self._known[next(iter(self._known))]

    def _write(self, text: str, at: str) -> None:
        if self._open and self._open_is_bar and text[:1] not in ("\r", "\n"):
            self._close()  # something else was written while the bar was going on
        parts = text.split("\n")
        for position, part in enumerate(parts):
            before, overwritten, kept = part.rstrip("\r").rpartition("\r")
            if overwritten and kept:
                self._open, self._open_is_bar = kept[: 4 * LINE_LIMIT], True
            elif part or position < len(parts) - 1:
                self._open = (self._open + (kept or before))[: 4 * LINE_LIMIT]
            ended = position < len(parts) - 1
            if self._open or ended:
                self._show(at)
            if ended:
                self._close()

    # -- lines ---------------------------------------------------------------------------------

    def _show(self, at: str) -> None:
        """The open line as it is now, in place of what it was."""
        text, spans = read_ansi(self._open, LINE_LIMIT)
        masked = mask_text(text)
        if masked != text:
            text, spans = masked, ()
        tail = self.lines[-1] if self.lines else None
        going_on = tail is not None and tail.number == self._next - 1 and self._is_open
        line = LogLine(self._next, at, text, self._level_of(text), spans, self._open_is_bar)
        if going_on and tail is not None:
            self._characters += len(text) - len(tail.text)
            self.lines[-1] = replace(line, number=tail.number)
            self._touch(tail.number)
        else:
            self._append(line)
            self._is_open = True

    def _append(self, line: LogLine) -> None:
        self.lines.append(line)
        self._next += 1
        self._characters += len(line.text)
        self._touch(line.number)
        while len(self.lines) > self._max_lines or self._characters > self._max_characters:
            self._characters -= len(self.lines.popleft().text)

    def _close(self) -> None:
        if self._open or self._is_open:
            text = self.lines[-1].text if self.lines else ""
            self._in_traceback = _goes_on(text, self._in_traceback)
        self._open, self._open_is_bar, self._is_open = "", False, False

    def _touch(self, number: int) -> None:
        self.changed_from = number if self.changed_from is None else min(self.changed_from, number)

    def _level_of(self, text: str) -> Level:
        return level_of(text, in_traceback=self._in_traceback)

    def take_changes(self) -> int | None:
        """The number of the first line that is new or another one since the last call; None: none is."""
        changed, self.changed_from = self.changed_from, None
        return changed


def _mark(entry: LogEntry) -> tuple[str, int]:
    return entry.at, hash(entry.text)


_TAG = re.compile(r"^\W{0,4}(DEBUG|INFO|WARNING|WARN|ERROR|CRITICAL|FATAL)\b\W", re.IGNORECASE)
_BAD = re.compile(
    r"!!! Exception during processing|^Traceback \(most recent call last\)|IMPORT FAILED"
    r"|^[\w.]{0,200}(?:Error|Exception)\b:|Got an OOM"
    r"|\[ERROR\]|out of memory|^ERROR\b|Cannot import .* module"
)
_WARN = re.compile(
    r"(?i)\bwarning\b|\bdeprecat|^invalid prompt|^failed to validate|^\W*WARN\b|Output will be ignored"
)
_TAGS = {
    "DEBUG": Level.DEBUG,
    "INFO": Level.INFO,
    "WARN": Level.WARNING,
    "WARNING": Level.WARNING,
    "ERROR": Level.ERROR,
    "CRITICAL": Level.ERROR,
    "FATAL": Level.ERROR,
}


def level_of(text: str, *, in_traceback: bool = False) -> Level:
    """How grave a line is: by its tag (new servers write one), else by its words."""
    if _BAD.search(text):
        return Level.ERROR
    found = _TAG.match(text)
    if found:
        return _TAGS[found[1].upper()]
    if in_traceback:
        return Level.ERROR
    return Level.WARNING if _WARN.search(text) else Level.INFO


def _goes_on(text: str, before: bool) -> bool:
    """Whether a traceback goes on after this line."""
    if "Traceback (most recent call last)" in text:
        return True
    # Frames are indented; the exception's own line, which is not, ends it.
    return before and (text.startswith((" ", "\t")) or not text)
