"""What speaks for a restart of the server, and what does not."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.events import LogEntry
from comfy_tui.comfy.types import JobState
from comfy_tui.config import profile_from_url
from comfy_tui.errors import ApiError, Refused, ServerError
from comfy_tui.monitor.lifetime import Lifetime
from comfy_tui.monitor.state import Job, Jobs


class Logs(ComfyClient):
    """A server of which only the log is read."""

    def __init__(self) -> None:
        super().__init__(profile_from_url("http://127.0.0.1:9"))
        self.said: str | ApiError = ""

    async def log_entries(self) -> tuple[LogEntry, ...]:
        if isinstance(self.said, ApiError):
            raise self.said
        text = "To see the GUI go to: http://127.0.0.1:8188" if self.said else "anything"
        return (LogEntry(self.said, text),)


def waiting(numbers: Iterable[int]) -> Jobs:
    return Jobs(pending=tuple(Job(f"id-{n}", JobState.PENDING, float(n), "t", ours=True) for n in numbers))


class Watched:
    def __init__(self, logs: Logs) -> None:
        self.lifetime = Lifetime(logs, interval_s=5.0, clock=lambda: self.now_s)
        self.now_s = 1_000.0

    async def judge(self, jobs: Jobs) -> tuple[bool | None, bool, str]:
        self.now_s += 5
        verdict = await self.lifetime.judge(jobs, self.now_s)
        self.lifetime.answered(jobs, self.now_s)
        return verdict.restarted, verdict.lost, verdict.words


async def test_the_newest_job_taken_out_is_no_restart() -> None:
    """The start is not in the log any more, as after some hours."""
    watched = Watched(Logs())
    await watched.judge(waiting([7, 8, 9]))
    restarted, lost, words = await watched.judge(waiting([7, 8]))
    assert (restarted, lost) == (None, False), words


async def test_a_new_job_with_an_old_number_is_one() -> None:
    watched = Watched(Logs())
    await watched.judge(waiting([7, 8, 9]))
    restarted, lost, words = await watched.judge(waiting([0]))
    assert (restarted, lost) == (True, True)
    assert "numbers begin again (a new one has 0, 9 before)" in words


async def test_the_line_of_the_start_counts_before_all() -> None:
    logs = Logs()
    watched = Watched(logs)
    logs.said = "2026-01-01T10:00:00"
    await watched.judge(waiting([7]))
    assert (await watched.judge(Jobs()))[:2] == (False, False)
    logs.said = "2026-01-01T11:00:00"
    assert (await watched.judge(Jobs()))[:2] == (True, True)


async def test_a_log_that_was_not_read_before_tells_nothing_of_then() -> None:
    logs = Logs()
    watched = Watched(logs)
    logs.said = ServerError("The server failed")
    await watched.judge(waiting([7]))
    logs.said = "2026-01-01T10:00:00"
    restarted, lost, words = await watched.judge(Jobs())
    assert (restarted, lost) == (None, True)
    assert "had not been read before" in words


@pytest.mark.parametrize(("error", "lost"), [(ServerError("x"), True), (Refused("x", status=404), False)])
async def test_a_log_that_cannot_be_read_now_is_a_doubt_and_one_that_never_can_is_none(
    error: ApiError, lost: bool
) -> None:
    logs = Logs()
    logs.said = error
    watched = Watched(logs)
    await watched.judge(waiting([7]))
    restarted, judged, words = await watched.judge(Jobs())
    assert (restarted, judged) == (None, lost)
    assert ("or somebody took them out is not known: its log cannot be read" in words) is lost
