"""``comfy-tui watch``: follow a job, or whatever the queue holds, to the end."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from comfy_tui.commands.common import Command, settle

if TYPE_CHECKING:
    from comfy_tui.options import AppOptions

#: Every event of ``watch --json`` with its keys, beside ``event``, ``prompt_id`` and ``title``.
EVENT_KEYS: dict[str, dict[str, str]] = {
    "waiting": {"before": "how many jobs run or wait before it"},
    "started": {
        "usual_s": "how long earlier runs of its workflow took, by the journal; null where none is known"
    },
    "progress": {
        "value": "the step of the node at work",
        "max": "of how many",
        "per_s": "steps in a second; null while that is not known",
        "steps_left_s": "seconds that the rest of them takes; null while that is not known",
        "left_s": "seconds until the job is done, by its earlier runs; null while that is not known",
        "node": "the title of the node; null where only the log tells of steps",
        "from_log": "whether it was read from a progress bar in the server's log",
    },
    "ended": {
        "state": '"completed", "failed", "interrupted", or "lost" (the server has it no more)',
        "error": "null, or an object: type, message, node_id, class_type",
        "elapsed_s": "how long it ran; null where the server does not tell",
    },
}


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "id", nargs="?", metavar="ID", help="a job, or the beginning of its id; without it, the whole queue"
    )
    parser.add_argument("--server", metavar="URL|name", help="the server (default: as everywhere)")
    parser.add_argument("--json", action="store_true", help="print a JSON object a line for every event")


def _run(args: argparse.Namespace) -> int:
    import asyncio

    return asyncio.run(_watch(args, settle(args, server=args.server)))


async def _watch(args: argparse.Namespace, settings: AppOptions) -> int:
    import asyncio

    from comfy_tui import paths
    from comfy_tui.comfy.client import ComfyClient
    from comfy_tui.commands.run_stop import Presses
    from comfy_tui.commands.watch_jobs import Watcher, make_teller
    from comfy_tui.errors import EXIT_INTERRUPTED

    presses = Presses()
    teller = make_teller(as_json=args.json)
    async with ComfyClient(settings.server, readonly=settings.readonly) as client:
        with presses.counting():
            watcher = Watcher(client, teller, paths.journal_file())
            work = asyncio.create_task(watcher.job(args.id) if args.id else watcher.queue())
            pressed = asyncio.create_task(presses.reach(1))
            try:
                await asyncio.wait({work, pressed}, return_when=asyncio.FIRST_COMPLETED)
                return work.result() if work.done() else EXIT_INTERRUPTED
            finally:
                for task in (work, pressed):
                    task.cancel()
                await asyncio.gather(work, pressed, return_exceptions=True)
                teller.clear()


COMMAND = Command(
    "watch",
    "follow a job, or all that the queue holds, to the end",
    _add_arguments,
    _run,
    "Nothing is changed on the server, and ctrl-c only ends the watching. A server tells the steps of a job "
    "to whoever queued it; here they come from its log, where it has them. Exit code 0: all that was watched "
    "completed, or there was nothing; 1: something failed, was interrupted or is lost, or there is no such "
    "job; 2: the arguments or the config are wrong; 3: the server cannot be reached; 130: ctrl-c.",
)
