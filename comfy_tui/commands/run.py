"""``comfy-tui run``: queue a workflow, follow it to its end, save what it made."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from comfy_tui.commands.common import Command, settle
from comfy_tui.errors import ConfigError, ExportError

if TYPE_CHECKING:
    from comfy_tui.commands.run_plan import Wishes
    from comfy_tui.options import AppOptions
    from comfy_tui.workflow.formats import WorkflowFile

MAX_COUNT = 1000
#: Every event of ``run --json`` with its keys, beside ``event`` and ``prompt_id``, which all have.
EVENT_KEYS: dict[str, dict[str, str]] = {
    "queued": {
        "copy": "which copy it is, from 1",
        "copies": "how many were asked for",
        "number": "the server's priority; null where its answer did not come but it has the job",
        "seeds": 'the seeds of this copy: {"NODE.INPUT": number}',
        "left_out": "what the server will not run, in words; normally empty",
    },
    "started": {},
    "node": {
        "node_id": "the node that begins; nodes that the server has cached do not",
        "class_type": "its class",
        "title": "its title",
        "nodes_done": "nodes that are done or cached",
        "nodes_total": "nodes of the workflow",
    },
    "progress": {
        "node_id": "the node at work",
        "value": "its step",
        "max": "of how many",
        "nodes_done": "as above",
        "nodes_total": "as above",
    },
    "output": {
        "node_id": "the node that made it",
        "filename": "on the server; null for a text",
        "subfolder": "on the server",
        "type": '"output", or "temp" with --temp',
        "url": "where it is on the server",
        "path": "where it is saved; null without --output, or where that failed",
        "text": "of a node that shows text; else null",
    },
    "ended": {
        "state": '"completed", "failed", "interrupted" (there, not from here), "cancelled" (from here), '
        '"stopping" (cancelled, but it has not stopped yet), "lost" (the server has it no more), "rejected", '
        '"not_sent", "unknown" (no answer came: it may be queued), "left" (it goes on, nobody follows)',
        "error": "null, or an object: type, message, node_id, class_type, title",
        "elapsed_s": "how long it ran; null where it did not",
    },
}


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a workflow in any format; - reads stdin")
    parser.add_argument("--server", metavar="URL|name", help="run it on this server (default: as everywhere)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NODE.INPUT=VALUE",
        dest="sets",
        help="change a value; NODE is an id, or a title or class that only one node has",
    )
    parser.add_argument(
        "--image",
        action="append",
        default=[],
        metavar="[NODE=]PATH",
        dest="images",
        help="upload a file and load it in that node, or in the only one that loads a file",
    )
    parser.add_argument(
        "--seed", type=_seed, metavar="N|random", help="all seeds; copies count up from N, or draw their own"
    )
    parser.add_argument(
        "--count", type=_count, default=1, metavar="N", help=f"queue so many copies (1 to {MAX_COUNT})"
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="save what it makes there")
    parser.add_argument("--temp", action="store_true", help="take temporary files (previews) too")
    parser.add_argument("--anyway", action="store_true", help="send it though the server would refuse it")
    parser.add_argument("--json", action="store_true", help="print a JSON object a line for every event")


def _seed(text: str) -> int | str:
    if text == "random":
        return text
    if text.isascii() and text.isdigit() and int(text[:21]) < 2**64 and len(text) <= 20:
        return int(text)
    raise argparse.ArgumentTypeError("expected a whole number from 0 to 18446744073709551615, or random")


def _count(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MAX_COUNT:
        return int(text)
    raise argparse.ArgumentTypeError(f"expected a whole number from 1 to {MAX_COUNT}")


def _run(args: argparse.Namespace) -> int:
    settings = settle(args, server=args.server)
    if settings.readonly:
        raise ConfigError(
            "Read-only",
            f"the config says that nothing on {settings.server.url} is changed, and run queues",
            "Take readonly out of the config, or name another server with --server.",
        )
    import asyncio

    from comfy_tui.commands.run_plan import Wishes
    from comfy_tui.commands.workflow_file import read_file

    file = read_file(args.file, as_sent=True)
    if args.output is not None:
        args.output = _make_folder(args.output)
    wishes = Wishes(tuple(args.sets), tuple(args.images), args.seed, args.count, args.anyway)
    return asyncio.run(_work(args, settings, file, wishes))


async def _work(args: argparse.Namespace, settings: AppOptions, file: WorkflowFile, wishes: Wishes) -> int:
    """Plan and run, with an eye on ctrl-c."""
    import uuid
    from contextlib import aclosing

    from comfy_tui.comfy.client import ComfyClient
    from comfy_tui.commands.job_list import open_journal
    from comfy_tui.commands.run_jobs import Jobs
    from comfy_tui.commands.run_plan import Planner
    from comfy_tui.commands.run_report import make_report
    from comfy_tui.commands.run_stop import Watched, watch
    from comfy_tui.monitor.identity import read_install_id
    from comfy_tui.monitor.journal.shelf import Shelf
    from comfy_tui.monitor.submit import Outbox

    name = "stdin" if args.file == "-" else args.file
    report = make_report(as_json=args.json, saves=args.output is not None)
    async with ComfyClient(settings.server) as client, aclosing(open_journal(settings)) as journal:
        client_id = f"comfy-tui-{uuid.uuid4().hex}"
        outbox = Outbox(
            client,
            client_id=lambda: client_id,
            install_id=read_install_id(),
            shelf=Shelf(journal, settings.server.url, settings.server.name),
            keeps=False,
        )
        title = Path(name).stem or name
        jobs = Jobs(client, outbox, client_id, report, name=title, folder=args.output, temp=args.temp)

        async def work(stopped: Callable[[], bool]) -> int:
            plan = await Planner(client, name).plan(file, wishes)
            return await jobs.run(plan, stopped)

        return await watch(work, Watched(jobs, client, outbox, report))


def _make_folder(folder: Path) -> Path:
    """Make it before anything is sent: what is made must have a place."""
    import os

    try:
        folder = folder.expanduser()
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK | os.X_OK)
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise ExportError("Nothing can be saved", f"{folder}: {reason}", "Name another --output.") from error
    if not writable:
        raise ExportError("Nothing can be saved", f"{folder}: not writable", "Name another --output.")
    return folder


COMMAND = Command(
    "run",
    "queue a workflow, follow it to its end, and save what it made",
    _add_arguments,
    _run,
    "stdout has the saved files, a path a line; without --output their addresses. Ctrl-c leaves the job on "
    "the server, a second one cancels it. Exit code 0: every copy completed; 1: not all did, or it was not "
    "queued; 2: the arguments or the config are wrong; 3: the server cannot be reached; 130: ctrl-c.",
)
