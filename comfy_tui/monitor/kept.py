"""Keeps values by what they take in memory: those that were used last, up to a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class Kept(Generic[V]):
    """A mapping that forgets what was not used for the longest time.

    Args:
        budget_bytes: everything that is kept takes at most so much; what is larger alone is not kept.
    """

    def __init__(self, budget_bytes: int) -> None:
        self.budget_bytes = budget_bytes
        self.used_bytes = 0
        self._values: OrderedDict[Hashable, tuple[V, int]] = OrderedDict()

    def get(self, key: Hashable) -> V | None:
        """The value, which counts as used now."""
        found = self._values.get(key)
        if found is None:
            return None
        self._values.move_to_end(key)
        return found[0]

    def put(self, key: Hashable, value: V, count_bytes: int) -> None:
        """Keep a value, which takes so many bytes."""
        self.drop(key)
        if count_bytes > self.budget_bytes:
            return
        self._values[key] = (value, count_bytes)
        self.used_bytes += count_bytes
        while self.used_bytes > self.budget_bytes:
            _, (_, freed_bytes) = self._values.popitem(last=False)
            self.used_bytes -= freed_bytes

    def drop(self, key: Hashable) -> None:
        """Forget a value."""
        found = self._values.pop(key, None)
        if found is not None:
            self.used_bytes -= found[1]

    def __len__(self) -> int:
        return len(self._values)
