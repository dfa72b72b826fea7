"""Nothing of Python's own keeps a key waiting, and what is free goes back to the system.

A full collection looks at everything that there is: 90 ms among a thousand outputs, whenever Python pleases.
Here it comes in pauses, and passes over what has been there for long: 20 to 40 ms.
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
LOOK_S = 5.0
#: Nobody has pressed a key for so long: most likely nobody is about to.
_QUIET_S = 20.0
#: Not worth it before so many collections of what is young, each after 30,000 objects: four pictures.
_WORTH = 2
#: Where keys are pressed all day long: between two of them; and where there is no between, all the same.
_OVERDUE, _OVERDUE_S = 10, 0.5
_URGENT = 30
#: Nobody is here at all.
_AWAY_S = 600.0
#: Objects more than went before what is young is looked at, and so many times before what is a little older:
#: what a picture leaves behind is done with by then. With Python's 700 and 10, twice as much grows old.
_YOUNG, _OLDER = 5000, 6
#: What a collection left that worked longer is passed over from then on; not sooner, since lines of a screen
#: that are passed over are not collected for long (they refer to themselves).
_LONG_S = 0.045
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
        work_clock: seconds that this thread has worked.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        work_clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self._clock, self._work_clock = clock, work_clock
        self._pressed_at_s = clock()
        self._has_begun = self._has_looked_at_all = False

    def begin(self) -> None:
        """From now on the process collects everything only when :meth:`look` finds it quiet."""
        gc.freeze()
        gc.enable()
        gc.set_threshold(_YOUNG, _OLDER, _NEVER)
        sys.setswitchinterval(_TURN_S)

    def pressed(self) -> None:
        """Somebody is here."""
        self._pressed_at_s = self._clock()
        self._has_looked_at_all = False

    def look(self) -> bool:
        """Collect, if it is worth it and nobody is here; whether it did."""
        grown, quiet_s = gc.get_count()[2], self._clock() - self._pressed_at_s
        if quiet_s >= _AWAY_S and not self._has_looked_at_all:
            # What was passed over may be garbage by now: once in an absence.
            self._has_looked_at_all = True
            gc.unfreeze()
            self._collect(0.0)
            return True
        due = (
            (grown >= _WORTH and quiet_s >= _QUIET_S)
            or (grown >= _OVERDUE and quiet_s >= _OVERDUE_S)
            or grown >= _URGENT
        )
        if not self._has_begun and quiet_s >= _OVERDUE_S:
            # Screens and libraries came after the beginning, and stay.
            self._has_begun = due = True
            self._collect(0.0)
        elif due:
            self._collect(_LONG_S)
        return due

    def _collect(self, long_s: float) -> None:
        """Collect; where it takes so long, what is left is passed over the next times."""
        started = self._work_clock()
        gc.collect()
        if self._work_clock() - started >= long_s:
            gc.freeze()


def heard(driver_class: type[Driver], pressed: Callable[[], None]) -> type[Driver]:
    """The same driver, which tells when somebody presses a key or moves the mouse."""

    class Heard(driver_class):  # type: ignore[valid-type,misc]
        def process_message(self, message: Message) -> None:
            if isinstance(message, events.InputEvent):
                pressed()
            super().process_message(message)

    return Heard
