"""The lines around a failure are those of the failure, or there are none."""

from __future__ import annotations

import datetime

from comfy_tui.comfy.events import LogEntry
from comfy_tui.comfy.types import ExecutionError
from comfy_tui.monitor.logs.excerpt import around_failure

AT = datetime.datetime(2026, 1, 1, 10, 0, tzinfo=datetime.UTC)


def entry(seconds: float, text: str, hours: float = 0) -> LogEntry:
    moment = AT + datetime.timedelta(seconds=seconds, hours=hours)
    return LogEntry(moment.replace(tzinfo=None).isoformat(), text + "\n")


def failure(message: str) -> ExecutionError:
    return ExecutionError("3", "X", "ValueError", message + "\n")


def test_by_the_words_of_the_exception() -> None:
    entries = [entry(n, f"line {n}") for n in range(50)]
    entries[30] = entry(30, "\x1b[31m[ERROR]\x1b[0m !!! Exception during processing !!! it broke")
    found = around_failure(entries, failure("it broke\nin two lines"), None)
    assert "it broke" in found.lines[found.place].text
    assert found.lines[0].text == "line 22"
    assert len(found.lines) == 24
    entries[27] = entry(27, "got prompt")
    found = around_failure(entries, failure("it broke"), None)
    assert (found.lines[0].text, found.place) == ("got prompt", 3)


def test_the_same_words_twice_are_told_apart_by_time() -> None:
    mark = "!!! Exception during processing !!! it broke"
    entries = [entry(0, mark, 2.0), entry(100, "between", 2.0), entry(200, mark, 2.0)]
    found = around_failure(entries, failure("it broke"), AT.timestamp() + 1)
    assert found.place == 0
    assert found.lines[0].clock == "12:00:00"


def test_by_time_in_any_zone() -> None:
    entries = [entry(n * 10, f"line {n}", -5.5) for n in range(20)]
    found = around_failure(entries, None, AT.timestamp() + 101)
    assert found.lines[found.place].text == "line 10"


def test_what_is_not_there_is_said() -> None:
    entries = [entry(n, f"line {n}") for n in range(20)]
    assert "does not reach back" in around_failure(entries, failure("x"), AT.timestamp() - 400).why_not
    assert "keeps no log" in around_failure([], None, 1.0).why_not


def test_an_hour_that_may_be_another_is_no_guess() -> None:
    entries = [entry(0, "early"), entry(0, "an hour later", 1.0)]
    assert around_failure(entries, None, AT.timestamp()).why_not


def test_times_that_are_none() -> None:
    assert around_failure([LogEntry("", "x\n"), LogEntry("noon", "y\n")], None, 1.0).why_not
