"""Jobs with outputs that the journal knows: of other servers, or forgotten by the watched one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from comfy_tui.comfy.types import JobState
from comfy_tui.monitor.journal import Journal
from comfy_tui.monitor.journal.document import unpack
from comfy_tui.monitor.journal.output_table import documents, with_outputs
from comfy_tui.monitor.journal.row import JournalJob
from comfy_tui.monitor.state import Job
from comfy_tui.workflow.parameters import PromptSummary, nodes, summarize

#: So many jobs are listed at most.
LIMIT = 1000
#: So many prompts are unpacked at a time: the list grows while the rest is read.
_PART = 100


@dataclass(frozen=True, slots=True)
class RememberedJob:
    """A job as the journal has it, and whose it is."""

    server: str
    server_name: str
    job: Job


_Told = tuple[PromptSummary | None, Mapping[str, str]]


class Remembered:
    """Reads them; what a prompt says is read once.

    Args:
        journal: the journal.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._told: dict[int, _Told] = {}

    async def read(self, server: str, publish: Callable[[tuple[RememberedJob, ...]], None]) -> None:
        """Publish the jobs: at once without what is not known of their prompts, then with it.

        Args:
            server: of this address only; empty for all.
            publish: takes all that are known by then, newest first.
        """
        rows = await self._journal.call(with_outputs, server, LIMIT)
        publish(self._jobs(rows))
        new = [row.row_id for row in rows if row.row_id not in self._told]
        for start in range(0, len(new), _PART):
            ids = new[start : start + _PART]
            packed = await self._journal.call(documents, ids)
            self._told.update(await asyncio.to_thread(_tell, packed))
        if new:
            publish(self._jobs(rows))

    def _jobs(self, rows: tuple[JournalJob, ...]) -> tuple[RememberedJob, ...]:
        return tuple(
            RememberedJob(row.server, row.server_name or row.server, _job(row, self._told.get(row.row_id)))
            for row in rows
        )


def _tell(packed: Mapping[int, bytes]) -> dict[int, _Told]:
    found: dict[int, _Told] = {}
    for row_id, document in packed.items():
        prompt: Mapping[str, Any] | None = unpack(document)[0]
        if prompt:
            found[row_id] = (summarize(prompt), {node_id: kind for node_id, kind, _, _ in nodes(prompt)})
    return found


def _job(row: JournalJob, told: _Told | None) -> Job:
    summary, names = told or (None, {})
    try:
        state = JobState(row.fate.value)
    except ValueError:
        state = JobState.FAILED
    return Job(
        prompt_id=row.prompt_id,
        state=state,
        number=row.number or 0.0,
        title=row.title,
        ours=row.ours,
        client_id=row.client_id,
        created_at_s=row.created_at_s or row.noted_at_s,
        started_at_s=row.started_at_s,
        ended_at_s=row.ended_at_s,
        outputs=row.outputs,
        texts=row.texts,
        error=row.error,
        summary=summary,
        node_names=names or None,
    )
