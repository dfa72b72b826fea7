"""The journal's part of one server, as the session and the commands use it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from comfy_tui.errors import ComfyError
from comfy_tui.monitor.journal.journal import Journal
from comfy_tui.monitor.journal.row import Asked, Fate, JournalJob, Place, Wish

if TYPE_CHECKING:
    import sqlite3

    from comfy_tui.comfy.types import JobRecord
    from comfy_tui.monitor.state import Job


@dataclass(frozen=True, slots=True)
class Known:
    """What the journal knows of a server when a console starts, and what was known of the server itself."""

    on_server: tuple[JournalJob, ...] = ()
    abandoned: tuple[JournalJob, ...] = ()
    #: The server was asked to stop these, and no answer is known.
    unanswered: tuple[str, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)
    #: Where it was read; see :attr:`Shelf.generation`.
    generation: int = 0


class Shelf:
    """One server's jobs in the journal.

    Args:
        journal: the journal.
        server: the server's address.
        name: what it is called.
        clock: the time in Unix seconds.
    """

    def __init__(
        self, journal: Journal, server: str, name: str = "", *, clock: Callable[[], float] = time.time
    ) -> None:
        self.journal = journal
        self.server = server
        self.place = Place(server, name or server, journal.owner)
        self._clock = clock
        self._seen_version = (-1, -1)
        self._stale = True

    @property
    def durable(self) -> bool:
        """Whether what is written outlives this run."""
        return self.journal.durable

    @property
    def generation(self) -> int:
        """Grows when the journal goes on in another place: :meth:`open` it again then."""
        return self.journal.generation

    async def open(self) -> Known:
        """Take over from earlier runs."""
        from comfy_tui.monitor.journal import job_table

        def work(connection: sqlite3.Connection) -> Known:
            now_s = self._clock()
            job_table.recover(connection, self.place, now_s)
            facts = connection.execute("SELECT name, value FROM fact WHERE server = ?", (self.server,))
            return Known(
                job_table.on_server(connection, self.place),
                job_table.abandoned(connection, self.place, now_s),
                job_table.with_wish(connection, self.place, Wish.ASKED),
                {row["name"]: row["value"] for row in facts},
                self.journal.generation,
            )

        return await self.journal.call(work)

    async def usual_s(self, prompt_id: str) -> float | None:
        """How long runs like this job took; None where none is known."""
        from comfy_tui.monitor.journal import median_table

        return await self.journal.call(median_table.usual_s, self.server, prompt_id)

    # -- sending -------------------------------------------------------------------------------

    async def put(
        self, asked: Asked, fate: Fate = Fate.SENDING, *, evidence: str = "", again_of: str = ""
    ) -> None:
        """Write a job of ours before anything is done with it; when this returns, a kill does not lose it."""
        from comfy_tui.monitor.journal import job_table

        self._stale = True
        await self.journal.call(
            job_table.put, self.place, asked, fate, self._clock(), evidence=evidence, again_of=again_of
        )

    async def put_held(self, asked: Sequence[Asked]) -> None:
        """Write jobs that are about to be taken off the server, in their order."""
        from comfy_tui.monitor.journal import job_table

        def work(connection: sqlite3.Connection) -> None:
            last = connection.execute("SELECT coalesce(max(place), 0) FROM job").fetchone()[0]
            for number, one in enumerate(asked, last + 1):
                job_table.put(connection, self.place, one, Fate.HOLDING, self._clock(), order=number)

        self._stale = True
        await self.journal.call(work)
        await self.journal.sync()

    async def settle(
        self, prompt_ids: Sequence[str], fate: Fate, *, evidence: str = "", only_from: Iterable[Fate] = ()
    ) -> tuple[str, ...]:
        """Write what has become of jobs; returns the ids for which that was news."""
        from comfy_tui.monitor.journal import job_table

        self._stale = True
        return await self.journal.call(
            job_table.settle,
            self.place,
            tuple(prompt_ids),
            fate,
            self._clock(),
            evidence=evidence,
            only_from=tuple(only_from),
        )

    def post_settle(
        self, prompt_id: str, fate: Fate, *, evidence: str = "", number: float | None = None
    ) -> None:
        """Write what has become of a job that this process has sent; nobody waits for it."""
        from comfy_tui.monitor.journal import job_table

        self._stale = True
        self.journal.post(
            job_table.settle,
            self.place,
            (prompt_id,),
            fate,
            self._clock(),
            evidence=evidence,
            number=number,
            only_from=(Fate.SENDING, Fate.UNKNOWN, Fate.UNSENT),
        )

    async def claim(self, prompt_id: str, only_from: Iterable[Fate]) -> JournalJob | None:
        """Take a kept job to send it; None where another console was first, or it is no more.

        Raises:
            ComfyError: the journal's file cannot be used, and another console may have the job from there.
        """
        from comfy_tui.monitor.journal import job_table

        def work(connection: sqlite3.Connection) -> JournalJob | None:
            self._refuse_lent(connection, prompt_id)
            return job_table.claim(connection, self.place, prompt_id, tuple(only_from), self._clock())

        self._stale = True
        self.journal.hurry()
        return await self.journal.call(work)

    def _refuse_lent(self, connection: sqlite3.Connection, prompt_id: str) -> None:
        from comfy_tui.monitor.journal.spare import is_lent

        if not self.durable and is_lent(connection, self.server, prompt_id):
            raise ComfyError(
                "It is not queued now",
                "the journal cannot be written, so another console could queue it as well",
                "A message of this run said why. The workflow itself can be queued (2).",
            )

    async def claim_again(self, prompt_id: str, new_id: str) -> JournalJob | None:
        """Mark a lost job as queued again as ``new_id``, which is written as being sent; None: it was before.

        A job whose prompt is not kept is given back unmarked.

        Raises:
            ComfyError: as :meth:`claim`.
        """
        from comfy_tui.monitor.journal import job_table

        def work(connection: sqlite3.Connection) -> JournalJob | None:
            self._refuse_lent(connection, prompt_id)
            return job_table.claim_again(connection, self.place, prompt_id, new_id, self._clock())

        self._stale = True
        self.journal.hurry()
        return await self.journal.call(work)

    async def unclaim_again(self, prompt_id: str, new_id: str) -> None:
        """The successor was refused: the job can be queued again after all."""
        from comfy_tui.monitor.journal import job_table

        self._stale = True
        await self.journal.call(job_table.unclaim_again, self.place, prompt_id, new_id)

    async def release(self, before: JournalJob) -> None:
        """Nothing was sent: a claimed job is again what it was."""
        await self.settle(
            [before.prompt_id], before.fate, evidence=before.evidence, only_from=(Fate.SENDING,)
        )

    async def dismiss(self, prompt_ids: Iterable[str]) -> None:
        """Put jobs away; they stay in the history."""
        from comfy_tui.monitor.journal import job_table

        self._stale = True
        await self.journal.call(job_table.dismiss, self.place, tuple(prompt_ids), self._clock())

    async def want(self, prompt_ids: Iterable[str], wish: Wish) -> None:
        """Write what is about to be asked of the server, or that it was heard, or that it is no more."""
        from comfy_tui.monitor.journal import job_table

        ids = tuple(prompt_ids)
        if ids:
            await self.journal.call(job_table.want, self.place, ids, wish)

    # -- watching ------------------------------------------------------------------------------

    async def observe(
        self, jobs: Sequence[Job], learned: Sequence[JobRecord], asked_at_s: float
    ) -> list[str]:
        """Write what the server lists; returns the ids of which something newer was known."""
        from comfy_tui.monitor.journal import sight_table

        self._stale = True
        return await self.journal.call(
            sight_table.observe, self.place, tuple(jobs), tuple(learned), asked_at_s
        )

    async def verdict(self, prompt_ids: Sequence[str], fate: Fate, evidence: str) -> tuple[str, ...]:
        """Jobs are listed nowhere any more.

        Those that the server has taken a request from here to stop are cancelled.  Where no answer is known,
        that counts only if the server did not forget them with its memory.

        Returns:
            The ids that are that now, and were on the server before.
        """
        from comfy_tui.monitor.journal.job_table import settle, with_wish

        def work(connection: sqlite3.Connection) -> tuple[str, ...]:
            now_s = self._clock()
            taken = with_wish(connection, self.place, Wish.TAKEN, prompt_ids)
            asked = with_wish(connection, self.place, Wish.ASKED, prompt_ids)
            rest = [one for one in prompt_ids if one not in (*taken, *asked)]
            no_answer = "cancelling it was asked for from here, without an answer"
            became = Fate.LOST if fate is Fate.LOST else Fate.CANCELLED
            changed: list[str] = []
            for before, words in ((Fate.PENDING, "It waited"), (Fate.RUNNING, "It ran")):
                for ids, end, why in (
                    (taken, Fate.CANCELLED, f"{words} when it was cancelled from here."),
                    (asked, became, f"{words} when {no_answer}. {evidence}"),
                    (rest, fate, f"{words} when it was last seen. {evidence}"),
                ):
                    found = settle(connection, self.place, ids, end, now_s, evidence=why, only_from=(before,))
                    changed += found if end is fate else ()
            return tuple(changed)

        self._stale = True
        return await self.journal.call(work)

    async def kept(self) -> tuple[JournalJob, ...] | None:
        """The jobs that wait for a person; None where nothing has changed since they were read."""
        from comfy_tui.monitor.journal import job_table

        def work(connection: sqlite3.Connection) -> tuple[JournalJob, ...] | None:
            data = int(connection.execute("PRAGMA data_version").fetchone()[0])
            version = (self.journal.generation, data)
            if version == self._seen_version and not stale:
                return None
            self._seen_version = version
            job_table.recover(connection, self.place, self._clock())
            return job_table.kept(connection, self.place)

        stale, self._stale = self._stale, False
        return await self.journal.call(work)

    def remember(self, **facts: str) -> None:
        """Keep something about the server itself for the next start."""

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "INSERT OR REPLACE INTO fact VALUES (?, ?, ?)",
                [(self.server, name, value) for name, value in facts.items()],
            )

        # Now and then, so that what other consoles left half done is taken over.
        self._stale = True
        self.journal.post(work)

    def memory(self, prompt_id: str, **bytes_seen: Any) -> None:
        """Keep what was seen of the graphics memory: ``before_bytes``, ``peak_bytes``, ``after_bytes``."""
        from comfy_tui.monitor.journal import sight_table

        self.journal.post(sight_table.memory, self.place, prompt_id, **bytes_seen)

    async def one(self, prompt_id: str) -> JournalJob | None:
        """A job with its prompt."""
        from comfy_tui.monitor.journal import job_read

        return await self.journal.call(job_read.one, self.server, prompt_id)


def evidence_of(error: ComfyError) -> str:
    """An error as the journal keeps it: title, message and hint, a line each."""
    return "\n".join((error.title, error.message, error.hint))
