"""A password or token that does not show itself: tracebacks and logs print ``***``."""

from __future__ import annotations

from typing import SupportsIndex


class Secret(str):
    """Text that is ``***`` wherever it is printed or formatted; :meth:`reveal` gives it out."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "***"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return format("***", spec)

    def __getitem__(self, key: SupportsIndex | slice) -> str:
        # Rich shortens long text before it takes the repr: a part is as secret as the whole.
        return Secret(super().__getitem__(key))

    def reveal(self) -> str:
        """The text itself, for the one place that sends it."""
        return super().__getitem__(slice(None))
