"""Meters and sparklines as text: a Static with these costs a twentieth of the library's widgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from comfy_tui.text import format_bytes

_BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class MeterColours:
    """Rich colours for a meter that has room, little room, and hardly any."""

    good: str = ""
    warn: str = ""
    bad: str = ""

    def of(self, share: float) -> str:
        """The colour of a bar that is filled to this share."""
        return self.bad if share >= 0.95 else self.warn if share >= 0.85 else self.good


def meter(
    label: str,
    used: int | None,
    total: int | None,
    width: int,
    *,
    torch: int | None = None,
    colours: MeterColours = MeterColours(),
) -> Text:
    """One line: label, bar, used of total and the share; PyTorch's part of it is drawn solid.

    Args:
        label: what is measured.
        used: bytes in use; None where the server did not tell.
        total: bytes in all.
        width: columns for the whole line.
        torch: the part of ``used`` that PyTorch holds.
        colours: of the bar; the share is also said in numbers, and marked where it is high.
    """
    line = Text(f"{label:<6}")
    if used is None or not total:
        line.append("the server does not tell", "dim")
        return line
    share = min(1.0, used / total)
    words = f" {format_bytes(used)} of {format_bytes(total)} {share:4.0%}"
    room = max(6, width - 6 - len(words) - 2)
    filled = round(share * room)
    solid = min(filled, round(min(1.0, (torch or 0) / total) * room)) if torch is not None else filled
    line.append("[")
    line.append("█" * solid, colours.of(share))
    line.append("▒" * (filled - solid), colours.of(share))
    line.append("·" * (room - filled), "dim")
    line.append("]")
    line.append(words + (" !" if share >= 0.95 else ""), "bold" if share >= 0.85 else "")
    return line


def sparkline(shares: Sequence[float], width: int) -> str:
    """The last ``width`` values between 0 and 1 as bars, newest at the right."""
    recent = list(shares)[-width:]
    return "".join(_BARS[min(7, max(0, int(share * 8)))] for share in recent)
