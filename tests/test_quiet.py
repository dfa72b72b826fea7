"""Garbage is collected while nobody presses a key."""

from __future__ import annotations

import ctypes
import gc
import sys
from functools import partial
from typing import Any

import pytest
from textual import events

from comfy_tui.widgets.quiet import Quiet, give_memory_back, heard


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.mark.parametrize(
    ("grown", "quiet_s", "due"),
    [
        (3, 5.0, False),  # somebody is here
        (3, 30.0, True),
        (1, 30.0, False),  # not worth it
        (12, 5.0, True),  # keys all day long: between two of them
        (12, 0.1, False),
        (50, 0.1, True),
    ],
)
def test_collected_while_nobody_is_here(
    monkeypatch: pytest.MonkeyPatch, grown: int, quiet_s: float, due: bool
) -> None:
    done = collector(monkeypatch)
    monkeypatch.setattr(gc, "get_count", lambda: (0, 0, grown))
    clock = Clock()
    quiet = Quiet(clock, Clock())
    clock.now_s += 100
    assert quiet.look()
    assert done == ["collect", "freeze"]  # the first time: what there is now stays
    done.clear()
    quiet.pressed()
    clock.now_s += quiet_s
    assert quiet.look() is due
    assert done == ["collect"] * due


def test_what_took_long_is_passed_over_until_nobody_is_here_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, work = Clock(), Clock()
    done = collector(monkeypatch, work, 0.06)
    monkeypatch.setattr(gc, "get_count", lambda: (0, 0, 3))
    quiet = Quiet(clock, work)
    for _ in range(3):
        clock.now_s += 30
        assert quiet.look()
    assert done == ["collect", "freeze"] * 3
    done.clear()
    clock.now_s += 3600
    assert quiet.look()
    assert done == ["unfreeze", "collect", "freeze"]
    done.clear()
    clock.now_s += 3600
    assert quiet.look()
    assert done == ["collect", "freeze"]  # everything is looked at once in an absence


def collector(monkeypatch: pytest.MonkeyPatch, work: Clock | None = None, work_s: float = 0.0) -> list[str]:
    """What is asked of the collector, which takes so long."""
    done: list[str] = []

    def note(name: str) -> None:
        done.append(name)
        if work is not None:
            work.now_s += work_s

    for name in ("collect", "freeze", "unfreeze"):
        monkeypatch.setattr(gc, name, partial(note, name))
    return done


def test_begins_once_and_keeps_young_garbage_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gc, "freeze", lambda: None)
    before, turn_s = gc.get_threshold(), sys.getswitchinterval()
    try:
        Quiet().begin()
        assert 0 < gc.get_threshold()[0] * gc.get_threshold()[1] < 100_000
        assert gc.get_threshold()[2] > 1_000_000
        assert sys.getswitchinterval() == pytest.approx(0.001)
    finally:
        gc.set_threshold(*before)
        sys.setswitchinterval(turn_s)


class Plain:
    def __init__(self) -> None:
        self.passed: list[object] = []

    def process_message(self, message: object) -> None:
        self.passed.append(message)


def test_keys_are_heard_and_passed_on() -> None:
    pressed: list[bool] = []
    driver: Any = heard(Plain, lambda: pressed.append(True))()  # type: ignore[arg-type, call-arg]
    driver.process_message(key := events.Key("a", "a"))
    driver.process_message(focus := events.AppFocus())
    assert (driver.passed, pressed) == ([key, focus], [True])


def test_memory_is_given_back_where_the_c_library_can(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    class Library:
        def __init__(self, name: None) -> None:
            pass

        def mallopt(self, what: int, value: int) -> int:
            asked.append((what, value))
            return 1

    monkeypatch.setattr(ctypes, "CDLL", Library)
    give_memory_back()
    assert asked == [(-3, 262144), (-8, 2)]
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    give_memory_back()
    assert len(asked) == 2
