"""Each rule comes true once for its cause, and not before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from comfy_tui.alert_settings import RULES, AlertSettings, Rule
from comfy_tui.comfy.types import Device, ExecutionError, JobState, SystemStats
from comfy_tui.monitor.alerts.alert import Alert
from comfy_tui.monitor.alerts.rules import Rules
from comfy_tui.monitor.changes import Changes
from comfy_tui.monitor.state import Connection, Health, Job, Jobs, Link, Notice, Problem, Progress, Update

GB = 1024**3


class Watch:
    """A server whose clock the test moves."""

    def __init__(self, settings: AlertSettings | None = None) -> None:
        self.now_s = 1_000.0
        clock = lambda: self.now_s  # noqa: E731
        self.changes = Changes("box", clock)
        self.rules = Rules(settings or AlertSettings(), "box", long_job_s=600, clock=clock)
        self.feed(Jobs(read_at_s=1.0))

    def feed(self, update: Update, after_s: float = 0.0) -> list[Alert]:
        self.now_s += after_s
        return self.rules.feed(update, self.changes.feed(update))

    def names(self, update: Update, after_s: float = 0.0) -> list[str]:
        return [alert.rule for alert in self.feed(update, after_s)]


def job(
    prompt_id: str, state: JobState, *, ran_s: float = 100.0, ours: bool = True, title: str = "a job"
) -> Job:
    error = ExecutionError("3", "X", "ValueError", "it broke") if state is JobState.FAILED else None
    return Job(
        prompt_id,
        state,
        1,
        title,
        ours,
        started_at_s=None if state is JobState.PENDING else 1_000.0,
        ended_at_s=1_000.0 + ran_s if state.ended else None,
        error=error,
    )


def jobs(*listed: Job) -> Jobs:
    def of(*states: JobState) -> tuple[Job, ...]:
        return tuple(item for item in listed if item.state in states)

    ended = of(JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED)
    return Jobs(of(JobState.RUNNING), of(JobState.PENDING), ended, read_at_s=1.0)


def test_a_job_of_ours_is_done() -> None:
    watch = Watch()
    assert watch.names(jobs(job("a", JobState.RUNNING))) == []
    done = jobs(job("a", JobState.COMPLETED, ran_s=61))
    [alert] = watch.feed(done)
    assert (alert.rule, alert.title, alert.message) == ("done", "Done: a job", "ran 1m 01s")
    assert watch.names(done) == []


def test_short_ones_and_those_of_others_are_not_told() -> None:
    watch = Watch()
    assert watch.names(jobs(job("a", JobState.COMPLETED, ran_s=59))) == []
    assert watch.names(jobs(job("b", JobState.COMPLETED, ran_s=900, ours=False))) == []
    assert watch.names(jobs(job("c", JobState.FAILED, ours=False))) == []


def test_a_job_failed() -> None:
    watch = Watch()
    failed = jobs(job("a", JobState.FAILED, ran_s=1))
    [alert] = watch.feed(failed)
    assert (alert.rule, alert.severity) == ("failed", "error")
    assert "X (3): ValueError: it broke" in alert.message
    assert watch.names(failed) == []


def test_a_long_job_is_told_once() -> None:
    watch = Watch()
    running = jobs(job("a", JobState.RUNNING))
    assert watch.names(running) == []
    watch.feed(Progress("a", "3", "Sampler"))
    [alert] = watch.feed(running, after_s=601)
    assert alert.rule == "long"
    assert "a job has run for 10m 01s, now at Sampler" in alert.message
    assert watch.names(running, after_s=900) == []


def test_the_queue_is_empty_after_a_long_spell_of_several() -> None:
    watch = Watch()
    watch.feed(jobs(job("a", JobState.RUNNING), job("b", JobState.PENDING)))
    first = job("a", JobState.COMPLETED, ran_s=1)
    assert "queue_empty" not in watch.names(jobs(first, job("b", JobState.RUNNING)), after_s=100)
    both = jobs(first, job("b", JobState.COMPLETED, ran_s=1))
    assert watch.names(both, after_s=10) == ["queue_empty"]
    assert watch.names(both, after_s=10) == []


def test_one_job_is_no_queue_and_a_forgotten_queue_is_not_done() -> None:
    watch = Watch()
    watch.feed(jobs(job("a", JobState.RUNNING)))
    assert watch.names(jobs(job("a", JobState.COMPLETED, ran_s=1)), after_s=500) == []
    watch.feed(jobs(job("b", JobState.RUNNING), job("c", JobState.PENDING)))
    assert watch.names(jobs(), after_s=500) == []


def test_lost_jobs() -> None:
    watch = Watch()
    notice = Notice("Forgotten by the server: 2 jobs", "a, b", "warning", "lost", ("a", "b"))
    [alert] = watch.feed(notice)
    assert alert.rule == "lost"
    assert alert.toasted


def test_the_server_is_down_and_back() -> None:
    watch = Watch()
    here = Connection("box", "http://box", Link.ONLINE)
    gone = replace(here, link=Link.OFFLINE, problem=Problem("x", "Refused", "why", ""))
    assert watch.names(gone) == []  # it was never there
    assert watch.names(here) == []
    assert watch.names(gone) == []
    assert watch.names(here, after_s=5) == []  # a hiccup
    watch.feed(gone)
    [alert] = watch.feed(gone, after_s=16)
    assert (alert.title, alert.message) == ("box does not answer", "Refused: why")
    assert watch.names(gone, after_s=60) == []
    [alert] = watch.feed(here, after_s=60)
    assert (alert.title, alert.message) == ("box answers again", "after 2m 16s")
    assert watch.names(here) == []
    watch.feed(gone)
    assert watch.names(gone, after_s=16) == ["server"]  # another cause


def health(*used_gb: float) -> Health:
    cards = tuple(
        Device(f"cuda:{n}", "cuda", n, 24 * GB, int((24 - used) * GB), None, None)
        for n, used in enumerate(used_gb)
    )
    stats = SystemStats(None, None, None, None, None, None, (), (), cards)
    return Health(stats, 1.0)


def test_memory_that_is_full_for_long() -> None:
    watch = Watch()
    full, room = health(23.9), health(10.0)
    assert watch.names(full) == []
    assert watch.names(full, after_s=59) == []
    [alert] = watch.feed(full, after_s=2)
    assert "100 % of cuda:0 for 1m 01s" in alert.message
    assert watch.names(full, after_s=600) == []
    assert watch.names(health(23.0), after_s=5) == []  # hardly less: the same cause
    assert watch.names(full, after_s=5) == []
    assert watch.names(full, after_s=100) == []
    watch.feed(room)
    watch.feed(full)
    assert watch.names(full, after_s=61) == ["vram"]


def test_a_short_peak_is_no_cause_and_each_card_is_its_own() -> None:
    watch = Watch()
    watch.feed(health(23.9, 1))
    watch.feed(health(1, 23.9), after_s=59)
    assert watch.names(health(23.9, 23.9), after_s=59) == []
    assert watch.names(health(23.9, 23.9), after_s=2) == ["vram"]
    assert watch.names(health(23.9, 23.9), after_s=60) == ["vram"]


def test_the_disk() -> None:
    watch = Watch()
    assert watch.rules.disk("/out", 6.0) == []
    assert [alert.message for alert in watch.rules.disk("/out", 4.5)] == ["4.5 GB are free at /out"]
    assert watch.rules.disk("/out", 4.0) == []
    assert watch.rules.disk("/out", 5.5) == []
    assert watch.rules.disk("/out", 4.0) == []  # it swings
    watch.rules.disk("/out", 50.0)
    assert len(watch.rules.disk("/out", 1.0)) == 1


def test_a_rule_that_is_off() -> None:
    off = AlertSettings(rules={name: Rule(on=False) for name in RULES})
    watch = Watch(off)
    here = Connection("box", "http://box", Link.ONLINE)
    seen: list[Sequence[Alert]] = [
        watch.feed(jobs(job("a", JobState.FAILED))),
        watch.feed(jobs(job("b", JobState.RUNNING)), 900),
        watch.feed(here),
        watch.feed(replace(here, link=Link.OFFLINE)),
        watch.feed(replace(here, link=Link.OFFLINE), 900),
        watch.feed(health(23.9)),
        watch.feed(health(23.9), 900),
        watch.feed(Notice("x", "y", kind="lost")),
        watch.rules.disk("/out", 0.0),
    ]
    assert not any(seen)


def test_hostile_names() -> None:
    watch = Watch()
    nasty = "x\x1b]0;owned\x07\x9b2J\u202e\n[red]y"
    [alert] = watch.feed(jobs(job("a", JobState.COMPLETED, title=nasty)))
    assert not any(ord(ch) < 32 or 0x7F <= ord(ch) < 0xA0 or ch == "\u202e" for ch in alert.title)


def test_ten_thousand_causes_are_bounded() -> None:
    watch = Watch()
    for number in range(10_000):
        watch.feed(jobs(job(str(number), JobState.FAILED)))
    assert len(watch.rules._given) <= 4_000
