"""How far a long command is, on stderr, for a person at a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from comfy_tui.text import clean

_T = TypeVar("_T")
#: Work that takes less shows nothing.
PATIENCE_S = 0.5
_INTERVAL_S = 0.1


def track(items: Iterable[_T], total: int, verb: str) -> Iterator[_T]:
    """Give the items one by one; on a terminal tell how many are done, and wipe that at the end."""
    if not sys.stderr.isatty() or sys.stdout.isatty():
        # What goes to the terminal anyway shows the progress, and would be torn apart by it.
        yield from items
        return
    next_at = time.monotonic() + PATIENCE_S
    shown = False
    for done, item in enumerate(items):
        now = time.monotonic()
        if now >= next_at:
            sys.stderr.write(f"\r\x1b[K{clean(verb)} {done + 1} of {total}")
            sys.stderr.flush()
            shown, next_at = True, now + _INTERVAL_S
        yield item
    if shown:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
