"""What is published becomes events, each once."""

from __future__ import annotations

from dataclasses import replace

from comfy_tui.comfy.types import ExecutionError, JobState
from comfy_tui.monitor.changes import Changes
from comfy_tui.monitor.event_kinds import KINDS
from comfy_tui.monitor.state import Connection, Job, Jobs, Link, Notice, Problem, Update


def job(prompt_id: str, state: JobState, *, ours: bool = True, **more: object) -> Job:
    values: dict[str, object] = {"started_at_s": 10.0, "ended_at_s": 20.0 if state.ended else None, **more}
    return Job(prompt_id, state, 1.0, f"job {prompt_id}", ours, **values)  # type: ignore[arg-type]


def jobs(*listed: Job) -> Jobs:
    return Jobs(
        running=tuple(item for item in listed if item.state is JobState.RUNNING),
        pending=tuple(item for item in listed if item.state is JobState.PENDING),
        ended=tuple(item for item in listed if item.state.ended),
        read_at_s=1.0,
    )


def kinds(changes: Changes, *updates: Update) -> list[str]:
    return [event.kind for update in updates for event in changes.feed(update)]


def test_the_life_of_a_job() -> None:
    changes = Changes("box", clock=lambda: 50.0)
    a = job("a", JobState.PENDING)
    assert kinds(changes, jobs()) == []
    assert kinds(changes, jobs(a), jobs(a)) == ["queued"]
    assert kinds(changes, jobs(replace(a, state=JobState.RUNNING))) == ["started"]
    done = job("a", JobState.COMPLETED)
    [event] = changes.feed(jobs(done))
    assert (event.kind, event.title, event.text, event.prompt_id) == ("done", "job a", "ran 10s", "a")
    assert (event.server, event.at_s) == ("box", 50.0)
    assert kinds(changes, jobs(done), jobs(), jobs(done)) == []


def test_what_was_there_before_is_not_told() -> None:
    changes = Changes("box")
    old = job("old", JobState.COMPLETED, ended_at_s=5.0)
    assert kinds(changes, jobs(old, job("r", JobState.RUNNING), job("p", JobState.PENDING))) == []
    older = job("older", JobState.FAILED, ended_at_s=4.0)
    assert kinds(changes, jobs(old, older)) == []
    assert kinds(changes, jobs(job("quick", JobState.COMPLETED, ended_at_s=6.0))) == ["done"]


def test_a_failure_says_where() -> None:
    changes = Changes("box")
    changes.feed(jobs())
    error = ExecutionError("3", "KSampler", "RuntimeError", "no room\nmore")
    [event] = changes.feed(jobs(job("a", JobState.FAILED, error=error)))
    assert event.kind == "failed"
    assert event.severity == "error"
    assert event.text == "KSampler (3): RuntimeError: no room; ran 10s"


def test_anothers_jobs_are_told_when_they_end() -> None:
    changes = Changes("box")
    changes.feed(jobs())
    assert kinds(changes, jobs(job("x", JobState.RUNNING, ours=False))) == []
    [event] = changes.feed(jobs(job("x", JobState.CANCELLED, ours=False)))
    assert event.text == "ran 10s, another client's"


def test_the_connection() -> None:
    changes = Changes("box")
    here = Connection("box", "http://box", Link.ONLINE)
    gone = replace(here, link=Link.OFFLINE, problem=Problem("x", "Refused", "why", ""))
    assert kinds(changes, Connection("box", ""), here, here) == ["connected"]
    assert kinds(changes, gone, replace(gone, retry_at_s=2.0), replace(gone, link=Link.FAULTY)) == [
        "disconnected"
    ]
    [event] = changes.feed(here)
    assert event.title == "Connected again"


def test_a_failed_read_tells_nothing() -> None:
    changes = Changes("box")
    changes.feed(jobs(job("a", JobState.RUNNING)))
    assert changes.feed(replace(jobs(), problem=Problem("x", "", "", ""))) == []


def test_notices_are_events() -> None:
    [event] = Changes("box").feed(Notice("Forgotten", "a\x1b[2Jb", "warning", "lost", ("p",)))
    assert (event.kind, event.text, event.prompt_id) == ("lost", "a␛[2Jb", "p")
    assert Changes("box").feed(Notice("x", "y", kind="odd"))[0].kind == "note"
    assert set(KINDS) >= {"note", "lost", "freed", "alert"}


def test_ten_thousand_jobs_are_bounded() -> None:
    changes = Changes("box")
    for number in range(10_000):
        changes.feed(jobs(job(str(number), JobState.PENDING)))
    assert len(changes._states) <= 4_000
