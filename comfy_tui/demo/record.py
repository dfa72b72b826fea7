"""Every prompt that a demo server ever took, through all its lives: what a client's story is held against."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Fate(StrEnum):
    """What became of a prompt."""

    WAITING = "waiting"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    #: Taken out of the queue by a client.
    REMOVED = "removed"
    #: The server ended while it waited or ran.
    FORGOTTEN = "forgotten"


@dataclass
class Taken:
    """One prompt, taken once.

    Attributes:
        life: the server's start, counted from 1, in which that was.
        ran: whether it began to run.
    """

    life: int
    prompt_id: str
    prompt: dict[str, Any] = field(repr=False)
    fate: Fate = Fate.WAITING
    ran: bool = False


class Record:
    """The prompts in the order in which they were taken.  A restart adds to it and forgets nothing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: list[Taken] = []
        #: How often the server has started.
        self.life = 0

    def take(self, prompt_id: str, prompt: dict[str, Any]) -> Taken:
        """A prompt was accepted."""
        taken = Taken(self.life, prompt_id, prompt)
        with self._lock:
            self._taken.append(taken)
        return taken

    @property
    def taken(self) -> tuple[Taken, ...]:
        """All of them so far."""
        with self._lock:
            return tuple(self._taken)
