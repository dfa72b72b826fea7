"""JSON from outside, read only where it does not grow out of all proportion in memory.

An empty list takes three bytes of text and 64 of memory: gzip makes 128 kB of what fills gigabytes here.
"""

from __future__ import annotations

import json
from typing import Any

#: What servers send has a value in 16 to 30 bytes: so many make a hundred megabytes of text.
MOST_VALUES = 6_000_000
#: So much is counted in one go: about a millisecond of work.
_SLICE = 1024 * 1024


class TooManyValues(ValueError):
    """The text holds more values than are read."""


def check_weight(text: str | bytes) -> None:
    """Count what separates values, also where it stands within texts.

    Raises:
        TooManyValues: there may be more than are read.
    """
    if len(text) <= MOST_VALUES:
        return
    count = 0
    for start in range(0, len(text), _SLICE):  # other threads get their turn between two
        end = start + _SLICE
        if isinstance(text, str):
            count += sum(text.count(mark, start, end) for mark in ",[{")
        else:
            count += sum(text.count(mark, start, end) for mark in b",[{")
        if count > MOST_VALUES:
            raise TooManyValues(f"it holds more than {MOST_VALUES // 1_000_000} million values")


def loads(text: str | bytes, **options: Any) -> Any:
    """As :func:`json.loads`.

    Raises:
        TooManyValues: there may be more values in it than are read.
        ValueError, RecursionError: it is not JSON, or too deep.
    """
    check_weight(text)
    return json.loads(text, **options)
