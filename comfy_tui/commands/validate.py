"""``comfy-tui validate``: whether a server would take workflow files, and what it would say."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from comfy_tui.commands.common import Command, say, settle, tell
from comfy_tui.commands.node_source import add_node_source, describe, find_nodes
from comfy_tui.errors import EXIT_FAILURE, EXIT_OK, WorkflowError
from comfy_tui.text import clean, count_of

if TYPE_CHECKING:
    from comfy_tui.inventory.inventory import Inventory
    from comfy_tui.inventory.nodes import NodeInfo
    from comfy_tui.inventory.prepare import Prepared
    from comfy_tui.workflow.diagnostic import Diagnostic

    Asking = Callable[[Prepared], Prepared]

#: Every key of an entry of ``validate --json``, with its meaning.
JSON_KEYS: dict[str, str] = {
    "file": "as it was named",
    "ok": "whether the server would take it, as far as its node definitions tell",
    "format": '"api", "editor", or null where it could not be read',
    "diagnostics": "a list of objects, see below",
    "checked_with": "an object: server, comfyui_version, age_s (seconds, null where not known), "
    "origin (server, cache or file)",
}


@dataclass(frozen=True, slots=True)
class Report:
    """What is to be said of one file."""

    file: str
    ok: bool
    format: str | None
    diagnostics: tuple[Diagnostic, ...]


def examine(path: str, info: NodeInfo, ask: Asking | None = None) -> Report:
    """Read, convert where that is needed, and check one file; a broken file is a report too.

    Args:
        path: the file.
        info: the server's node classes.
        ask: asks the server for what they do not tell.
    """
    from comfy_tui.commands.workflow_file import read_file
    from comfy_tui.inventory.prepare import prepare
    from comfy_tui.workflow.diagnostic import Diagnostic, Severity

    try:
        file = read_file(path, as_sent=True)
    except WorkflowError as error:
        words = f"{error.title}: {error.message}" if error.message else error.title
        words = words.replace(f"{path} ", "the file ", 1).replace(f"{path}: ", "", 1)
        found = Diagnostic(Severity.ERROR, "unreadable_file", words, hint=error.hint or None)
        return Report(path, False, None, (found,))
    notes = tuple(Diagnostic(Severity.WARNING, "mended_file", note) for note in file.notes)
    ready = prepare(file, info)
    if ask is not None:
        ready = ask(ready)
    if ready.prompt is None:
        lost = Diagnostic(Severity.ERROR, "not_converted", ready.why_not)
        return Report(path, False, file.kind.value, (lost, *notes))
    return Report(path, not ready.errors, file.kind.value, (*ready.diagnostics, *notes))


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="a workflow in any format")
    add_node_source(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON list, an entry a file, for scripts")


def _run(args: argparse.Namespace) -> int:
    inventory = find_nodes(args)
    from comfy_tui.commands.progress import track
    from comfy_tui.inventory.nodes import NodeInfo

    info = NodeInfo.from_inventory(inventory)
    ask = _asking(args, info)
    reports: list[Report] = []
    for path in track(args.files, len(args.files), "checking"):
        reports.append(examine(path, info, ask))
        if not args.json:
            tell("\n".join(_lines(reports[-1])))
    good = sum(report.ok for report in reports)
    if args.json:
        tell(json.dumps(_as_list(reports, inventory), allow_nan=False))
    else:
        total = count_of(len(reports), "workflow")
        say(f"{good} of {total} can be queued; checked against {describe(inventory)}")
    return EXIT_OK if good == len(reports) else EXIT_FAILURE


def _asking(args: argparse.Namespace, info: NodeInfo) -> Asking | None:
    """Asks for files that the node classes do not list; where no server told the classes, nobody does."""
    if not info.is_live:
        return None
    import asyncio

    from comfy_tui.comfy.client import ComfyClient
    from comfy_tui.inventory.file_look import look_for_files

    server = settle(args, server=args.server).server

    async def look(ready: Prepared) -> Prepared:
        async with ComfyClient(server) as client:
            return await look_for_files(client, ready, info)

    return lambda ready: asyncio.run(look(ready)) if ready.unknown_files else ready


def _as_list(reports: list[Report], inventory: Inventory) -> list[dict[str, Any]]:
    import time

    from comfy_tui.commands.diagnostic_text import as_dict

    age_s = inventory.age_s(time.time())
    source = {
        "server": inventory.server or None,
        "comfyui_version": inventory.comfyui_version,
        "age_s": None if age_s is None else round(age_s),
        "origin": inventory.origin.value,
    }
    return [
        {
            "file": report.file,
            "ok": report.ok,
            "format": report.format,
            "diagnostics": [as_dict(one) for one in report.diagnostics],
            "checked_with": source,
        }
        for report in reports
    ]


def _lines(report: Report) -> list[str]:
    """One file as a person reads it."""
    from comfy_tui.commands.diagnostic_text import lines_of
    from comfy_tui.workflow.diagnostic import Severity

    counts = [
        count_of(number, severity.value)
        for severity in (Severity.ERROR, Severity.WARNING)
        if (number := sum(one.severity is severity for one in report.diagnostics))
    ]
    verdict = "can be queued" if report.ok else "cannot be queued"
    head = f"{clean(report.file, 4096)}: {verdict}{': ' if counts else ''}{', '.join(counts)}"
    ordered = sorted(report.diagnostics, key=lambda one: list(Severity).index(one.severity))
    return [head, *(line for one in ordered for line in lines_of(one))]


COMMAND = Command(
    "validate",
    "tell whether a server would take workflow files, and what is wrong with them",
    _add_arguments,
    _run,
    "Nothing is queued. Exit code 0: all can be queued; 1: some cannot; 2: the arguments, the config or "
    "the node definitions cannot be used; 3: no server answers and nothing is known of it.",
)
