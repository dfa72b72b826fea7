"""Text for a terminal: cleaned of what could harm it, and numbers in a person's units."""

from __future__ import annotations

import unicodedata

#: What never reaches a terminal from outside: C0, DEL, C1, and characters that reorder or hide text.
_BIDI = (
    0x061C,
    0x200E,
    0x200F,
    *range(0x202A, 0x202F),
    *range(0x2066, 0x206A),
    0xFEFF,
    *range(0xE0000, 0xE0080),
)
_REPLACE: dict[int, str] = {
    **{code: chr(0x2400 + code) for code in range(0x20)},
    0x7F: "\u2421",
    **{code: "\ufffd" for code in range(0x80, 0xA0)},
    **{code: "\ufffd" for code in _BIDI},
    **{code: "\ufffd" for code in (0x2028, 0x2029)},
}
_REPLACE_LINE = {**_REPLACE, 0x0A: " ", 0x0D: " ", 0x09: " "}
_REPLACE_TEXT = {**_REPLACE, 0x0A: "\n", 0x09: "    "}

#: Characters that the last line of defence removes from anything that is about to be drawn.
DROP: dict[int, None] = {code: None for code in (*range(0x20), 0x7F, *range(0x80, 0xA0), *_BIDI)}


#: What nobody sees, and how wide it makes its neighbours every terminal decides for itself: joiners, soft
#: hyphens, variation selectors, fillers, skin tones. Jamo that make no syllable are as bad.
_UNSEEN: dict[int, str | None] = {
    **dict.fromkeys((0x00AD, 0x034F, 0x115F, 0x17B4, 0x17B5, 0x3164, 0xFFA0), None),
    **dict.fromkeys((*range(0x180B, 0x1810), *range(0x200B, 0x200E), *range(0x2060, 0x2066)), None),
    **dict.fromkeys((*range(0x206A, 0x2070), *range(0xFE00, 0xFE10), *range(0xFFF0, 0xFFF9)), None),
    **dict.fromkeys((*range(0x1BCA0, 0x1BCA4), *range(0x1D173, 0x1D17B), *range(0xE0080, 0xE1000)), None),
    **dict.fromkeys(range(0x1F3FB, 0x1F400), None),
    **dict.fromkeys((*range(0x1160, 0x1200), *range(0xD7B0, 0xD7FC)), "\ufffd"),
}


def clean(value: object, limit: int = 400) -> str:
    """Make text from outside safe to show on one line.

    Control characters become their visible pictures, C1, bidirectional and lone surrogate characters
    become U+FFFD, line breaks and tabs become spaces; longer text than ``limit`` characters ends in "…".
    What terminals disagree about the width of is composed or left out, so that columns stay straight.
    """
    return _steady(_clean(value, limit, _REPLACE_LINE))


def printable(value: object, limit: int = 400) -> str:
    """Like :func:`clean`, for data such as a path: nothing is left out that does no harm."""
    return _clean(value, limit, _REPLACE_LINE)


def clean_lines(value: object, limit: int = 20_000) -> str:
    """Like :func:`clean`, but keep line breaks, for prompts and tracebacks."""
    text = str(value)
    return _steady(_clean(text.replace("\r\n", "\n"), limit, _REPLACE_TEXT))


def _steady(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text).translate(_UNSEEN)


def _clean(value: object, limit: int, table: dict[int, str]) -> str:
    text = str(value)
    if len(text) > limit:
        text = text[: max(0, limit - 1)] + "…"
    if text.isascii() and text.isprintable():
        return text
    text = text.translate(table)
    if any(0xD800 <= ord(ch) <= 0xDFFF for ch in text):
        text = "".join("\ufffd" if 0xD800 <= ord(ch) <= 0xDFFF else ch for ch in text)
    return text


def safe_link(address: str) -> str:
    """An address that may stand in a terminal's hyperlink (OSC 8); empty where it is none.

    No filter looks at a link on its way to the terminal: it is plain ASCII here, or not there at all.
    """
    good = address.isascii() and address.isprintable() and " " not in address and len(address) <= 2000
    return address if good and address.startswith(("http://", "https://", "file://")) else ""


def cell_len(text: str) -> int:
    """Columns that the text takes in a terminal (wide characters take two, combining ones none)."""
    if text.isascii():
        return len(text)
    width = 0
    for ch in text:
        if unicodedata.combining(ch) or unicodedata.category(ch) in ("Mn", "Me") or ord(ch) in _UNSEEN:
            continue
        width += 2 if unicodedata.east_asian_width(ch) in "WF" else 1
    return width


def shorten(text: str, width: int) -> str:
    """Cut to ``width`` columns, ending in "…" if something was lost."""
    if cell_len(text) <= width:
        return text
    if width <= 0:
        return ""
    out = ""
    room = width - 1
    for ch in text:
        room -= cell_len(ch)
        if room < 0:
            break
        out += ch
    return out + "…"


def format_bytes(count: int) -> str:
    """Bytes as people read memory: binary units, one decimal from a gigabyte up (``7.9 GB``)."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(value) < 1024 or unit == "TB":
            return f"{value:.0f} {unit}" if unit in ("B", "kB", "MB") else f"{value:.1f} {unit}"
        value /= 1024
    raise AssertionError("unreachable")


def format_duration(seconds: float) -> str:
    """A span of time in at most two units: ``0.4s``, ``42s``, ``3m 07s``, ``2h 05m``, ``3d 4h``."""
    if seconds < 0:
        seconds = 0
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h {whole % 3600 // 60:02}m"
    return f"{whole // 86400}d {whole % 86400 // 3600}h"


def format_age(seconds: float) -> str:
    """How long ago, in one unit: ``<1m ago``, ``5m ago``, ``3h ago``, ``2d ago``.

    No seconds: a list of ages would be drawn anew with every poll.
    """
    if seconds < 60:
        return "<1m ago"
    if seconds < 3600:
        return f"{int(seconds // 60)}m ago"
    if seconds < 86400:
        return f"{int(seconds // 3600)}h ago"
    return f"{int(seconds // 86400)}d ago"


def count_of(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: ``1 job``, ``3 jobs``."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
