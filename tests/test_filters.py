"""The last filter before the terminal."""

from __future__ import annotations

import tokenize
from pathlib import Path

from rich.segment import Segment
from textual.color import Color

import comfy_tui
from comfy_tui.terminal.console_font import COMMON
from comfy_tui.text import cell_len
from comfy_tui.widgets.filters import FontFilter, SafeFilter, to_ascii

GROUND = Color(0, 0, 0)


def test_nothing_that_harms_a_terminal_or_cannot_be_written_passes() -> None:
    line = [Segment("a\x1b]0;b\x07\x9b\u202ec"), Segment("caf\udce9.png"), Segment("画 ✓")]
    shown = [segment.text for segment in SafeFilter().apply(line, GROUND)]
    assert shown == ["a]0;bc", "caf\ufffd.png", "画 ✓"]
    "".join(shown).encode()


#: What no font of a console has to draw: pieces of pictures, and what text is recognised or cleaned by.
_NOT_MARKS = (
    *("pictures", "text.py", "filters.py", "console_font.py", "demo", "masking.py"),
    *("naming.py", "export.py"),  # names that Windows reserves
)


def own_marks() -> set[str]:
    """Every character outside ASCII that the console's own words and marks are made of."""
    root = Path(comfy_tui.__file__).parent
    found: set[str] = set()
    for file in root.rglob("*.py"):
        if not any(part in _NOT_MARKS for part in file.relative_to(root).parts):
            with tokenize.open(file) as lines:
                for token in tokenize.generate_tokens(lines.readline):
                    if token.type == tokenize.STRING or "FSTRING" in tokenize.tok_name[token.type]:
                        found |= {ch for ch in token.string if not ch.isascii() and ch.isprintable()}
    return found


def test_every_mark_of_the_console_is_drawn_with_the_plainest_font() -> None:
    marks = "".join(sorted(own_marks()))
    assert {"●", "✓", "…", "▶"} <= set(marks)
    (shown,) = FontFilter(COMMON).apply([Segment(marks)], GROUND)
    assert {ch for ch in shown.text if not ch.isascii()} <= COMMON
    assert cell_len(shown.text) == cell_len(marks)
    assert "?" not in to_ascii(marks)


def test_a_font_that_has_a_mark_keeps_it_and_words_of_a_server_stay() -> None:
    line = [Segment("✓ ● é 画 …")]
    assert FontFilter(COMMON).apply(line, GROUND)[0].text == "+ • é 画 ~"
    assert FontFilter(COMMON | {"✓", "…"}).apply(line, GROUND)[0].text == "✓ • é 画 …"
    assert FontFilter(COMMON | {"√"}).apply(line, GROUND)[0].text == "√ • é 画 ~"
