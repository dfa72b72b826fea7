"""Whether a server was started again since its jobs were last read: by evidence, said as evidence.

A restart empties the queue and the history and begins the job numbers anew; so does a person, in part.
What tells them apart: the line of the start in the server's log, the numbers, and whether it was away.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.errors import ApiError, Refused
from comfy_tui.monitor.state import Jobs
from comfy_tui.text import clean

#: Written once by every start, when the server listens (and once more for each further address).
_STARTED = re.compile(r"(?:^|\s|m)To see (?:the GUI|it) go to: https?://")
#: What stands for a log in which no start is to be seen any more.
NO_START = "-"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known: started again (True), not (False), or neither (None); and the evidence."""

    restarted: bool | None
    #: It was away, nobody looked, or its history is empty: it may have been started again.
    doubtful: bool
    words: str

    @property
    def lost(self) -> bool:
        """Whether jobs that are listed nowhere are to be called lost with the server's memory."""
        return self.restarted is True or (self.restarted is None and self.doubtful)


class Lifetime:
    """Follows one server's life.

    Args:
        client: the server.
        interval_s: seconds between two looks.
        clock: the time in Unix seconds.
    """

    def __init__(
        self, client: ComfyClient, *, interval_s: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._client = client
        self._interval_s = interval_s
        self._clock = clock
        #: The time of the newest start in the server's log, as the server wrote it.
        self._mark = ""
        self._top = -1
        self._ended: frozenset[str] = frozenset()
        #: All that was listed in the last answer.
        self._known: frozenset[str] = frozenset()
        self._last_s: float | None = None
        self._away: tuple[float, float, str] | None = None
        self._is_new = True

    # -- what is kept over a restart of the console --------------------------------------------

    def restore(self, facts: Mapping[str, str]) -> None:
        """Go on where an earlier console was."""
        self._is_new = True
        self._mark = facts.get("started", "")
        with_number = facts.get("top_number", "")
        self._top = int(with_number) if with_number.isdigit() else -1
        watched = facts.get("watched_at", "")
        if watched.replace(".", "", 1).isdigit():
            self._last_s = float(watched)

    def facts(self) -> dict[str, str]:
        """What the next console is to know."""
        return {
            "started": self._mark,
            "top_number": str(self._top),
            "watched_at": f"{self._clock():.0f}",
        }

    # -- watching ------------------------------------------------------------------------------

    def missed(self, why: str) -> None:
        """It did not answer now."""
        now_s = self._clock()
        since_s = self._away[0] if self._away else now_s
        self._away = (since_s, now_s, why)

    def gap(self, asked_at_s: float) -> str:
        """How long nobody knew of it before this answer, in words; empty where it was watched."""
        if self._away is not None:
            since_s, until_s, why = self._away
            return (
                f"it did not answer from {_clock_words(since_s)} to {_clock_words(max(until_s, asked_at_s))} "
                f"({clean(why, 80)})"
            )
        if self._last_s is not None and asked_at_s - self._last_s > 3 * self._interval_s + 5:
            return f"nobody looked from {_clock_words(self._last_s)} to {_clock_words(asked_at_s)}"
        return ""

    @property
    def unsure(self) -> bool:
        """Whether its log is to be read although nothing is missing: it may be another one now."""
        return self._is_new or self._away is not None

    async def judge(self, jobs: Jobs, asked_at_s: float) -> Verdict:
        """Say whether it was started again before this answer; looks into its log."""
        gap = self.gap(asked_at_s)
        (now, unread), before = await self._read_mark(), self._mark
        evidence: list[str] = []
        restarted: bool | None = None
        if now not in ("", NO_START) and before:
            restarted = now != before
            when = now.replace("T", " ")[:19]
            if restarted:
                evidence.append(f"its log says that it was started at {clean(when)}")
            else:
                evidence.append(f"by its log it runs since {clean(when)}")
        # Of new jobs only: the one with the highest number may have been taken out.
        active = [job for job in (*jobs.running, *jobs.pending) if job.number >= 0]
        numbers = [job.number for job in active if job.prompt_id not in self._known]
        if restarted is not False and not self._is_new and numbers and self._top >= min(numbers):
            restarted = True
            evidence.append(
                f"its job numbers begin again (a new one has {min(numbers):g}, {self._top} before)"
            )
        forgotten = bool(self._ended) and not self._ended & {job.prompt_id for job in jobs.ended}
        if forgotten:
            evidence.append("its history was emptied")
        # What its log says now tells nothing of the time before it was first read.
        unread = unread or (bool(now) and not before)
        if gap:
            evidence.append(gap)
        elif restarted is None and not unread:
            evidence.append("it answered all the time")
        doubtful = bool(gap) or forgotten or unread
        if restarted is None and doubtful:
            why = "its log had not been read before" if now else "its log cannot be read"
            if now and before:
                why = "no start is to be seen in its log"
            evidence.append(f"whether it was started again or somebody took them out is not known: {why}")
        if now:
            self._mark = now
        if restarted:
            self._top = -1
        return Verdict(restarted, doubtful, "; ".join(evidence))

    def answered(self, jobs: Jobs, asked_at_s: float) -> bool:
        """It answered and everything was judged; returns whether there is something new to remember."""
        before = self._top
        listed = (*jobs.running, *jobs.pending, *jobs.ended)
        whole = [int(job.number) for job in listed if job.number >= 0 and job.number == int(job.number)]
        self._top = max([self._top, *whole])
        self._ended = frozenset(job.prompt_id for job in jobs.ended)
        self._known = frozenset(job.prompt_id for job in listed)
        new = self._is_new or self._away is not None or before != self._top
        self._last_s, self._away, self._is_new = asked_at_s, None, False
        return new

    async def _read_mark(self) -> tuple[str, bool]:
        """The mark, or nothing; and whether it could be had another time."""
        try:
            entries = await self._client.log_entries()
        except ApiError as error:
            return "", not isinstance(error, Refused)
        starts = [entry.at for entry in entries if _STARTED.search(entry.text)]
        return (starts[-1][:40] if starts else NO_START), False


def _clock_words(at_s: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at_s))
