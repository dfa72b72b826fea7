"""Steps in a server's log: the bars that samplers print, for jobs whose events are told to somebody else."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from comfy_tui.comfy.events import LogEntry

#: ``35%|###5      | 7/20 [00:03<00:05,  2.31it/s]``, as tqdm writes it; bars of bytes (``1.2G/3G``) are none.
_BAR = re.compile(
    r"(\d{1,3})%\|[^|]{0,200}\|\s*(\d{1,7})/(\d{1,7}) \[[^,\]]{1,40}(?:,\s*(\d{1,7}(?:\.\d+)?)(it/s|s/it))?"
)
#: What is looked at of one entry: its end, where the newest bar stands.
_LOOK_CHARS = 2000


@dataclass(frozen=True, slots=True)
class LogStep:
    """A bar in the log; the rate is as the log said it."""

    value: int
    max: int
    per_s: float | None


def last_step(entries: Iterable[LogEntry]) -> LogStep | None:
    """The newest bar in pieces of a log; None without one."""
    found = None
    for entry in entries:
        for match in _BAR.finditer(entry.text[-_LOOK_CHARS:]):
            found = match
    if found is None:
        return None
    value, maximum = int(found[2]), int(found[3])
    if maximum < 1 or value > maximum:
        return None
    rate = float(found[4]) if found[4] else 0.0
    if rate and found[5] == "s/it":
        rate = 1.0 / rate
    return LogStep(value, maximum, rate or None)
