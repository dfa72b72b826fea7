"""Finds the row of the table for what failed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from comfy_tui.comfy.faults import FAULTS
from comfy_tui.comfy.types import ExecutionError, JobState
from comfy_tui.monitor.state import Problem
from comfy_tui.monitor.troubleshoot.table import CAUSES, Cause

#: More of a message is not searched: a tensor may be printed in it.
_SEARCHED = 20_000
_BY_ID: Mapping[str, Cause] = {cause.id: cause for cause in CAUSES}
#: Codes of :mod:`comfy_tui.errors` and the row that stands for them where nothing more is known.
_BY_CODE = {
    "prompt_rejected": "rejected",
    "unreachable": "refused_connection",
    "timeout": "timeout",
    "server_error": "server_error",
}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A row, and what it was found by."""

    cause: Cause
    #: The words of the message that decided; empty where it was the type, or no words.
    found_by: str = ""
    #: The model, input or other file that the message names.
    file: str = ""

    @property
    def is_known(self) -> bool:
        """Whether the table has a row for it."""
        return self.cause.id != "unknown"


def cause_of(cause_id: str) -> Cause:
    """The row of that id."""
    return _BY_ID[cause_id]


def diagnose(error: ExecutionError | None, state: JobState = JobState.FAILED) -> Diagnosis:
    """Why a job failed, by its exception.

    Args:
        error: what the server keeps of it.
        state: how the job ended: an interrupted one has no exception.
    """
    if state is JobState.CANCELLED:
        return Diagnosis(cause_of("interrupted"))
    if error is None:
        return Diagnosis(cause_of("unknown"))
    message = error.message[:_SEARCHED].strip()
    # A custom node's exception has the path of its file for a module.
    kind = error.exception_type.strip()
    for cause in CAUSES:
        types, messages = _patterns(cause.id)
        found = messages.search(message) if messages is not None else None
        # What a row says of a type must not swallow what a later row knows by its words better.
        if found is not None:
            return Diagnosis(cause, found.group(0)[:200], _file_in(message))
        if types is not None and types.search(kind):
            better = _by_words(message, after=cause) if cause.id in _LOOSE else None
            return better or Diagnosis(cause, "", _file_in(message))
    return Diagnosis(cause_of("unknown"), "", _file_in(message))


#: Rows whose types are so common that the words of a later row count for more.
_LOOSE = frozenset(("permission", "missing_node", "missing_input"))


def _by_words(message: str, *, after: Cause) -> Diagnosis | None:
    for cause in CAUSES[CAUSES.index(after) + 1 :]:
        messages = _patterns(cause.id)[1]
        found = messages.search(message) if messages is not None else None
        if found is not None:
            return Diagnosis(cause, found.group(0)[:200], _file_in(message))
    return None


def diagnose_problem(problem: Problem) -> Cause | None:
    """The row for a call that failed; None where there is none."""
    for fault in FAULTS.values():
        if (fault.title, fault.step) == (problem.title, problem.hint):
            return _BY_ID[fault.id]
    return _BY_ID.get(_BY_CODE.get(problem.code, ""))


@cache
def _patterns(cause_id: str) -> tuple[re.Pattern[str] | None, re.Pattern[str] | None]:
    cause = _BY_ID[cause_id]
    return _any_of(cause.types), _any_of(cause.messages)


def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str] | None:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE) if patterns else None


_FILE = re.compile(
    r"(?:filename|file|File path|directory|model type of)[:=]?\s*['\"]?([^'\"\n]{1,300}\.\w{2,12})"
)


def _file_in(message: str) -> str:
    """The file that a message names, where it names one."""
    found = _FILE.search(message)
    return found[1].strip() if found else ""
