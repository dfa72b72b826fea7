"""Lines out of pieces: bars collapse, colours are read, nothing is executed, nothing grows without end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from comfy_tui.comfy.events import LogEntry, read_log_entries
from comfy_tui.monitor.logs import Level, LogBook
from comfy_tui.monitor.logs.ansi import Span, read_ansi
from comfy_tui.monitor.logs.book import LINE_LIMIT, level_of


def book_of(*texts: str) -> LogBook:
    book = LogBook()
    book.take_whole([LogEntry(f"2026-01-01T10:00:{n:02}.0", text) for n, text in enumerate(texts)])
    return book


def lines(book: LogBook) -> list[str]:
    return [line.text for line in book.lines]


def test_pieces_become_lines() -> None:
    book = book_of("one\ntwo\n", "th", "ree", "\n", "\n", "four")
    assert lines(book) == ["one", "two", "three", "", "four"]
    book.take_live([LogEntry("later", "teen\nfive\n")])
    assert lines(book)[-2:] == ["fourteen", "five"]
    assert [line.number for line in book.lines] == list(range(6))
    assert book.lines[0].clock == "10:00:00"


def test_a_progress_bar_is_one_line() -> None:
    book = book_of(
        "got prompt\n", "\r  0%|   | 0/20", "\r 50%|## | 10/20", "\r100%|####| 20/20", "\n", "done\n"
    )
    assert lines(book) == ["got prompt", "100%|####| 20/20", "done"]
    assert book.lines[1].is_bar
    assert lines(book_of("\r 1%\r 2%\r 3%\n")) == [" 3%"]


def test_what_comes_between_two_steps_of_a_bar_is_a_line_of_its_own() -> None:
    book = book_of("\r 10%| 1/10", "a warning\n", "\r 20%| 2/10", "\n")
    assert lines(book) == [" 10%| 1/10", "a warning", " 20%| 2/10"]


def test_windows_line_ends() -> None:
    assert lines(book_of("one\r\n", "two\r\n")) == ["one", "two"]


def test_only_what_is_new_is_added() -> None:
    book = book_of("one\n", "two\n")
    assert book.take_changes() == 0
    assert book.take_changes() is None
    entries = [
        LogEntry(f"2026-01-01T10:00:{n:02}.0", text) for n, text in enumerate(("one\n", "two\n", "three\n"))
    ]
    book.take_whole(entries)
    book.take_live(entries[-1:])
    assert lines(book) == ["one", "two", "three"]
    assert book.take_changes() == 2


def test_a_gap_and_a_new_start_are_told() -> None:
    book = book_of("one\n")
    book.take_whole([LogEntry(f"b{n}", f"line {n}\n") for n in range(300)])
    assert "lines are missing" in lines(book)[1]
    book.take_whole([LogEntry("c", "Checkpoint files will always be loaded safely.\n")])
    assert "started again" in lines(book)[-2]
    assert book.lines[1].note


def test_memory_is_bounded() -> None:
    book = LogBook(max_lines=100, max_characters=5_000)
    for number in range(1_000):
        book.take_live([LogEntry(str(number), f"{number} " + "x" * 20 + "\n")])
    assert len(book.lines) == 100
    assert book.lines[-1].number == 999
    for number in range(100):
        book.take_live([LogEntry(f"y{number}", "y" * 10_000 + "\n")])
    assert sum(len(line.text) for line in book.lines) <= 5_000
    assert all(len(line.text) <= LINE_LIMIT for line in book.lines)
    unfinished = LogBook()
    for number in range(2_000):
        unfinished.take_live([LogEntry(str(number), "z" * 1_000)])
    assert len(unfinished._open) <= 4 * LINE_LIMIT
    assert len(unfinished._known) <= 2_000


@pytest.mark.parametrize(
    ("raw", "text", "spans"),
    [
        ("\x1b[32m[INFO]\x1b[0m got it", "[INFO] got it", (Span(0, "green"), Span(6))),
        ("\x1b[1m\x1b[31m[ERROR]\x1b[0m no", "[ERROR] no", (Span(0, "red", True), Span(7))),
        (
            "a\x1b[38;5;196mb\x1b[38;2;10;200;10mc\x1b[39md",
            "abcd",
            (Span(1, "red"), Span(2, "green"), Span(3)),
        ),
        ("\x1b[30;40mhidden\x1b[97;107m too", "hidden too", ()),
        ("\x1b[93mw", "w", (Span(0, "yellow"),)),
        ("\x1b[48;5;1;32mx", "x", (Span(0, "green"),)),
        ("\x1b[;;;;mplain\x1b[999999999999m", "plain", ()),
    ],
)
def test_colours(raw: str, text: str, spans: tuple[Span, ...]) -> None:
    assert read_ansi(raw, 100) == (text, spans)


@pytest.mark.parametrize(
    "raw",
    [
        "\x1b[2Ja\x1b[1;1Hb",
        "a\x1b]0;title\x07b",
        "a\x1b]52;c;aGk=\x1b\\b",
        "a\x1bP1$r0m\x1b\\b",
        "a\x1bcb",
        "a\x1b[?1049hb",
        "a\x9b2Jb",
        "a\x1b(0b",
        "ab\x1b",
        "ab\x1b[",
        "ab\x1b]8;;https://x",
    ],
)
def test_no_other_sequence_survives(raw: str) -> None:
    assert read_ansi(raw, 100) == ("ab", ())


def test_a_sequence_in_two_pieces() -> None:
    assert lines(book_of("a\x1b[3", "1mb\n")) == ["ab"]


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("[INFO] got prompt", Level.INFO),
        ("[WARNING] x", Level.WARNING),
        ("[ERROR] !!! Exception during processing !!! it broke", Level.ERROR),
        ("[DEBUG] x", Level.DEBUG),
        ("!!! Exception during processing !!! it broke", Level.ERROR),
        ("ValueError: it broke", Level.ERROR),
        ("torch.OutOfMemoryError: Allocation", Level.ERROR),
        ("Warning, you are using an old pytorch version", Level.WARNING),
        ("   0.0 seconds (IMPORT FAILED): /opt/pack", Level.ERROR),
        ("Prompt executed in 0.02 seconds", Level.INFO),
        ("invalid prompt: {'type': 'missing'}", Level.WARNING),
        ("an error-free day", Level.INFO),
    ],
)
def test_levels(text: str, level: Level) -> None:
    assert level_of(text) is level


def test_a_traceback_is_an_error_to_its_end() -> None:
    book = book_of(
        'Traceback (most recent call last):\n  File "x", line 1\n    f()\nOddFailure\nall is well\n'
    )
    assert [line.level for line in book.lines] == [Level.ERROR] * 4 + [Level.INFO]


def test_credentials_in_a_log_are_masked() -> None:
    assert lines(book_of("fetch https://x/?token=abcdefgh12345678\n")) == ["fetch https://x/?token=***"]


RECORDINGS = sorted((Path(__file__).resolve().parents[4] / "shared/recordings").glob("*/logs_raw.json"))


@pytest.mark.skipif(not RECORDINGS, reason="no recordings of real servers beside the repository")
def test_logs_of_real_servers() -> None:
    for file in RECORDINGS:
        book = LogBook()
        entries = list(read_log_entries(json.loads(file.read_text("utf-8"))))
        book.take_whole(entries)
        assert len(book.lines) >= len(entries) / 2
        assert not any("\x1b" in line.text or "␛" in line.text for line in book.lines)
        assert any(line.level is Level.ERROR for line in book.lines)
        assert all(line.text != "\r" for line in book.lines)
