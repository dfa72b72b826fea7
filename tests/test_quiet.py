"""Garbage is collected while nobody presses a key."""

from __future__ import annotations

import ctypes
import gc
import sys
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
        (500, 5.0, False),  # somebody is here
        (500, 30.0, True),
        (3, 30.0, False),  # not worth it
        (5000, 5.0, True),  # keys all day long: between two of them
        (5000, 0.5, False),
    ],
)
def test_collected_while_nobody_is_here(
    monkeypatch: pytest.MonkeyPatch, grown: int, quiet_s: float, due: bool
) -> None:
    collected: list[bool] = []
    monkeypatch.setattr(gc, "get_count", lambda: (0, 0, grown))
    monkeypatch.setattr(gc, "collect", lambda: collected.append(True))
    clock = Clock()
    quiet = Quiet(clock)
    clock.now_s += 1000
    quiet.pressed()
    clock.now_s += quiet_s
    assert quiet.look() is due
    assert bool(collected) is due


def test_begins_once_and_keeps_young_garbage_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gc, "freeze", lambda: None)
    before, turn_s = gc.get_threshold(), sys.getswitchinterval()
    try:
        Quiet().begin()
        assert gc.get_threshold()[:2] == before[:2]
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
