"""``comfy-tui free``: have the server unload its models, and tell what that gave."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from comfy_tui.commands.common import Command, add_server, say, settle, tell
from comfy_tui.errors import EXIT_OK
from comfy_tui.text import format_bytes

if TYPE_CHECKING:
    from comfy_tui.options import AppOptions

#: Every key of ``free --json``; what the server does not tell is null.
JSON_KEYS: dict[str, str] = {
    "waits": "whether a job runs: the server frees when it has ended, and the numbers are of now",
    "vram_before_bytes": "graphics memory in use before",
    "vram_after_bytes": "and after",
    "ram_before_bytes": "main memory in use before",
    "ram_after_bytes": "and after",
}


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_server(parser)
    parser.add_argument("--keep-cache", action="store_true", help="unload the models, keep cached results")
    parser.add_argument("--json", action="store_true", help="print one JSON object, for scripts")


def _run(args: argparse.Namespace) -> int:
    import asyncio

    settings = settle(args, server=args.server)
    return asyncio.run(_free(settings, keep_cache=args.keep_cache, as_json=args.json))


async def _free(settings: AppOptions, *, keep_cache: bool, as_json: bool) -> int:
    from comfy_tui.comfy.client import ComfyClient
    from comfy_tui.monitor.control import Control, used_ram_bytes, used_vram_bytes
    from comfy_tui.monitor.submit import Outbox

    async with ComfyClient(settings.server, readonly=settings.readonly) as client:
        control = Control(client, Outbox(client, client_id=lambda: "", install_id=""))
        freed = await control.free(unload_models=True, free_memory=not keep_cache)
    sizes = {
        f"{what}_{when}_bytes": used(stats)
        for what, used in (("vram", used_vram_bytes), ("ram", used_ram_bytes))
        for when, stats in (("before", freed.before), ("after", freed.after))
    }
    if as_json:
        tell(json.dumps({"waits": freed.waits, **sizes}))
        return EXIT_OK
    for what in ("vram", "ram"):
        before, after = sizes[f"{what}_before_bytes"], sizes[f"{what}_after_bytes"]
        if before is not None and after is not None:
            tell(f"{what.upper():<5} {format_bytes(before)} in use before, {format_bytes(after)} after")
    if freed.waits:
        say("a job runs: the server frees its memory when that has ended")
    return EXIT_OK


COMMAND = Command(
    "free",
    "have the server unload its models and forget cached results",
    _add_arguments,
    _run,
    "Exit code 0: it was asked; 2: the config or the arguments are wrong; 3: the server cannot be reached.",
)
