"""Facts as lines of words: what is known of a file that is not drawn."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is known, such as ``duration`` ``4.2 s``; may be the file's own words, not cleaned."""

    name: str
    value: str


def seconds(value: float) -> str:
    """A length in time: ``4.2 s``, ``3:07``."""
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"
