"""How fast files come from a server, measured on real transfers, and what was fetched for what."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

#: Below this a line is thin: a picture of 1024x1024 takes four seconds.
SLOW_BYTES_PER_S = 400_000.0
#: Smaller transfers measure the way to the server, not its width.
_MEASURED_BYTES = 32_768
_REMEMBERED = 8


@dataclass(slots=True)
class LineSpeed:
    """The last transfers from one server."""

    _rates: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    def note(self, count_bytes: int, elapsed_s: float) -> None:
        """Remember a transfer, measured from its first byte to its last."""
        if count_bytes >= _MEASURED_BYTES:
            self._rates.append(count_bytes / max(elapsed_s, 0.000_1))

    @property
    def bytes_per_s(self) -> float | None:
        """The median of the last transfers; None before the first."""
        if not self._rates:
            return None
        ordered = sorted(self._rates)
        return ordered[len(ordered) // 2]

    @property
    def is_slow(self) -> bool:
        """Whether small previews are asked for instead of whole files."""
        rate = self.bytes_per_s
        return rate is not None and rate < SLOW_BYTES_PER_S


@dataclass(slots=True)
class Traffic:
    """What was fetched from servers for the outputs, for the doctor."""

    #: Bytes and files by what they were fetched for: ``thumbnail``, ``preview``, ``original``, ``frames``.
    fetched_bytes: Counter[str] = field(default_factory=Counter)
    fetched_files: Counter[str] = field(default_factory=Counter)
    #: Files that were not fetched because they were in memory or on the disk.
    spared_files: int = 0

    def note(self, use: str, count_bytes: int) -> None:
        """Count a file."""
        self.fetched_bytes[use] += count_bytes
        self.fetched_files[use] += 1

    @property
    def total_bytes(self) -> int:
        """Everything."""
        return sum(self.fetched_bytes.values())
