"""``comfy-tui inventory``: what a server has, or what a ComfyUI folder holds."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from comfy_tui import paths
from comfy_tui.commands.common import Command, say, settle, tell
from comfy_tui.commands.node_source import ask_or_remember, of_project, told_ago
from comfy_tui.errors import EXIT_OK, ConfigError, TimedOut, Unreachable
from comfy_tui.options import AppOptions
from comfy_tui.text import clean, count_of, format_bytes, printable

if TYPE_CHECKING:
    from comfy_tui.inventory.inventory import Inventory, Pack

_UNKNOWN = "unknown"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print one JSON object, as --save writes it")
    how.add_argument(
        "--save", action="store_true", help="write state/inventory.json of the project and print its path"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--comfyui", type=Path, metavar="DIR", help="look through this ComfyUI folder; no server is asked"
    )
    where.add_argument("--server", metavar="URL|name", help="ask this server (default: as everywhere)")


def _run(args: argparse.Namespace) -> int:
    settings = settle(args, server=args.server)
    if args.save and settings.project is None:
        raise ConfigError(
            "There is no project here",
            "--save writes state/inventory.json of a project",
            "Name its folder with --project DIR, or go to a folder with a manifest.yaml.",
        )
    inventory = _find(args, settings)
    for note in inventory.notes:
        say(f"warning: {note}")
    if args.save and settings.project is not None:
        _save(settings.project.folder, inventory)
    elif args.json:
        from comfy_tui.inventory.project_file import to_project_file

        tell(json.dumps(to_project_file(inventory), indent=2))
    else:
        tell("\n".join(_lines(inventory)))
    return EXIT_OK


def _find(args: argparse.Namespace, settings: AppOptions) -> Inventory:
    if args.comfyui is not None:
        from comfy_tui.inventory.scan import scan_folder

        return scan_folder(paths.expanded(args.comfyui))
    try:
        return ask_or_remember(settings.server, named=bool(args.server), with_models=True)
    except (Unreachable, TimedOut) as error:
        kept = of_project(settings)
        if args.server or kept is None:
            raise
        say(f"{error}; used is the project's own inventory, written {told_ago(kept)}")
        return kept


def _save(project: Path, inventory: Inventory) -> None:
    from comfy_tui.inventory.project_file import write_project_file

    written = write_project_file(project, inventory)
    if written.set_aside is not None:
        say(f"warning: what stood there could not be read; it is {written.set_aside.name} now")
    tell(printable(written.path, 4096))


def _lines(inventory: Inventory) -> list[str]:
    """The inventory as a person reads it."""
    system, known = inventory.system, bool(inventory.object_info)
    memory = "" if system.vram_total_bytes is None else f", {format_bytes(system.vram_total_bytes)} VRAM"
    rows = [
        ("server", inventory.server or "none was asked"),
        ("mode", _mode(inventory)),
        ("ComfyUI", inventory.comfyui_version or _UNKNOWN),
        ("gpu", f"{system.gpu or _UNKNOWN}{memory}"),
        ("nodes", count_of(len(inventory.object_info), "class", "classes") if known else _UNKNOWN),
        ("packs", count_of(len(inventory.packs), "pack")),
        *(("", f"  {_pack_words(pack)}") for pack in inventory.packs),
        *_model_rows(inventory),
    ]
    if inventory.embeddings is not None:
        rows.append(("", f"  usable in texts: {count_of(len(inventory.embeddings), 'embedding')}"))
    return [f"{name:<8} {clean(text)}".rstrip() for name, text in rows]


def _mode(inventory: Inventory) -> str:
    from comfy_tui.inventory.inventory import Origin

    if inventory.is_live:
        return "online, asked just now"
    if inventory.origin is Origin.FOLDER:
        return "offline, read from the folder just now"
    return f"offline, as it was {told_ago(inventory)}"


def _pack_words(pack: Pack) -> str:
    facts = [] if pack.node_classes is None else [count_of(pack.node_classes, "node class", "node classes")]
    facts += [f"version {pack.version}"] if pack.version else []
    return f"{pack.name}{': ' if facts else ''}{', '.join(facts)}"


def _model_rows(inventory: Inventory) -> list[tuple[str, str]]:
    if inventory.models is None:
        return [("models", _UNKNOWN)]
    full = {name: len(files) for name, files in inventory.models.items() if files}
    empty = len(inventory.models) - len(full)
    total = f"{count_of(sum(full.values()), 'file')} in {count_of(len(full), 'folder')}"
    rows = [("models", f"{total}{f'; {empty} more are empty' if empty else ''}")]
    rows += [("", f"  {name}: {number}") for name, number in full.items()]
    return rows


COMMAND = Command(
    "inventory",
    "tell what a server has: node classes, packs, models",
    _add_arguments,
    _run,
    "A server that does not answer is told from the cache, or from the project's own file. "
    "Exit code 0: told; 2: the arguments, the config or the folder cannot be used; 3: nothing is known.",
)
