"""``comfy-tui queue`` and ``comfy-tui jobs``: what a server's queue and history hold, once."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from comfy_tui.commands.common import Command, add_server, say, settle
from comfy_tui.errors import EXIT_OK

if TYPE_CHECKING:
    from comfy_tui.options import AppOptions


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_server(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON list with an object for each job")


def _run_queue(args: argparse.Namespace) -> int:
    import asyncio

    return asyncio.run(_tell(settle(args, server=args.server), as_json=args.json, everything=False))


def _run_jobs(args: argparse.Namespace) -> int:
    import asyncio

    return asyncio.run(_tell(settle(args, server=args.server), as_json=args.json, everything=True))


async def _tell(settings: AppOptions, *, as_json: bool, everything: bool) -> int:
    import time

    from comfy_tui.commands.job_list import job_object, journal_object, open_desk, tell_jobs

    async with open_desk(settings) as desk:
        jobs, url = desk.jobs, settings.server.url
        shown = (*jobs.running, *jobs.pending, *(jobs.ended if everything else ()))
        found = [job_object(job, url) for job in shown]
        if everything:
            ids = [entry.prompt_id for entry in desk.register.unsent]
            ids += [entry.prompt_id for entry in desk.register.kept]
            kept = [await desk.shelf.one(prompt_id) for prompt_id in ids]
            found += [journal_object(job) for job in kept if job is not None]
        tell_jobs(found, as_json=as_json, now_s=time.time())
        if not found and not as_json:
            say("nothing runs and nothing waits" if not everything else "the server knows of no job")
    return EXIT_OK


_CODES = "Exit code 0: the server answered; 2: the config or the arguments are wrong; 3: nothing answers."
QUEUE = Command(
    "queue",
    "list what runs and what waits, in the order in which it will run",
    _add_arguments,
    _run_queue,
    _CODES,
)
JOBS = Command(
    "jobs",
    "list the queue, the newest ended jobs, and what the journal keeps: held, lost, not sent",
    _add_arguments,
    _run_jobs,
    _CODES,
)
