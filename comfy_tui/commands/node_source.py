"""Where ``convert`` and ``validate`` know a server's node classes from: a file, a server, or the cache."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from comfy_tui.commands.common import say, settle
from comfy_tui.errors import TimedOut, Unreachable
from comfy_tui.text import format_age

if TYPE_CHECKING:
    from comfy_tui.config import ServerProfile
    from comfy_tui.inventory.inventory import Inventory
    from comfy_tui.options import AppOptions


def add_node_source(parser: argparse.ArgumentParser) -> None:
    """The options that name it."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--object-info",
        type=Path,
        metavar="FILE",
        help="a saved answer of /object_info, an inventory.json, or a file of comfy-tui's cache; "
        "no server is asked",
    )
    which.add_argument(
        "--server",
        metavar="URL|name",
        help="ask this server (default: as everywhere, or what it said last if it does not answer)",
    )


def find_nodes(args: argparse.Namespace) -> Inventory:
    """The node classes that were asked for.

    A server that was named must answer. The one of the config or the environment may be away: then
    what it said last counts, from the cache or else the project's file, and stderr says how old that is.

    Raises:
        ConfigError: the file or the config cannot be used.
        ApiError: the server does not answer, and nothing is kept of it.
    """
    if args.object_info is not None:
        from comfy_tui.inventory.given import read_object_info

        return read_object_info(args.object_info)
    settings = settle(args, server=args.server)
    try:
        return ask_or_remember(settings.server, named=bool(args.server), with_models=False)
    except (Unreachable, TimedOut) as error:
        kept = of_project(settings)
        if args.server or kept is None or not kept.object_info:
            raise
        say(f"{error}; used is the project's own inventory, written {told_ago(kept)}: it may be old")
        return kept


def of_project(settings: AppOptions) -> Inventory | None:
    """What the project's ``state/inventory.json`` says of the server in question; None where it has none."""
    if settings.project is None:
        return None
    from comfy_tui.inventory.project_file import read_project_file

    found = read_project_file(settings.project.folder)
    return found if found is not None and found.server in ("", settings.server.url) else None


def ask_or_remember(server: ServerProfile, *, named: bool, with_models: bool) -> Inventory:
    """Ask the server; where it does not answer, take what it said last, and tell so on stderr.

    Args:
        server: the server.
        named: it was named for this very run: then only its own answer counts.
        with_models: ask for models and packs too.

    Raises:
        ApiError: the server does not answer, and nothing is kept of it or ``named``.
    """
    import asyncio

    try:
        return asyncio.run(_ask(server, with_models))
    except (Unreachable, TimedOut) as error:
        kept = _kept(server)
        if kept is None:
            raise
        age = told_ago(kept)
        if named:
            say(f"what it said {age} is in the cache: without --server that would be used")
            raise
        say(f"{error}; used is what {server.url} said {age}: it may have changed since")
        return kept


def told_ago(inventory: Inventory) -> str:
    """How long ago it was told, in words."""
    age_s = inventory.age_s(time.time())
    return "at an unknown time" if age_s is None else format_age(age_s)


def describe(inventory: Inventory) -> str:
    """Against what something was checked, in words."""
    from comfy_tui.inventory.inventory import Origin

    version = f"ComfyUI {inventory.comfyui_version}" if inventory.comfyui_version else "ComfyUI"
    where = f" at {inventory.server}" if inventory.server else ""
    if inventory.origin is Origin.SERVER:
        return f"{version}{where}, asked just now"
    if inventory.fetched_at_s is None:
        return "the node definitions of a file, whose age and ComfyUI version are not known"
    return f"{version}{where}, as it was {told_ago(inventory)}"


async def _ask(server: ServerProfile, with_models: bool) -> Inventory:
    from comfy_tui.comfy.client import ComfyClient
    from comfy_tui.inventory.keeper import InventoryKeeper

    async with ComfyClient(server) as client:
        return await InventoryKeeper(client).get(with_models=with_models)


def _kept(server: ServerProfile) -> Inventory | None:
    from comfy_tui.inventory.store import InventoryStore

    return InventoryStore().load(server.url)
