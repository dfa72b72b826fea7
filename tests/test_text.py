"""Text for a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len as textual_cell_len

from comfy_tui.text import (
    DROP,
    cell_len,
    clean,
    clean_lines,
    count_of,
    format_age,
    format_bytes,
    format_duration,
    printable,
    safe_link,
    shorten,
)


@given(st.text(st.characters(), max_size=60))
def test_nothing_harmful_is_left(text: str) -> None:
    for cleaned in (clean(text), clean_lines(text)):
        assert not [ch for ch in cleaned if ord(ch) in DROP and ch != "\n"]
        cleaned.encode("utf-8")
    assert "\n" not in clean(text)


def test_what_becomes_of_attacks() -> None:
    assert clean("a\x1b]52;c;x\x07b") == "a␛]52;c;x␇b"
    assert clean("\x9b31m\u202egnp") == "\ufffd31m\ufffdgnp"
    assert clean("[bold]x[/]") == "[bold]x[/]"
    assert clean("a\r\nb\tc") == "a  b c"
    assert clean_lines("a\r\nb\tc") == "a\nb    c"
    assert clean("x" * 500, 10) == "x" * 9 + "…"
    assert clean(None) == "None"


@given(st.text(max_size=30), st.integers(0, 30))
def test_shortened_text_fits(text: str, width: int) -> None:
    assert cell_len(shorten(text, width)) <= width


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("e\u0301\u1112\u1161\u11ab", "\u00e9\ud55c"),
        ("\U0001f468\u200d\U0001f469x\u200dy", "\U0001f468\U0001f469xy"),
        ("\u2764\ufe0f1\ufe0f\u20e3", "\u27641\u20e3"),
        ("\U0001f44d\U0001f3fd", "\U0001f44d"),
        ("a\u00adb\u200bc\u3164d\u2060", "abcd"),
        ("\u1161", "\ufffd"),
    ],
)
def test_what_terminals_disagree_about_is_not_shown(text: str, shown: str) -> None:
    # Textual counts cells by clusters of characters, tmux by characters: a row has one width for both.
    assert clean(text) == clean_lines(text) == shown
    assert cell_len(shown) == textual_cell_len(shown)
    assert printable(text) == text


@given(
    st.text(
        st.sampled_from("aé画\u0301\u200d\ufe0f👍🏽👩❤☺한\u1161\u11ab\u3164\u00ad\u200b🇩ｆก็"), max_size=20
    )
)
def test_our_count_of_columns_is_textuals(text: str) -> None:
    shown = clean(text)
    assert cell_len(shown) == textual_cell_len(shown)
    assert cell_len(shorten(shown, 7)) == textual_cell_len(shorten(shown, 7)) <= 7


def test_wide_characters_take_two_columns() -> None:
    assert cell_len("猫a") == 3
    assert shorten("猫猫猫", 4) == "猫…"


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 B"), (1023, "1023 B"), (2048, "2 kB"), (5 << 20, "5 MB"), (24 << 30, "24.0 GB")],
)
def test_bytes(count: int, words: str) -> None:
    assert format_bytes(count) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0.0s"),
        (0.44, "0.4s"),
        (42, "42s"),
        (59.7, "1m 00s"),
        (187, "3m 07s"),
        (7500, "2h 05m"),
        (273600, "3d 4h"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert format_duration(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "<1m ago"), (61, "1m ago"), (7300, "2h ago"), (200_000, "2d ago")]
)
def test_ages_change_seldom(seconds: float, words: str) -> None:
    assert format_age(seconds) == words


def test_counts() -> None:
    assert (count_of(1, "job"), count_of(2, "job"), count_of(2, "copy", "copies")) == (
        "1 job",
        "2 jobs",
        "2 copies",
    )


@pytest.mark.parametrize(
    "address",
    [
        *("http://a b/", "http://a\x1b\\x", "http://é/", "javascript:x", "data:text/html,x", ""),
        *("http://" + "x" * 2000, "HTTP://x", "ftp://x", " http://x"),
    ],
)
def test_what_is_no_plain_address_is_no_link(address: str) -> None:
    assert safe_link(address) == ""
    assert safe_link("https://box/view?filename=a%20b;c") == "https://box/view?filename=a%20b;c"
