"""What is said of a job that does not get on: only what was seen, and only after a while."""

from __future__ import annotations

from dataclasses import replace

import pytest

from comfy_tui.comfy.events import LogLines, NodeStep
from comfy_tui.comfy.types import JobState
from comfy_tui.monitor.standstill import Signs
from comfy_tui.monitor.state import Job, Jobs, Progress, Standstill
from comfy_tui.widgets.standstill_line import evidence_words, standstill_words

RUNNING = Job("a", JobState.RUNNING, 1, "a job", ours=True)
WAITING = replace(RUNNING, prompt_id="b", state=JobState.PENDING)
JOBS = Jobs(running=(RUNNING,), pending=(WAITING,))


class Watch:
    """Signs with a clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.signs = Signs(patience_s=300, cancel_patience_s=8, clock=lambda: self.now_s)
        self.signs.vram(8_000_000_000)

    def look(self, after_s: float, jobs: Jobs = JOBS, *, told: bool = True, logs: bool = True) -> Standstill:
        self.now_s += after_s
        return self.signs.polled(jobs, told=told, hears_logs=logs)


def test_nothing_is_said_of_a_job_that_shows_any_sign() -> None:
    watch = Watch()
    watch.look(0)
    for _ in range(20):
        watch.signs.take(NodeStep("a", "1", 1, 2))
        assert watch.look(100) == Standstill()
    for _ in range(20):
        watch.signs.take(LogLines(()))
        assert watch.look(100) == Standstill()
    for n in range(20):
        watch.signs.vram(n * 10_000_000)
        assert watch.look(100) == Standstill()


def test_all_that_was_seen_is_said_with_its_times() -> None:
    watch = Watch()
    watch.look(0)
    watch.now_s = 1010.0
    watch.signs.take(LogLines(()))
    watch.now_s = 1020.0
    watch.signs.take(NodeStep("a", "1", 1, 2))
    watch.signs.vram(8_000_100_000)
    assert watch.look(299) == Standstill()
    found = watch.look(1)
    assert found == Standstill(
        "a", no_step_since_s=1020, log_silent_since_s=1010, vram_same_since_s=1000, waiting=1
    )
    words = evidence_words(found, 1020 + 7 * 60)
    assert words.startswith("no step for 7 min, log silent since ")
    assert words.endswith(", GPU memory unchanged, 1 waiting job not moved")
    for verdict in ("dead", "hung", "crashed", "stuck"):
        assert verdict not in standstill_words(found, Progress(), 2000)


def test_what_cannot_be_known_is_no_evidence() -> None:
    watch = Watch()
    watch.look(0, told=False, logs=False)
    assert watch.look(9999, told=False, logs=False) == Standstill()
    found = watch.look(1, told=False)
    assert (found.no_step_since_s, found.log_silent_since_s) == (None, 1000)
    assert "no step" not in evidence_words(found, watch.now_s)


def test_the_next_job_begins_without_a_past() -> None:
    watch = Watch()
    watch.look(0)
    assert watch.look(400).quiet
    other = Jobs(running=(replace(WAITING, state=JobState.RUNNING),))
    assert watch.look(0, other) == Standstill()
    assert watch.look(299, other) == Standstill()
    assert watch.look(1, Jobs()) == Standstill()


def test_waiting_jobs_that_move_are_not_counted() -> None:
    watch = Watch()
    watch.look(0)
    watch.look(200, replace(JOBS, pending=()))
    assert watch.look(200).waiting == 0
    assert watch.look(300).waiting == 1


def test_a_request_to_stop_is_told_after_a_while_with_the_node() -> None:
    watch = Watch()
    watch.look(0)
    watch.signs.cancel_asked(["a", "gone"])
    found = watch.look(1)
    assert (found.cancel_asked_s, found.cancel_late) == (1000, False)
    assert standstill_words(found, Progress(), watch.now_s) == ""
    found = watch.look(11)
    words = standstill_words(found, Progress("a", node_title="Decode"), watch.now_s)
    assert "asked to stop 10s ago: Decode has not reached a point where it can stop" in words
    assert watch.look(1, Jobs()) == Standstill()
    assert watch.look(1).cancel_asked_s is None


@pytest.mark.parametrize("used", [None, 8_000_000_000])
def test_a_machine_without_a_card_has_no_memory_to_tell_of(used: int | None) -> None:
    watch = Watch()
    watch.signs.vram(used)
    watch.look(0)
    found = watch.look(500)
    assert (found.vram_same_since_s is None) == (used is None)
    assert ("GPU" in evidence_words(found, watch.now_s)) == (used is not None)
