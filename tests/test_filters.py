"""The last filter before the terminal."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color

from comfy_tui.widgets.filters import SafeFilter

GROUND = Color(0, 0, 0)


def test_nothing_that_harms_a_terminal_or_cannot_be_written_passes() -> None:
    line = [Segment("a\x1b]0;b\x07\x9b\u202ec"), Segment("caf\udce9.png"), Segment("画 ✓")]
    shown = [segment.text for segment in SafeFilter().apply(line, GROUND)]
    assert shown == ["a]0;bc", "caf\ufffd.png", "画 ✓"]
    "".join(shown).encode()
