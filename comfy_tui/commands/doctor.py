"""``comfy-tui doctor``: what the console depends on, and what to do where something is amiss."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

from comfy_tui.commands.common import Command, add_server, has_terminal, settle, tell
from comfy_tui.errors import EXIT_FAILURE, EXIT_OK, EXIT_UNREACHABLE
from comfy_tui.text import clean

if TYPE_CHECKING:
    from comfy_tui.doctor.check import Section
    from comfy_tui.terminal.facts import TerminalFacts

#: Every key of ``doctor --json``, with its meaning.
JSON_KEYS: dict[str, str] = {
    "ok": "whether nothing is bad",
    "sections": "a list of objects: id, title, checks",
    "checks": "in a section: a list of objects: id, title, state, found, remedy, lines",
    "state": "of a check: ok, note, warn or bad",
}
_BAR = 48


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_server(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object, for scripts")


def _run(args: argparse.Namespace) -> int:
    import asyncio

    from comfy_tui.doctor.check import State, worst
    from comfy_tui.doctor.examine import examine
    from comfy_tui.doctor.words import as_text, report
    from comfy_tui.terminal.probe import ask

    settings = settle(args, server=args.server)
    facts = ask(os.environ)
    columns, lines = shutil.get_terminal_size()
    size = (columns, lines) if has_terminal() else None
    sections = asyncio.run(examine(settings, facts, size=size))
    if args.json:
        tell(json.dumps(_as_dict(sections)))
    else:
        encoding = (getattr(sys.stdout, "encoding", "") or "").lower().replace("-", "")
        plain = encoding != "utf8" or settings.ascii or facts.glyphs is not None
        tell(as_text(report(sections, plain=plain), columns if has_terminal() else 0))
        if has_terminal() and not facts.no_colour:
            tell("")
            tell(f"  {_ramp(facts)}  smooth where there are all colours")
    server = next(section for section in sections if section.id == "server")
    if any(check.state is State.BAD for check in server.checks):
        return EXIT_UNREACHABLE
    return EXIT_FAILURE if worst(sections) is State.BAD else EXIT_OK


def _as_dict(sections: tuple[Section, ...]) -> dict[str, Any]:
    from comfy_tui.doctor.check import State, worst

    return {
        "ok": worst(sections) is not State.BAD,
        "sections": [
            {
                "id": section.id,
                "title": section.title,
                "checks": [
                    {
                        "id": check.id,
                        "title": check.title,
                        "state": str(check.state),
                        "found": clean(check.found, 2000),
                        "remedy": clean(check.remedy, 2000),
                        "lines": [clean(line, 300) for line in check.lines],
                    }
                    for check in section.checks
                ],
            }
            for section in sections
        ],
    }


def _ramp(facts: TerminalFacts) -> str:
    """A bar from blue over green to red, in the colours that were found."""
    from comfy_tui.pictures.mode import ColourDepth

    cells = []
    for column in range(_BAR):
        share = column / (_BAR - 1)
        red, blue = max(0.0, 2 * share - 1), max(0.0, 1 - 2 * share)
        rgb = [round(255 * part) for part in (red, 1 - red - blue, blue)]
        if facts.depth is ColourDepth.TRUE:
            code = f"48;2;{rgb[0]};{rgb[1]};{rgb[2]}"
        elif facts.depth is ColourDepth.EIGHT_BIT:
            levels = [round(part / 51) for part in rgb]
            code = f"48;5;{16 + 36 * levels[0] + 6 * levels[1] + levels[2]}"
        else:
            code = str(40 + sum((part > 127) << place for place, part in enumerate(rgb)))
        cells.append(f"\x1b[{code}m ")
    return "".join(cells) + "\x1b[0m"


COMMAND = Command(
    "doctor",
    "look at terminal, tmux, clipboard, server and folders, and say what to mend",
    _add_arguments,
    _run,
    "Exit code 0: nothing is bad; 1: something is; 3: the server does not answer.",
)
