"""Finds jobs by the beginning of their id, as people copy it from a list."""

from __future__ import annotations

import asyncio

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.types import JobState
from comfy_tui.errors import ComfyError, ConfigError
from comfy_tui.text import clean

#: So many ended jobs are looked through; older ones are found by their whole id.
_RECENT = 200
_RECENT_WITHOUT_JOBS_API = 50
_SHORTEST = 4


async def find_job(client: ComfyClient, beginning: str) -> str:
    """The id of the job that begins so: one that runs or waits before one that has ended.

    Raises:
        ComfyError: the server has none.
        ConfigError: several begin so, or it is too short.
        ApiError: the server cannot be asked.
    """
    wanted = beginning.strip().lower()
    if len(wanted) < _SHORTEST:
        raise ConfigError("Too short", f"{beginning!r}: at least {_SHORTEST} characters of the id", "")
    queue, ended = await asyncio.gather(client.queue(), _ended_ids(client))
    active = tuple(record.prompt_id for record in (*queue.running, *queue.pending))
    for ids in (active, ended):
        found = list(dict.fromkeys(item for item in ids if item.lower().startswith(wanted)))
        if wanted in (item.lower() for item in found):
            found = [item for item in found if item.lower() == wanted]
        if len(found) > 1:
            names = ", ".join(clean(item, 40) for item in found[:5])
            raise ConfigError(
                "Which job?", f"{beginning} is the beginning of {names}", "Give more of the id."
            )
        if found:
            return found[0]
    if await client.history_entry(beginning.strip()) is not None:
        return beginning.strip()
    hint = "Its queue and history were looked through; a restart of ComfyUI empties both."
    raise ComfyError("No such job", f"the server has no job {clean(beginning, 80)}", hint)


async def _ended_ids(client: ComfyClient) -> tuple[str, ...]:
    """Of the jobs that ended last."""
    states = (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED)
    page = await client.jobs(states, _RECENT)
    records = page.jobs if page is not None else await client.history(_RECENT_WITHOUT_JOBS_API)
    return tuple(record.prompt_id for record in records)
