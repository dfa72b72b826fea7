"""The arithmetic of speed and of the rest: known late rather than wrong."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy_tui.comfy.types import JobState
from comfy_tui.monitor.eta import Eta, StepRate, eta, eta_text, job_eta
from comfy_tui.monitor.state import Job


def fed(*steps: tuple[float, float], bar: str = "k", maximum: float = 20) -> StepRate:
    rate = StepRate()
    for at_s, value in steps:
        rate.feed(bar, value, maximum, at_s)
    return rate


def test_nothing_is_said_before_it_is_known() -> None:
    rate = StepRate()
    assert (rate.per_s, rate.left_s(0)) == (None, None)
    for at_s, value in ((100, 0), (130, 1), (131, 2)):
        rate.feed("k", value, 20, at_s)
        assert (rate.per_s, rate.left_s(at_s)) == (None, None)


def test_loading_before_the_first_step_does_not_count() -> None:
    rate = fed((0, 0), (60, 1), (62, 2), (64, 3))
    assert rate.per_s == pytest.approx(0.5)
    assert rate.left_s(64) == pytest.approx(34)
    assert rate.left_s(65) == pytest.approx(33)


def test_jittery_steps_give_their_mean() -> None:
    dice = random.Random(4)
    at_s, rate = 0.0, StepRate()
    for value in range(1, 101):
        at_s += dice.uniform(0.1, 0.9)
        rate.feed("k", value, 200, at_s)
    assert rate.per_s == pytest.approx(2.0, rel=0.2)
    assert rate.left_s(at_s) == pytest.approx(50, rel=0.2)


def test_a_change_of_speed_is_followed() -> None:
    rate = fed(*((n * 0.1, n) for n in range(1, 101)), maximum=1000)
    for n in range(1, 41):
        rate.feed("k", 100 + n, 1000, 10 + n)
    assert rate.per_s == pytest.approx(1.0)


def test_slow_steps_are_measured_too() -> None:
    rate = fed((0, 0), (100, 1), (190, 2), (280, 3))
    assert rate.per_s == pytest.approx(1 / 90)


def test_several_samplers_are_measured_one_by_one() -> None:
    rate = fed(*((n, n) for n in range(1, 11)))
    rate.feed("second", 0, 8, 11)
    assert rate.per_s is None
    for n in range(1, 5):
        rate.feed("second", n, 8, 11 + n * 3)
    assert rate.per_s == pytest.approx(1 / 3)
    assert rate.left_s(23) == pytest.approx(12)


@pytest.mark.parametrize("again", [(0.0, 20.0), (2.0, 20.0), (11.0, 30.0)])
def test_a_bar_that_begins_anew_is_measured_anew(again: tuple[float, float]) -> None:
    rate = fed(*((n, n) for n in range(1, 11)))
    value, maximum = again
    rate.feed("k", value, maximum, 11)
    assert rate.per_s is None


def test_a_clock_that_jumps_back_begins_anew() -> None:
    rate = fed(*((1000 + n, n) for n in range(1, 11)))
    rate.feed("k", 11, 20, 5)
    assert (rate.per_s, rate.left_s(5)) == (None, None)


def test_a_clock_that_jumps_back_between_two_steps_says_nothing() -> None:
    rate = fed(*((1000 + n, n) for n in range(1, 11)))
    assert rate.left_s(500) is None


def test_steps_that_have_halted_promise_nothing() -> None:
    rate = fed(*((n, n) for n in range(1, 11)))
    assert rate.left_s(15) == pytest.approx(5)
    assert rate.left_s(30) is None


def test_the_same_step_told_twice_is_one() -> None:
    rate = fed((1, 1), (2, 2), (2.5, 2), (3, 3), (3.5, 3))
    assert rate.per_s == pytest.approx(1)


@given(st.lists(st.tuples(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), st.floats(-1e9, 1e9)), max_size=60))
def test_whatever_comes_no_number_is_impossible(steps: list[tuple[float, float, float]]) -> None:
    rate = StepRate()
    for at_s, value, maximum in steps:
        rate.feed("k", value, maximum, at_s)
        assert rate.per_s is None or rate.per_s > 0
        left = rate.left_s(at_s)
        assert left is None or 0 <= left < float("inf")


def test_the_end_of_a_job_is_told_by_earlier_runs_first() -> None:
    assert eta(10, 60, None) == Eta(50, "median")
    assert eta(10, 60, 55) == Eta(55, "median")
    assert eta(None, 60, 12) == Eta(12, "steps")
    assert eta(10, None, 12) == Eta(12, "steps")
    assert eta(70, 60, 12) == Eta(12, "steps")
    assert eta(70, 60, None) is None
    assert eta(None, None, None) is None


@pytest.mark.parametrize(
    ("bound", "slack_s", "text"),
    [(False, None, "ETA ~40s"), (True, 5.0, "ETA ~40s"), (True, 8.0, "ETA --"), (True, None, "ETA --")],
)
def test_the_median_needs_a_beginning_that_is_known(bound: bool, slack_s: float | None, text: str) -> None:
    job = Job(
        *("a", JobState.RUNNING, 1, "t", True),
        started_at_s=100.0,
        start_is_bound=bound,
        start_slack_s=slack_s,
        usual_s=60.0,
    )
    assert eta_text(job_eta(job, None, 120.0)) == text
