"""The last line of defence before the terminal: no control character passes, in ASCII mode only ASCII."""

from __future__ import annotations

import re
from collections.abc import Mapping

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from comfy_tui.text import DROP, cell_len

_ASCII: Mapping[str, str] = {
    **dict.fromkeys("●◉■█▓▆▇▅", "#"),
    **dict.fromkeys("▒░▃▄", "="),
    **dict.fromkeys("▁▂_", "_"),
    **dict.fromkeys("·◌○", "."),
    **dict.fromkeys("✗✘×⊘", "x"),
    **dict.fromkeys("✓✔", "+"),
    **dict.fromkeys("›▶❯▸→»", ">"),
    **dict.fromkeys("‹◀❮◂←«⏎↵", "<"),
    **dict.fromkeys("▼▾↓", "v"),
    **dict.fromkeys("▲▴↑", "^"),
    **dict.fromkeys("…", "~"),
    **dict.fromkeys("─━═╌┄┈▔▁▂⎯—–", "-"),
    **dict.fromkeys("│┃║▎▏▌▐▊▕╎┆┊", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯╔╗╚╝╠╣╦╩╬┏┓┗┛", "+"),
    **dict.fromkeys("‘’", "'"),
    **dict.fromkeys("“”", '"'),
    **dict.fromkeys("≈", "~"),
    **dict.fromkeys("◆♪¶▤", "*"),
    **{"◇": "o", "°": "o", "∅": "0", "‡": "!"},
    "\u00a0": " ",
}

#: What comes near in a font with few glyphs, the nearest first; ASCII where it has none of them.
_NEAR: Mapping[str, str] = {
    **dict.fromkeys("●◉", "•"),
    **dict.fromkeys("○◌", "○°"),
    **dict.fromkeys("◆♦", "♦"),
    **dict.fromkeys("◇", "◊○"),
    **dict.fromkeys("✓✔", "√"),
    **dict.fromkeys("✗✘⊘×", "×"),
    **dict.fromkeys("▶▸❯›►", "►▶»"),
    **dict.fromkeys("◀◂❮‹◄", "◄◀«"),
    **dict.fromkeys("▼▾", "▼"),
    **dict.fromkeys("▲▴", "▲"),
    **dict.fromkeys("▁▂", "_"),
    **dict.fromkeys("▃▄▅", "▄▒"),
    **dict.fromkeys("▆▇▊▉", "█"),
    **dict.fromkeys("▓", "▓▒"),
    **dict.fromkeys("▌▐▏▎▕┃╎┆┊", "│"),
    **dict.fromkeys("━╌┄┈⎯▔", "─"),
    **dict.fromkeys("╭┏", "┌"),
    **dict.fromkeys("╮┓", "┐"),
    **dict.fromkeys("╰┗", "└"),
    **dict.fromkeys("╯┛", "┘"),
}


#: Half characters, which names of files may hold, cannot be written to a terminal at all.
_UNSAFE: Mapping[int, str | None] = {**DROP, **dict.fromkeys(range(0xD800, 0xE000), "\ufffd")}


#: What names a picture (:mod:`comfy_tui.pictures.cells`) is never a text's own.
_PICTURES = re.compile("[\U00100000-\U0010ffff]")


class SafeFilter(LineFilter):
    """Removes C0, DEL, C1, bidirectional and half characters from whatever is about to be drawn."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Filter a line."""
        return [
            segment
            if segment.control or (segment.text.isascii() and segment.text.isprintable())
            else Segment(
                _PICTURES.sub("\ufffd", segment.text.translate(_UNSAFE)), segment.style, segment.control
            )
            for segment in segments
        ]


class AsciiFilter(LineFilter):
    """Replaces every character outside ASCII by one, or two, that look like it or by ``?``."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Filter a line, keeping every width."""
        return [
            segment
            if segment.control or segment.text.isascii()
            else Segment(to_ascii(segment.text), segment.style, segment.control)
            for segment in segments
        ]


class FontFilter(LineFilter):
    """Replaces the console's own marks and lines where the font has none of them, by what comes near."""

    def __init__(self, glyphs: frozenset[str]) -> None:
        super().__init__()
        self._table = {
            ord(ch): next((near for near in _NEAR.get(ch, "") if near in glyphs), _ASCII.get(ch, "*"))
            for ch in (*_ASCII, *_NEAR)
            if ch not in glyphs and ch != "\u00a0"
        }

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Filter a line, keeping every width."""
        return [
            segment
            if segment.control or segment.text.isascii()
            else Segment(segment.text.translate(self._table), segment.style, segment.control)
            for segment in segments
        ]


def to_ascii(text: str) -> str:
    """The text in ASCII, as wide as before."""
    return "".join(ch if ch.isascii() else _ASCII.get(ch, "?" * cell_len(ch)) for ch in text)
