"""The journal as the console uses it: one thread of its own does all that touches the file.

What fails is told once, and the console goes on with a journal in memory until the file can be used again.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from comfy_tui.errors import ComfyError
from comfy_tui.monitor.journal.row import JournalEvent

if TYPE_CHECKING:
    import sqlite3

T = TypeVar("T")
P = ParamSpec("P")
DAY_S = 86_400.0
#: How often what is too old is looked for.
_PRUNE_EVERY_S = 3_600.0
#: What a journal in memory may hold.
_MEMORY_BYTES = 32 * 1024 * 1024
#: After so long a file that could not be used is tried again; each time after twice as long, up to the most.
_RETRY_S, _RETRY_MOST_S = 15.0, 240.0
#: A file that is held by another program is not waited for then: the next turn comes soon.
_RETRY_BUSY_S = 0.2
#: What was told is told again only after so long: a disk may be full by turns.
_QUIET_S = 3_600.0


class Journal:
    """The journal of this person: jobs and events of every server.

    No SQLite is imported before the first call; calls are done one after the other, each in a transaction.

    Args:
        file: where it is; None keeps it in memory for this run.
        keep_days: how long what has ended is kept.
        keep_bytes: how large the file may grow.
        on_problem: is told, on the event loop, why the file cannot be used; once.
        on_return: is told, on the event loop, that it can be used again after that.
        clock: the time in Unix seconds.
    """

    def __init__(
        self,
        file: Path | None,
        *,
        keep_days: float = 90.0,
        keep_bytes: int = 256 * 1024 * 1024,
        on_problem: Callable[[ComfyError], None] = lambda error: None,
        on_return: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.file = file
        #: Marks what this run has under way: another console sees whether it still lives.
        self.owner = f"{os.getpid()}:{uuid.uuid4().hex[:12]}"
        self._keep_s = keep_days * DAY_S
        self._keep_bytes = keep_bytes
        self._on_problem = on_problem
        self._on_return = on_return
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._connection: sqlite3.Connection | None = None
        self._pruned_at_s = 0.0
        #: Nothing more is written.
        self.closed = False
        #: Whether what is written outlives this run; known after the first call.
        self.durable = file is not None
        #: Grows whenever it goes on in another place: what was read from it may not be all that there is.
        self.generation = 0
        self._in_file = False
        self._retry_at_s, self._retry_after_s = 0.0, _RETRY_S
        #: What was told, and when; and whether the end of that is to be told.
        self._told: dict[str, float] = {}
        self._outage_told = False

    # -- the thread ----------------------------------------------------------------------------

    async def call(
        self, function: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run ``function(connection, ...)`` in the journal's thread, in one transaction; wait for it.

        When it returns, what was written survives a kill of this process.
        """
        if self.closed:
            # The console ends: whoever still asks ends with it.
            raise asyncio.CancelledError
        self._loop = asyncio.get_running_loop()
        work = self._thread.submit(self._run, lambda connection: function(connection, *args, **kwargs))
        # Shielded: what was begun is written, also where nobody waits any more.
        return await asyncio.shield(asyncio.wrap_future(work))

    def post(
        self, function: Callable[Concatenate[sqlite3.Connection, P], Any], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Run it later, in its turn; nobody waits for it."""
        with suppress(RuntimeError):
            self._loop = asyncio.get_running_loop()
        if not self.closed:
            work = self._thread.submit(self._run, lambda connection: function(connection, *args, **kwargs))
            work.add_done_callback(_raise_in_thread)

    async def sync(self) -> None:
        """Have what was written on the disk itself: it survives a power cut, too."""
        if not self.closed:
            await asyncio.shield(asyncio.wrap_future(self._thread.submit(self._checkpoint)))

    def _checkpoint(self) -> None:
        import sqlite3

        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _run(self, function: Callable[[sqlite3.Connection], T]) -> T:
        import sqlite3

        for _ in range(3):
            connection = self._ready()
            try:
                result = self._transact(connection, function)
                self._prune(connection)
                return result
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
                    raise
                if not self._recover(connection, error):
                    raise
        raise AssertionError("the journal in memory failed, too")

    def _transact(self, connection: sqlite3.Connection, function: Callable[[sqlite3.Connection], T]) -> T:
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = function(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result

    def _prune(self, connection: sqlite3.Connection) -> None:
        """Now and then; where it fails, the next call finds out why."""
        import sqlite3

        from comfy_tui.monitor.journal.retention import prune

        if self._clock() - self._pruned_at_s > _PRUNE_EVERY_S:
            self._pruned_at_s = self._clock()
            with suppress(sqlite3.DatabaseError):
                keep_bytes = self._keep_bytes if self._in_file else min(self._keep_bytes, _MEMORY_BYTES)
                prune(connection, self._clock() - self._keep_s, keep_bytes)

    def _ready(self) -> sqlite3.Connection:
        """The connection: to the file, or to what stands in for it where it is not time to try again."""
        from comfy_tui.monitor.journal.spare import open_spare

        if self._connection is None:
            self._connection = open_spare(None)
        if self.file is not None and not self._in_file and self._clock() >= self._retry_at_s:
            self._use_file()
        return self._connection

    def hurry(self) -> None:
        """Try a file that cannot be used with the next call: somebody needs it."""
        self._retry_at_s = 0.0

    def _use_file(self) -> None:
        """Open the file and bring back what was written elsewhere; where that fails, try again later."""
        import sqlite3

        from comfy_tui.monitor.journal.file import open_file, unusable
        from comfy_tui.monitor.journal.spare import bring_back

        spare, file = self._connection, self.file
        assert spare is not None
        assert file is not None
        try:
            connection, problem = open_file(file, _RETRY_BUSY_S if self._told else None)
            try:
                self._transact(connection, lambda it: bring_back(it, spare))
            except BaseException:
                connection.close()
                raise
        except sqlite3.DatabaseError as error:
            self._go_on_without(unusable(error, file))
            return
        except ComfyError as error:
            self._go_on_without(error)
            return
        spare.close()
        self._connection, self._in_file, self.durable = connection, True, True
        self.generation += 1
        if problem is not None:
            self._tell(problem)
        elif self._outage_told:
            self._say(self._on_return)
        self._outage_told = False

    def _go_on_without(self, error: ComfyError) -> None:
        """Tell why the file cannot be used, once, and when it is tried again."""
        now_s = self._clock()
        self.durable = False
        self._retry_at_s = now_s + self._retry_after_s
        self._retry_after_s = min(_RETRY_MOST_S, 2 * self._retry_after_s)
        if not self._outage_told and now_s - self._told.get(str(error), -_QUIET_S) >= _QUIET_S:
            self._outage_told = True
            self._told[str(error)] = now_s
            self._tell(error)

    def _recover(self, connection: sqlite3.Connection, error: sqlite3.DatabaseError) -> bool:
        """Go on in memory after the file failed; returns whether that makes sense."""
        from comfy_tui.monitor.journal.file import is_damage, unusable
        from comfy_tui.monitor.journal.spare import open_spare

        if self.file is None or not self._in_file:
            return False
        if self._clock() - self._retry_at_s > _QUIET_S:
            self._retry_after_s = _RETRY_S
        self._connection, self._in_file = open_spare(connection), False
        self.generation += 1
        with suppress(Exception):
            connection.close()
        if is_damage(error):
            self._retry_at_s = 0.0  # at once: opening it finds the damage, and sets it aside
        else:
            self._go_on_without(unusable(error, self.file))
        return True

    def _tell(self, error: ComfyError) -> None:
        self._say(lambda: self._on_problem(error))

    def _say(self, call: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is gone
            if self._loop is not None and not self.closed:
                self._loop.call_soon_threadsafe(call)

    async def aclose(self) -> None:
        """As :meth:`close`, for ``contextlib.aclosing``."""
        await self.close()

    async def close(self) -> None:
        """Write what is still to be written, then close the file."""
        if self.closed:
            return
        self.closed = True
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        self._thread.submit(self._close_file).result()
        self._thread.shutdown()

    def _close_file(self) -> None:
        if self._connection is not None:
            if self.file is not None and not self._in_file:
                self._use_file()  # a last time: what is in memory ends with this run
            self._connection.close()
            self._connection = None

    # -- what others ask most ------------------------------------------------------------------

    def add_event(self, event: JournalEvent) -> None:
        """Write an event; one without a time happened now."""
        from comfy_tui.monitor.journal import event_table

        self.post(event_table.add, event, event.at_s or self._clock())

    async def events(
        self, *, after_id: int = 0, limit: int = 500, server: str = "", kinds: tuple[str, ...] = ()
    ) -> tuple[JournalEvent, ...]:
        """The newest events after that id, oldest first.

        Args:
            after_id: the ``row_id`` of the last one that is known.
            limit: at most so many.
            server: of that address only.
            kinds: of these kinds only.
        """
        from comfy_tui.monitor.journal import event_table

        return await self.call(event_table.read, after_id=after_id, limit=limit, server=server, kinds=kinds)


def is_alive(owner: str) -> bool:
    """Whether the process that marked something as its own still runs; another user's counts as running."""
    pid = owner.partition(":")[0]
    if not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _raise_in_thread(work: Future[Any]) -> None:
    """A mistake in the code is not swallowed: it is reported as of an uncaught exception in a thread."""
    error = work.exception()
    if error is not None:
        args = threading.ExceptHookArgs((type(error), error, error.__traceback__, threading.current_thread()))
        threading.excepthook(args)
