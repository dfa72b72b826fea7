"""What a look at one thing found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How it stands with a thing."""

    OK = "ok"
    #: Nothing is wrong: a fact.
    NOTE = "note"
    #: It works, and could be better.
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; texts from outside are not clean yet."""

    id: str
    title: str
    state: State
    found: str
    #: What to do, in words; empty where nothing is to be done.
    remedy: str = ""
    #: Lines to add to a file, as they are.
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """Things that belong together."""

    id: str
    title: str
    checks: tuple[Check, ...]


def worst(sections: Iterable[Section]) -> State:
    """The worst state of all."""
    order = list(State)
    states = [check.state for section in sections for check in section.checks]
    return max(states, key=order.index, default=State.OK)
