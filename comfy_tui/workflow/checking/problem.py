"""What the single checks find, before it is known whether the node matters (:mod:`.walk` decides that)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from comfy_tui.workflow.diagnostic import Severity

RAISES = "exception"
"""Stands for the server's two exception types; which one depends on the node being an output."""

_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in one node; ``severity`` is what it has at most, if the node is needed."""

    code: str
    message: str
    input: str | None = None
    suggestions: tuple[str, ...] = ()
    hint: str | None = None
    severity: Severity = Severity.ERROR


@dataclass(slots=True)
class NodeReport:
    """What checking one node gave.

    Attributes:
        problems: in the order of the declared inputs.
        follows: the node ids that the server goes on to from here.
        undeclared: link inputs that the class does not declare, with the id each points at.
        unknown_files: what its loader loads, where it is not known whether the server has it.
        missing_files: what its loader loads, where the server does not have it.
    """

    problems: list[Problem] = field(default_factory=list)
    follows: list[str] = field(default_factory=list)
    undeclared: list[tuple[str, str]] = field(default_factory=list)
    unknown_files: list[tuple[str, str]] = field(default_factory=list)
    missing_files: list[tuple[str, str]] = field(default_factory=list)


def brief(value: Any) -> str:
    """A JSON value in a few words, never deep and never long."""
    if isinstance(value, str):
        text = value if len(value) <= _SHOWN else value[: _SHOWN - 1] + "…"
        return f'"{text}"'
    if isinstance(value, list):
        return f"a list of {len(value)}" if value else "an empty list"
    if isinstance(value, dict):
        return "an object"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int) and value.bit_length() > 200:
        return "a number of very many digits"
    return str(value)[:_SHOWN]


def is_link(value: Any) -> bool:
    """Whether the worker takes a value for a link: stricter than the check, for which any list is one."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], (int, float))
    )
