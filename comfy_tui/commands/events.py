"""``comfy-tui events``: what the consoles of this person saw happen, from the journal; asks no server."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from comfy_tui import paths
from comfy_tui.commands.common import Command, say, say_error, tell
from comfy_tui.errors import EXIT_FAILURE, EXIT_OK, ComfyError
from comfy_tui.monitor.event_kinds import KINDS
from comfy_tui.text import clean

if TYPE_CHECKING:
    from comfy_tui.monitor.journal import Journal
    from comfy_tui.monitor.journal.row import JournalEvent

_LAST = 50
_AT_ONCE = 500
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
#: Seconds between two looks of ``--follow``.
_FOLLOW_S = 1.0
#: Every key of an object of ``--json``.
JSON_KEYS: dict[str, str] = {
    "id": "a number that grows from event to event",
    "at_s": "when the console saw it, in Unix seconds",
    "kind": "one of the kinds above",
    "severity": "`information`, `warning` or `error`",
    "server": "the name of the server",
    "prompt_id": "the job that it is about, or empty",
    "title": "a few words: a job's name for the kinds about a job",
    "text": "what is known of it",
}


def since(text: str) -> float:
    """The value of ``--since`` as Unix seconds: ``90s``, ``30m``, ``2h``, ``7d`` ago, or an ISO time."""
    words = text.strip().lower()
    if words[:-1].replace(".", "", 1).isdigit() and words[-1:] in _UNITS and words.isascii():
        return time.time() - float(words[:-1]) * _UNITS[words[-1]]
    import datetime

    try:
        return datetime.datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError, OSError):
        expected = "expected a span such as 30m, 2h, 7d, or a time such as 2026-01-31T12:00"
        raise argparse.ArgumentTypeError(expected) from None


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print a JSON object a line, for scripts")
    parser.add_argument("--follow", "-f", action="store_true", help="go on with what happens from now on")
    parser.add_argument("--since", type=since, metavar="WHEN", help="30m, 2h, 7d, or an ISO time")
    parser.add_argument("--kind", action="append", choices=tuple(KINDS), help="only these; may be repeated")
    parser.add_argument("--server", default="", metavar="NAME", help="only of the server of that name")
    parser.add_argument(
        "--last", type=int, metavar="N", help=f"at most so many (default {_LAST}, with --since all)"
    )


def _run(args: argparse.Namespace) -> int:
    import asyncio

    file = paths.journal_file()
    if not file.exists() and not args.follow:
        say("nothing has happened yet: no console has kept a journal")
        return EXIT_OK
    return asyncio.run(_print(args))


async def _print(args: argparse.Namespace) -> int:
    from comfy_tui.monitor.journal import Journal

    problems: list[ComfyError] = []
    journal = Journal(paths.journal_file(), on_problem=problems.append)
    try:
        await _print_all(args, journal)
    finally:
        await journal.close()
    for problem in problems:
        say_error(problem)
    return EXIT_FAILURE if problems else EXIT_OK


async def _print_all(args: argparse.Namespace, journal: Journal) -> None:
    import asyncio

    write = _json if args.json else _words
    kinds = tuple(args.kind or ())
    limit = args.last if args.last is not None else (_LAST if args.since is None else 1_000_000)
    found = await journal.events(limit=max(1, limit), server=args.server, kinds=kinds)
    _tell(found, args.since, write)
    after = max((event.row_id for event in found), default=0)
    if args.follow and not after:
        # Nothing of these kinds: go on behind whatever there is.
        after = max((event.row_id for event in await journal.events(limit=1)), default=0)
    while args.follow:
        await asyncio.sleep(_FOLLOW_S)
        found = await journal.events(after_id=after, limit=_AT_ONCE, server=args.server, kinds=kinds)
        _tell(found, None, write)
        after = max((event.row_id for event in found), default=after)


def _tell(
    found: tuple[JournalEvent, ...], since_s: float | None, write: Callable[[JournalEvent], str]
) -> None:
    for event in found:
        if since_s is None or event.at_s >= since_s:
            tell(write(event))


def _json(event: JournalEvent) -> str:
    return json.dumps(
        {
            "id": event.row_id,
            "at_s": round(event.at_s, 3),
            "kind": event.kind,
            "severity": event.severity,
            "server": event.server,
            "prompt_id": event.prompt_id,
            "title": event.title,
            "text": event.text,
        }
    )


def _words(event: JournalEvent) -> str:
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event.at_s))
    words = f"{event.title}: {event.text}" if event.text else event.title
    return clean(f"{stamp}  {event.kind:<12}  {event.server}  {words}", 1_000)


COMMAND = Command(
    "events",
    "print what happened, from the journal that the console keeps",
    _add_arguments,
    _run,
    "Exit code 0: done, also where nothing happened; 1: the journal cannot be read.",
)
