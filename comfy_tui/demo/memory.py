"""The simulated card: which models lie in its memory, and how much work takes on top."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .options import GIB

#: What a driver and a desktop keep for themselves.
_DRIVER_BYTES = 400 * 1024**2


class OutOfMemory(Exception):
    """The simulated card is full; reported under the name that torch uses."""

    wire_name = "torch.OutOfMemoryError"


class Memory:
    """Bytes of a card that does not exist, so that the meters of a console have something to show."""

    def __init__(self, total_bytes: int = 24 * GIB) -> None:
        self.total_bytes = total_bytes
        self._lock = threading.Lock()
        self._models: dict[str, int] = {}
        self._working_bytes = 0
        self._reserved_bytes = 0
        #: What other programs hold, set by a test.
        self.outside_bytes = 0

    @property
    def used_bytes(self) -> int:
        """What models and the running node take now."""
        with self._lock:
            return sum(self._models.values()) + self._working_bytes

    @property
    def reserved_bytes(self) -> int:
        """What was taken from the driver and not given back: never less than what is used."""
        with self._lock:
            return self._reserved_bytes

    @property
    def free_bytes(self) -> int:
        """What new work could take."""
        return max(0, self.total_bytes - _DRIVER_BYTES - self.outside_bytes - self.used_bytes)

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models in memory, the longest loaded first."""
        with self._lock:
            return tuple(self._models)

    def load(self, name: str, size_bytes: int) -> bool:
        """Put a model in memory, pushing out others if need be; false if it was there already."""
        with self._lock:
            if name in self._models:
                return False
            room = self.total_bytes - _DRIVER_BYTES - self._working_bytes
            if size_bytes > room:
                raise OutOfMemory(self._refusal(size_bytes))
            while self._models and sum(self._models.values()) + size_bytes > room:
                del self._models[next(iter(self._models))]
            self._models[name] = size_bytes
            self._grow()
            return True

    @contextmanager
    def working(self, size_bytes: int) -> Iterator[None]:
        """Hold memory for as long as a node works."""
        with self._lock:
            used = sum(self._models.values()) + self._working_bytes
            if used + size_bytes > self.total_bytes - _DRIVER_BYTES:
                raise OutOfMemory(self._refusal(size_bytes))
            self._working_bytes += size_bytes
            self._grow()
        try:
            yield
        finally:
            with self._lock:
                self._working_bytes -= size_bytes

    def unload(self) -> None:
        """Forget all models and give everything unused back to the driver."""
        with self._lock:
            self._models.clear()
            self._reserved_bytes = self._working_bytes

    def refusal(self, size_bytes: int) -> str:
        """The words of an allocation that failed."""
        with self._lock:
            return self._refusal(size_bytes)

    def _refusal(self, size_bytes: int) -> str:
        used = sum(self._models.values()) + self._working_bytes
        return (
            f"Demo GPU out of memory (simulated): wanted {size_bytes / GIB:.2f} GiB, "
            f"{used / GIB:.2f} GiB of {self.total_bytes / GIB:.2f} GiB are taken."
        )

    def _grow(self) -> None:
        used = sum(self._models.values()) + self._working_bytes
        self._reserved_bytes = max(self._reserved_bytes, used)
