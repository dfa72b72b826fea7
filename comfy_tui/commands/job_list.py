"""What the commands for jobs share: reading a server's jobs once, and telling them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from comfy_tui.commands.common import say, say_error, tell
from comfy_tui.text import clean, format_duration

if TYPE_CHECKING:
    from comfy_tui.comfy.client import ComfyClient
    from comfy_tui.monitor.journal import Journal, JournalJob
    from comfy_tui.monitor.journal.shelf import Shelf
    from comfy_tui.monitor.register import Register
    from comfy_tui.monitor.state import Job, Jobs
    from comfy_tui.options import AppOptions

#: Every key of a job as the commands print it with ``--json``; what is not known is null.
JOB_KEYS: dict[str, str] = {
    "prompt_id": "the job's id",
    "state": '"running", "waiting", "completed", "failed", "cancelled"; from the journal also "lost", '
    '"gone", "held", "unsent", "unknown", "sending", "holding", "refused"',
    "title": "the workflow's name, else what it makes",
    "server": "the server's address",
    "ours": "whether it was queued from here; null where its prompt was not read",
    "number": "its priority: smaller ones run first",
    "created_at_s": "Unix seconds, as all times",
    "started_at_s": "null as well where only a bound is known",
    "ended_at_s": "",
    "waited_s": "seconds between the two",
    "ran_s": "seconds that it ran",
    "outputs": "a list of objects: filename, subfolder, type, node_id",
    "error": "null, or an object: type, message, node_id, class_type",
    "evidence": "why it is lost, gone, unsent or unknown, in words",
    "vram_peak_bytes": "the most graphics memory that was seen in use while it ran",
    "again_as": "the id of the job that was queued in its stead",
}
_STATES = {"in_progress": "running", "pending": "waiting"}


@dataclass(frozen=True, slots=True)
class Desk:
    """A server and its part of the journal, for one command."""

    client: ComfyClient
    journal: Journal
    shelf: Shelf
    register: Register
    jobs: Jobs


@asynccontextmanager
async def open_desk(settings: AppOptions) -> AsyncIterator[Desk]:
    """Read the jobs of the server once, as the console does.

    Raises:
        ApiError: it does not answer.
    """
    import asyncio
    import time

    from comfy_tui.comfy.client import ComfyClient
    from comfy_tui.monitor.changes import Changes
    from comfy_tui.monitor.identity import read_install_id
    from comfy_tui.monitor.jobs import JobTracker
    from comfy_tui.monitor.journal.shelf import Shelf
    from comfy_tui.monitor.register import Register

    server = settings.server
    journal = open_journal(settings)
    try:
        async with ComfyClient(server, readonly=settings.readonly) as client:
            shelf = Shelf(journal, server.url, server.name)
            install_id = await asyncio.to_thread(read_install_id)
            records: list[Any] = []
            tracker = JobTracker(
                client,
                install_id=install_id,
                history_items=settings.config.history_items,
                on_read=records.append,
            )
            register = Register(client, shelf, job_of=tracker.job_of, interval_s=settings.interval_s)
            asked_at_s = time.time()
            jobs = await tracker.read()
            for record in records:
                register.learned(record)
            changes = Changes(server.name)
            # The first look may be this one: what is lost is told by whoever finds it out.
            for notice in await register.take(jobs, asked_at_s):
                say(f"{notice.title}: {notice.message}")
                for event in changes.feed(notice):
                    journal.add_event(event)
            yield Desk(client, journal, shelf, register, jobs)
    finally:
        await journal.close()


def open_journal(settings: AppOptions) -> Journal:
    """The journal of this person; where it cannot be used, that is said once."""
    from comfy_tui import paths
    from comfy_tui.monitor.journal import Journal

    config = settings.config
    return Journal(
        paths.journal_file(),
        keep_days=config.journal_days,
        keep_bytes=config.journal_mb * 1024 * 1024,
        on_problem=say_error,
    )


def job_object(job: Job, server: str) -> dict[str, Any]:
    """A job of the server for ``--json``."""
    started = None if job.start_is_bound else job.started_at_s
    found: dict[str, Any] = dict.fromkeys(JOB_KEYS)
    found |= {
        "prompt_id": job.prompt_id,
        "state": _STATES.get(job.state.value, job.state.value),
        "title": job.title,
        "server": server,
        "ours": job.ours if job.summary is not None else None,
        "number": job.number,
        "created_at_s": job.created_at_s,
        "started_at_s": started,
        "ended_at_s": job.ended_at_s,
        "ran_s": job.ended_at_s - started if job.ended_at_s is not None and started is not None else None,
    }
    return found | _made(job)


def journal_object(job: JournalJob) -> dict[str, Any]:
    """A job of the journal for ``--json``."""
    same = (
        *("prompt_id", "title", "server", "ours", "number", "created_at_s", "started_at_s", "ended_at_s"),
        *("waited_s", "ran_s", "evidence", "vram_peak_bytes"),
    )
    found = {name: getattr(job, name) for name in same}
    found["state"] = _STATES.get(job.fate.value, job.fate.value)
    found["again_as"] = job.again_as or None
    return {key: (found | _made(job))[key] for key in JOB_KEYS}


def _made(job: Job | JournalJob) -> dict[str, Any]:
    error = job.error
    names = ("filename", "subfolder", "type", "node_id")
    return {
        "outputs": [{name: getattr(file, name) for name in names} for file in job.outputs],
        "error": None
        if error is None
        else {
            "type": error.exception_type,
            "message": error.message,
            "node_id": error.node_id,
            "class_type": error.class_type,
        },
    }


def tell_jobs(found: Iterable[dict[str, Any]], *, as_json: bool, now_s: float) -> None:
    """Print jobs: a list of objects, or a line each for a person."""
    if as_json:
        tell(json.dumps(list(found)))
        return
    for job in found:
        whose = {True: "ours", False: "other"}.get(job["ours"], "--")
        ran = job["ran_s"]
        if ran is None and job["state"] == "running" and job["started_at_s"] is not None:
            ran = now_s - job["started_at_s"]
        words = format_duration(ran) if ran is not None else "--"
        title = clean(job["title"], 100)
        short = clean(job["prompt_id"], 80)[:8]
        tell(f"{short:<8}  {job['state']:<9}  {whose:<5}  {words:>8}  {title}".rstrip())
