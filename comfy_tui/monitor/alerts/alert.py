"""One alert."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Alert:
    """A rule that came true.  Its words are clean and of one line.

    ``cause`` is what it is given once for; ``toasted`` tells that the console has shown it already.
    """

    rule: str
    cause: str
    title: str
    message: str
    severity: str = "information"
    server: str = ""
    prompt_id: str = ""
    toasted: bool = False
