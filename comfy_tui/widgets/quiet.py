"""Nothing of Python's own keeps a key waiting, and what is free goes back to the system.

A full collection looks at everything that there is: 90 ms among a thousand outputs, whenever Python pleases.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable

from textual import events
from textual.driver import Driver
from textual.message import Message

#: How often it is looked whether it is quiet.
LOOK_S = 15.0
#: Nobody has pressed a key for so long: most likely nobody is about to.
_QUIET_S = 20.0
#: Not worth it before so many collections of what is young.
_WORTH = 20
#: Where keys are pressed all day long: between two of them.
_OVERDUE, _OVERDUE_S = 2000, 2.0
#: From malloc.h.
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
_NEVER = 1_000_000_000
#: A thread that computes gives way after so long: Python's own 5 ms are waited for at every read of a socket.
_TURN_S = 0.001


def give_memory_back() -> None:
    """Have glibc return what pictures took: it would keep pieces of 4 MB, in a heap for each thread.

    Among a thousand outputs the process grows by 118 MB instead of 159.  Elsewhere nothing happens.
    """
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    mallopt(_M_MMAP_THRESHOLD, 256 * 1024)
    mallopt(_M_ARENA_MAX, 2)


class Quiet:
    """Knows when a key was last pressed, and collects garbage when that is a while ago.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pressed_at_s = clock()

    def begin(self) -> None:
        """From now on the process collects everything only when :meth:`look` finds it quiet."""
        gc.freeze()
        gc.enable()
        young, older, _ = gc.get_threshold()
        gc.set_threshold(young, older, _NEVER)
        sys.setswitchinterval(_TURN_S)

    def pressed(self) -> None:
        """Somebody is here."""
        self._pressed_at_s = self._clock()

    def look(self) -> bool:
        """Collect, if it is worth it and nobody is here; whether it did."""
        grown, quiet_s = gc.get_count()[2], self._clock() - self._pressed_at_s
        due = (grown >= _WORTH and quiet_s >= _QUIET_S) or (grown >= _OVERDUE and quiet_s >= _OVERDUE_S)
        if due:
            gc.collect()
        return due


def heard(driver_class: type[Driver], pressed: Callable[[], None]) -> type[Driver]:
    """The same driver, which tells when somebody presses a key or moves the mouse."""

    class Heard(driver_class):  # type: ignore[valid-type,misc]
        def process_message(self, message: Message) -> None:
            if isinstance(message, events.InputEvent):
                pressed()
            super().process_message(message)

    return Heard
