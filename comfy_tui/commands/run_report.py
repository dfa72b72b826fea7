"""What ``comfy-tui run`` says while it follows: events for a script, or words and a line that moves."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comfy_tui.comfy.types import ExecutionError, OutputFile, OutputText
from comfy_tui.commands.common import say, tell
from comfy_tui.errors import ComfyError
from comfy_tui.monitor.state import Progress
from comfy_tui.text import cell_len, clean, count_of, format_duration, printable, shorten

#: Progress is told at most so often, in seconds.
STEP_S = 0.25
#: More copies than this are not named one by one.
_NAMED_COPIES = 20
_BAR = 20
_SHOWN_TEXT = 1000
_SHOWN_LINES = 20


@dataclass(slots=True)
class Copy:
    """One queued prompt and what is known of it.  ``state`` is empty until it has ended."""

    prompt_id: str
    number: int
    of: int
    started_s: float | None = None
    took_s: float | None = None
    state: str = ""

    @property
    def words(self) -> str:
        """How to call it."""
        which = f"copy {self.number} of {self.of}, " if self.of > 1 else ""
        return f"{which}{clean(self.prompt_id, 40)}"


_STATES = {
    "interrupted": "interrupted on the server, not from here",
    "lost": "the server does not have it any more",
    "rejected": "not queued",
    "not_sent": "not sent",
    "unknown": "it is not known whether it is queued",
}


class Report:
    """Takes what happens; says nothing."""

    def queued(
        self, copy: Copy, number: float | None, seeds: dict[str, Any], left_out: Sequence[str]
    ) -> None:
        """The server took it, but for what it will leave out."""

    def waiting(self, copy: Copy, before: int) -> None:
        """It waits behind others."""

    def started(self, copy: Copy) -> None:
        """It began to run."""

    def node(self, copy: Copy, class_type: str, progress: Progress) -> None:
        """A node began."""

    def progress(self, copy: Copy, progress: Progress) -> None:
        """A node came on; called often."""

    def output(self, copy: Copy, file: OutputFile, url: str, path: Path | None) -> None:
        """A file was made; ``path`` where it is saved."""

    def text(self, copy: Copy, text: OutputText) -> None:
        """A text was made."""

    def ended(self, copy: Copy, error: ComfyError | ExecutionError | None, title: str = "") -> None:
        """It has the state that ``copy`` says; ``title`` is that of the node which failed."""

    def tick(self) -> None:
        """Some time has passed."""

    def clear(self) -> None:
        """Something else is about to be said."""


class EventReport(Report):
    """A JSON object a line on stdout."""

    def __init__(self) -> None:
        self._next_s = 0.0

    def queued(
        self, copy: Copy, number: float | None, seeds: dict[str, Any], left_out: Sequence[str]
    ) -> None:
        """See :class:`Report`."""
        more = {"copy": copy.number, "copies": copy.of, "number": number, "seeds": seeds}
        self._tell("queued", copy, **more, left_out=list(left_out))

    def started(self, copy: Copy) -> None:
        """See :class:`Report`."""
        self._tell("started", copy)

    def node(self, copy: Copy, class_type: str, progress: Progress) -> None:
        """See :class:`Report`."""
        named = {"node_id": progress.node_id, "class_type": class_type, "title": progress.node_title}
        self._tell("node", copy, **named, nodes_done=progress.nodes_done, nodes_total=progress.nodes_total)

    def progress(self, copy: Copy, progress: Progress) -> None:
        """See :class:`Report`; the last step is always told, a node of one step has none."""
        now = time.monotonic()
        if progress.max <= 1 or (now < self._next_s and progress.value < progress.max):
            return
        self._next_s = now + STEP_S
        self._tell(
            "progress",
            copy,
            node_id=progress.node_id,
            value=progress.value,
            max=progress.max,
            nodes_done=progress.nodes_done,
            nodes_total=progress.nodes_total,
        )

    def output(self, copy: Copy, file: OutputFile, url: str, path: Path | None) -> None:
        """See :class:`Report`."""
        place = {"filename": file.filename, "subfolder": file.subfolder, "type": file.type, "url": url}
        saved = None if path is None else str(path)
        self._tell("output", copy, node_id=file.node_id, **place, path=saved, text=None)

    def text(self, copy: Copy, text: OutputText) -> None:
        """See :class:`Report`."""
        nothing = dict.fromkeys(("filename", "subfolder", "type", "url", "path"))
        self._tell("output", copy, node_id=text.node_id, **nothing, text=text.text)

    def ended(self, copy: Copy, error: ComfyError | ExecutionError | None, title: str = "") -> None:
        """See :class:`Report`."""
        took = None if copy.took_s is None else round(copy.took_s, 2)
        self._tell("ended", copy, state=copy.state, error=_error(error, title), elapsed_s=took)

    def _tell(self, event: str, copy: Copy, /, **more: Any) -> None:
        # ASCII: whatever the server said, no byte of it acts on a terminal.
        tell(json.dumps({"event": event, "prompt_id": copy.prompt_id, **more}))


def _error(error: ComfyError | ExecutionError | None, title: str) -> dict[str, Any] | None:
    if error is None:
        return None
    if isinstance(error, ComfyError):
        words = {"type": error.code, "message": str(error)}
        return {"node_id": None, "class_type": None, "title": None, **words}
    node = {"node_id": error.node_id, "class_type": error.class_type, "title": title or None}
    return {**node, "type": error.exception_type, "message": error.message}


class WordReport(Report):
    """Words on stderr, files on stdout, and on a terminal a line that moves."""

    def __init__(self, line: Line | None, *, saves: bool) -> None:
        self._line = line
        self._saves = saves
        self._copy: Copy | None = None
        self._text = ""
        self._told: set[str] = set()

    def queued(
        self, copy: Copy, number: float | None, seeds: dict[str, Any], left_out: Sequence[str]
    ) -> None:
        """See :class:`Report`."""
        if copy.of <= _NAMED_COPIES:
            which = f"copy {copy.number} of {copy.of} queued as " if copy.of > 1 else "queued as "
            seed = next(iter(seeds.values()), None)
            self._say(which + copy.prompt_id + (f", seed {seed}" if seed is not None else ""))
        elif copy.number == copy.of:
            self._say(f"{copy.of} copies queued")
        for words in left_out:
            if words not in self._told:
                self._told.add(words)
                self._say(f"the server leaves out a part: {words}")

    def waiting(self, copy: Copy, before: int) -> None:
        """See :class:`Report`."""
        words = f"waits behind {count_of(before, 'job')}"
        if self._line is None and copy.number == 1 and before and copy.prompt_id not in self._told:
            self._told.add(copy.prompt_id)
            self._say(words)
        self._show(copy, words if before else "is next")

    def started(self, copy: Copy) -> None:
        """See :class:`Report`."""
        self._show(copy, "runs")

    def progress(self, copy: Copy, progress: Progress) -> None:
        """See :class:`Report`."""
        part = min(1.0, progress.value / progress.max) if progress.max > 0 else 0.0
        full = round(part * _BAR)
        parts = [f"[{'#' * full}{'-' * (_BAR - full)}] {progress.node_title}"]
        if progress.max > 1:
            parts.append(f"{progress.value:g}/{progress.max:g}")
        if progress.nodes_total:
            parts.append(f"{progress.nodes_done} of {count_of(progress.nodes_total, 'node')}")
        self._show(copy, "  ".join(parts))

    def output(self, copy: Copy, file: OutputFile, url: str, path: Path | None) -> None:
        """See :class:`Report`."""
        if path is None and self._saves:
            self._say(f"it stays on the server: {url}")
            return
        self.clear()
        # A path is data: as it is, but for what would break the line or act on a terminal.
        tell(printable(path, 8192) if path is not None else url)

    def text(self, copy: Copy, text: OutputText) -> None:
        """See :class:`Report`."""
        self._say(f"text from node {text.node_id}: {clean(text.text, _SHOWN_TEXT)}")

    def ended(self, copy: Copy, error: ComfyError | ExecutionError | None, title: str = "") -> None:
        """See :class:`Report`."""
        if copy.state == "left":  # that was said for all of them together
            return
        took = "" if copy.took_s is None else f" after {format_duration(copy.took_s)}"
        self._say(f"{copy.words}: {_STATES.get(copy.state, copy.state)}{took}")
        if isinstance(error, ExecutionError):
            where = f"node {clean(error.node_id or '?', 40)} {clean(error.class_type or '', 60)}".rstrip()
            called = f' "{clean(title, 60)}"' if title and title != error.class_type else ""
            self._say(f"{where}{called}: {error.exception_type}: {error.message}")
        elif error is not None:
            for line in str(error).splitlines()[:_SHOWN_LINES]:
                self._say(line)
            if error.hint:
                self._say(error.hint)

    def tick(self) -> None:
        """Draw the line again: the time goes on."""
        if self._line is not None and self._copy is not None and self._copy.state == "":
            self._line.draw(self._full())

    def clear(self) -> None:
        """Take the line away."""
        if self._line is not None:
            self._line.clear()

    def _show(self, copy: Copy, text: str) -> None:
        changed = copy is not self._copy
        self._copy, self._text = copy, text
        if self._line is not None and (changed or self._line.is_due):
            self._line.draw(self._full())

    def _full(self) -> str:
        assert self._copy is not None
        which = f"{self._copy.number}/{self._copy.of}  " if self._copy.of > 1 else ""
        started = self._copy.started_s
        seconds = 0 if started is None else int(time.monotonic() - started)
        took = format_duration(seconds) if seconds >= 10 else f"{seconds}s"
        return f"{which}{self._text}{'' if started is None else f'  {took}'}"

    def _say(self, words: str) -> None:
        self.clear()
        say(words)


class Line:
    """One line of a terminal that is drawn over and over, with nothing but carriage returns."""

    def __init__(self) -> None:
        self._drawn = ""
        self._at_s = 0.0

    @property
    def is_due(self) -> bool:
        """Whether it was not drawn just now."""
        return time.monotonic() - self._at_s >= STEP_S

    def draw(self, text: str) -> None:
        """Show a text instead of the one before."""
        text = shorten(clean(text), _width() - 1)
        self._at_s = time.monotonic()
        if text == self._drawn:
            return
        rest = max(0, cell_len(self._drawn) - cell_len(text))
        self._write(f"\r{text}{' ' * rest}")
        self._drawn = text

    def clear(self) -> None:
        """Leave an empty line."""
        if self._drawn:
            self._write(f"\r{' ' * cell_len(self._drawn)}\r")
            self._drawn = ""

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()


def _width() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def make_report(*, as_json: bool, saves: bool) -> Report:
    """The report that suits who reads: a script, a person at a terminal, or a log."""
    if as_json:
        return EventReport()
    return WordReport(Line() if sys.stderr.isatty() else None, saves=saves)
