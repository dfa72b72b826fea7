"""What is written to the terminal for an alert, byte by byte."""

from __future__ import annotations

from dataclasses import replace

import pytest

from comfy_tui.alert_settings import Osc
from comfy_tui.comfy.types import JobState
from comfy_tui.monitor.alerts.words import notification, title_sequence, title_words
from comfy_tui.monitor.state import Job, Jobs, Link, Progress


@pytest.mark.parametrize(
    ("choice", "environ", "wanted"),
    [
        (Osc.AUTO, {"TERM": "xterm-256color"}, "\x1b]9;comfy-tui: Done: a; b: ran 3m\x07"),
        (Osc.AUTO, {"TERM": "foot"}, "\x1b]777;notify;Done: a, b;ran 3m\x07"),
        (Osc.AUTO, {"TERM": "xterm", "VTE_VERSION": "7"}, "\x1b]777;notify;Done: a, b;ran 3m\x07"),
        (Osc.OSC777, {}, "\x1b]777;notify;Done: a, b;ran 3m\x07"),
        (Osc.OSC9, {"TMUX": "x"}, "\x1bPtmux;\x1b\x1b]9;comfy-tui: Done: a; b: ran 3m\x07\x1b\\"),
    ],
)
def test_notifications(choice: Osc, environ: dict[str, str], wanted: str) -> None:
    assert notification("Done: a; b", "ran 3m", choice, environ) == wanted


@pytest.mark.parametrize("choice", [Osc.OSC9, Osc.OSC777])
def test_no_text_gets_out_of_its_sequence(choice: Osc) -> None:
    nasty = "a\x07b\x1b\\c\x9cd\x1b]52;c;aGk=\x07\u202e\n" + "long" * 200
    made = notification(nasty, nasty, choice, {})
    assert made.startswith("\x1b]")
    assert made.endswith("\x07")
    inside = made[2:-1]
    assert not any(ord(ch) < 32 or 0x7F <= ord(ch) < 0xA0 for ch in inside)
    assert len(inside) < 400
    title = title_sequence(nasty)
    assert title.count("\x1b") == 1
    assert title.count("\x07") == 1


def job(prompt_id: str, state: JobState) -> Job:
    return Job(prompt_id, state, 1, "t", True, started_at_s=100.0)


def words(jobs: Jobs, progress: Progress, link: Link = Link.ONLINE) -> str:
    return title_words("box", link, jobs, progress, 160.0)


def test_titles() -> None:
    running, waiting = job("a", JobState.RUNNING), job("b", JobState.PENDING)
    one, two = Jobs((running,), read_at_s=1.0), Jobs((running,), (waiting,), read_at_s=1.0)
    usual = replace(running, usual_s=780.0)
    known, both = Jobs((usual,), read_at_s=1.0), Jobs((usual,), (waiting,), read_at_s=1.0)
    unsure = replace(usual, start_is_bound=True)
    assert words(Jobs(read_at_s=1.0), Progress()) == "box: idle"
    assert words(one, Progress()) == "box: 1 left"
    assert words(known, Progress()) == "box: 1 left, 12 min"
    assert words(both, Progress("a")) == "box: 2 left, this one 12 min"
    assert words(two, Progress("a")) == "box: 2 left"
    assert words(Jobs((unsure,), read_at_s=1.0), Progress()) == "box: 1 left"
    assert words(one, Progress("a", steps_left_s=20.0, at_s=150.0)) == "box: 1 left, under 1 min"
    assert words(one, Progress("other", steps_left_s=20.0)) == "box: 1 left"
    assert words(known, Progress(), Link.OFFLINE) == "box: offline"
    assert words(Jobs(), Progress(), Link.CONNECTING) == "box: connecting"
