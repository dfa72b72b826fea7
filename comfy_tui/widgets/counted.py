"""Counts what goes to the terminal."""

from __future__ import annotations

from collections.abc import Callable

from textual.driver import Driver


def counted(driver_class: type[Driver], note: Callable[[int], None]) -> type[Driver]:
    """The same driver, which tells how many bytes it writes."""

    class Counted(driver_class):  # type: ignore[valid-type,misc]
        def write(self, data: str) -> None:
            note(len(data.encode("utf-8", "replace")))
            super().write(data)

    return Counted
