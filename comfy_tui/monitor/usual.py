"""How long the jobs that run now usually take, by the journal: whoever queued them, and whenever."""

from __future__ import annotations

from dataclasses import replace

from comfy_tui.monitor.journal.shelf import Shelf
from comfy_tui.monitor.state import Job, Jobs


class Usual:
    """Looks each running job up once, and forgets it when it runs no more.

    Args:
        shelf: where the job itself is written by then, and the runs before it.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._known: dict[str, float | None] = {}

    async def told(self, jobs: Jobs) -> Jobs:
        """The jobs, with what is usual for those that run."""
        known: dict[str, float | None] = {}
        for job in jobs.running:
            if job.summary is not None:  # else its prompt has not been read yet
                known[job.prompt_id] = await self._look_up(job)
        self._known = known
        return replace(
            jobs, running=tuple(replace(job, usual_s=known.get(job.prompt_id)) for job in jobs.running)
        )

    async def _look_up(self, job: Job) -> float | None:
        if job.prompt_id in self._known:
            return self._known[job.prompt_id]
        return await self._shelf.usual_s(job.prompt_id)
