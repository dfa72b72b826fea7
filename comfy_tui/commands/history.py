"""``comfy-tui history``: the journal of every job seen on every server; export and import."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from comfy_tui.commands.common import Command, output_errors, say, settle
from comfy_tui.errors import EXIT_FAILURE, EXIT_OK, ExportError
from comfy_tui.text import count_of

#: Lines that are no jobs, before the first that is one.
_MOST_BAD = 100

if TYPE_CHECKING:
    from comfy_tui.monitor.journal import Journal
    from comfy_tui.options import AppOptions


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "words",
        nargs="*",
        metavar="WORD",
        help="show jobs that hold all the words: of the prompt, workflow, nodes, models or server, or an "
        "outcome (done, failed, lost ...)",
    )
    parser.add_argument(
        "--limit", type=int, default=50, metavar="N", help="at most so many, newest first (50)"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON list with an object for each job")
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--export", metavar="FILE", help="write every job as a line of JSON; - is stdout")
    either.add_argument("--import", dest="take", metavar="FILE", help="take the jobs of such a file")


def _run(args: argparse.Namespace) -> int:
    import asyncio

    return asyncio.run(_history(args, settle(args, server=None)))


async def _history(args: argparse.Namespace, settings: AppOptions) -> int:
    import time

    from comfy_tui.commands.job_list import journal_object, open_journal, tell_jobs
    from comfy_tui.monitor.journal.search_table import search

    journal = open_journal(settings)
    try:
        if args.export is not None:
            from comfy_tui.monitor.journal.transfer import export_jobs

            count, after = 0, 0
            with output_errors(), _opened(args.export) as file:
                while (page := await journal.call(export_jobs, file.write, after))[0]:
                    count, after = count + page[0], page[1]
            say(f"{count_of(count, 'job')} written")
        elif args.take is not None:
            return await _take(args.take, journal, settings.config.journal_days)
        else:
            words, limit = " ".join(args.words), max(1, args.limit)
            found = await journal.call(lambda connection: search(connection, words, limit=limit))
            tell_jobs(map(journal_object, found.jobs), as_json=args.json, now_s=time.time())
            if found.total > len(found.jobs) or not found.total:
                say(f"{len(found.jobs)} of {found.total} found, {found.everything} in the journal")
        return EXIT_OK if journal.durable else EXIT_FAILURE
    finally:
        await journal.close()


async def _take(name: str, journal: Journal, keep_days: float) -> int:
    import time

    from comfy_tui.monitor.journal.transfer import LINE_LIMIT, Taken, import_jobs

    found, before_s = Taken(), time.time() - keep_days * 86_400
    try:
        with _opened_to_read(name) as file:
            for lines in _batches(file, LINE_LIMIT):
                found += await journal.call(import_jobs, lines, before_s)
                if found.bad > _MOST_BAD and not found.taken + found.known + found.old:
                    break  # it is something else, perhaps without an end
    except OSError as error:
        raise ExportError("The file cannot be read", f"{name}: {error.strerror}") from error
    words = f"{count_of(found.taken, 'job')} taken, {found.known} known before"
    if found.old:
        words += f"; {count_of(found.old, 'job')} left out: older than journal_days ({keep_days:g})"
    say(words + (f"; {count_of(found.bad, 'line')} left out: no job" if found.bad else ""))
    return EXIT_FAILURE if found.bad and not found.taken + found.known + found.old else EXIT_OK


def _batches(file: IO[str], line_limit: int) -> Iterator[list[str]]:
    """Some lines at a time: no more than a hundred, nor more than the longest line may have."""
    lines: list[str] = []
    size = 0
    while line := file.readline(line_limit + 1):
        lines.append(line)
        size += len(line)
        if len(lines) == 100 or size >= line_limit:
            yield lines
            lines, size = [], 0
    yield lines


def _opened_to_read(name: str) -> IO[str]:
    if name == "-":
        return open(sys.stdin.fileno(), encoding="utf-8", errors="replace", closefd=False)
    return Path(name).open(encoding="utf-8", errors="replace")


def _opened(name: str) -> IO[str]:
    """A new private file, never over another; or stdout."""
    if name == "-":
        return open(sys.stdout.fileno(), "w", encoding="utf-8", closefd=False)
    try:
        handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ExportError(
            "The file is there already", f"{name} is not written over", "Name another."
        ) from None
    except OSError as error:
        raise ExportError("The file cannot be written", f"{name}: {error.strerror}") from error
    return os.fdopen(handle, "w", encoding="utf-8")


COMMAND = Command(
    "history",
    "list the jobs that were seen on any server, from this person's journal",
    _add_arguments,
    _run,
    "No server is asked. A file that is exported holds prompts; keys for paid nodes are never in it. Exit "
    "code 0: told, written or taken; 1: the journal or the file cannot be used; 2: the arguments are wrong.",
)
