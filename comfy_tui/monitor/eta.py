"""How fast steps come and how long the rest takes: arithmetic on what was seen, and None before it is known.

Times are seconds of a clock that the caller chooses; one that jumps back begins the measurement anew.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Literal

from comfy_tui.monitor.state import Job
from comfy_tui.text import format_duration

#: The rate is that of the last steps: as many as this, as long as this.
_WINDOW_STEPS = 32
_WINDOW_S = 20.0
#: So many steps after the first are seen before anything is said: the first one loads and warms up.
_KNOWN_AFTER = 2
#: A step that takes this many times the usual, and this long, is a halt: when it goes on is not known.
_HALT_TIMES = 6.0
_HALT_S = 5.0
#: How long a job has run is known well enough where it is off by at most this share of the whole.
_SLACK = 0.1


class StepRate:
    """The steps of one bar after the other: samplers in a row, each with its own measurement."""

    def __init__(self) -> None:
        self._bar: tuple[str, float] = ("", 0.0)
        #: When each value was first seen; the oldest first.
        self._seen: deque[tuple[float, float]] = deque(maxlen=_WINDOW_STEPS + 1)

    def clear(self) -> None:
        """Nothing is measured."""
        self._bar = ("", 0.0)
        self._seen.clear()

    def feed(self, bar: str, value: float, maximum: float, at_s: float) -> None:
        """A bar stands at ``value`` of ``maximum``.

        Args:
            bar: which one: another one, another maximum, or a value that went back begins anew.
            value: steps done.
            maximum: steps in all.
            at_s: when that was told.
        """
        last = self._seen[-1] if self._seen else None
        if (bar, maximum) != self._bar or last is None or value < last[1] or at_s < last[0]:
            self._bar = (bar, maximum)
            self._seen.clear()
            self._seen.append((at_s, value))
        elif value > last[1]:
            self._seen.append((at_s, value))

    @property
    def per_s(self) -> float | None:
        """Steps in a second, over the last ones; None while that is not known."""
        seen = list(self._seen)
        if seen and seen[0][1] <= 0:
            seen = seen[1:]  # before the first step there is loading
        if len(seen) <= _KNOWN_AFTER:
            return None
        end_s, end = seen[-1]
        young = [sample for sample in seen if end_s - sample[0] <= _WINDOW_S]
        begin_s, begin = (young if len(young) > _KNOWN_AFTER else seen[-_KNOWN_AFTER - 1 :])[0]
        spent = end_s - begin_s
        return (end - begin) / spent if spent > 0 else None

    def left_s(self, at_s: float) -> float | None:
        """Seconds until the bar is full; None where that is not known, or the steps have halted."""
        rate = self.per_s
        if not rate:
            return None
        last_s, value = self._seen[-1]
        since = at_s - last_s
        if since < 0 or since > max(_HALT_S, _HALT_TIMES / rate):
            return None
        left = max(0.0, (self._bar[1] - value) / rate - since)
        return left if math.isfinite(left) else None


@dataclass(frozen=True, slots=True)
class Eta:
    """Seconds that a job will still take, and by what that is said.

    ``median`` is of earlier runs of the workflow; ``steps`` is of the bar that runs, and so of its node only.
    """

    left_s: float
    basis: Literal["median", "steps"]


def eta(elapsed_s: float | None, usual_s: float | None, steps_left_s: float | None) -> Eta | None:
    """How long a job still takes; None while nothing is known of it.

    Args:
        elapsed_s: how long it has run.
        usual_s: the median of this workflow's earlier runs.
        steps_left_s: what the steps of its current node still take.
    """
    rest = usual_s - elapsed_s if usual_s is not None and elapsed_s is not None else None
    if rest is not None and rest > 0:
        # The node that runs cannot take longer than the job.
        return Eta(max(rest, steps_left_s or 0.0), "median")
    return Eta(steps_left_s, "steps") if steps_left_s is not None else None


def job_eta(job: Job, steps_left_s: float | None, now_s: float) -> Eta | None:
    """How long a running job still takes, as :func:`eta`; by its median only where it is known when it began.

    Args:
        job: the job.
        steps_left_s: what the steps of its current node still take.
        now_s: the time in Unix seconds.
    """
    slack_s = job.start_slack_s if job.start_is_bound else 0.0
    known = slack_s is not None and job.usual_s is not None and slack_s <= _SLACK * job.usual_s
    return eta(job.elapsed_s(now_s) if known else None, job.usual_s, steps_left_s)


def eta_text(found: Eta | None) -> str:
    """``ETA ~41s`` for the job, ``node ETA 8s`` for its node only, ``ETA --`` before it is known."""
    if found is None:
        return "ETA --"
    whole = format_duration(round(found.left_s)) if found.left_s >= 10 else f"{found.left_s:.0f}s"
    return f"ETA ~{whole}" if found.basis == "median" else f"node ETA {whole}"
