"""What an answer says of a job that something was done with while it was on its way."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from comfy_tui.comfy.types import JobState
from comfy_tui.monitor.journal import Fate, Journal
from comfy_tui.monitor.journal.row import Asked
from comfy_tui.monitor.journal.shelf import Shelf
from comfy_tui.monitor.state import Job


@pytest.fixture
async def journal() -> AsyncIterator[Journal]:
    found = Journal(None)
    yield found
    await found.close()


def listed(state: JobState) -> Job:
    ended = 100.0 if state.ended else None
    return Job("id", state, 0.0, "t", ours=True, ended_at_s=ended)


@pytest.mark.parametrize(
    ("state", "fate"),
    [
        # The queue was read before the job was put back: it may have been taken out again since.
        (JobState.RUNNING, Fate.PENDING),
        # It ended before that was known to be sent; the server may have forgotten it by the next answer.
        (JobState.COMPLETED, Fate.COMPLETED),
        (JobState.FAILED, Fate.FAILED),
        (JobState.CANCELLED, Fate.CANCELLED),
    ],
)
async def test_an_older_answer_counts_only_for_an_end(journal: Journal, state: JobState, fate: Fate) -> None:
    now_s = 100.0
    shelf = Shelf(journal, "http://s", clock=lambda: now_s)
    await shelf.put(Asked("id", "t", {}, {}))
    now_s = 102.0
    await shelf.settle(["id"], Fate.PENDING)
    left = await shelf.observe([listed(state)], [], 101.0)
    row = await shelf.one("id")
    assert row is not None
    assert row.fate is fate
    assert left == ([] if state.ended else ["id"])


async def test_an_end_does_not_undo_what_a_person_did(journal: Journal) -> None:
    now_s = 100.0
    shelf = Shelf(journal, "http://s", clock=lambda: now_s)
    await shelf.put(Asked("id", "t", {}, {}))
    now_s = 102.0
    await shelf.settle(["id"], Fate.HELD)
    await shelf.observe([listed(JobState.COMPLETED)], [], 101.0)
    row = await shelf.one("id")
    assert row is not None
    assert row.fate is Fate.HELD
