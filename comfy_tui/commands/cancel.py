"""``comfy-tui cancel``: stop jobs, by their ids or the beginnings of them."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from comfy_tui.commands.common import Command, say, say_error, settle, tell
from comfy_tui.errors import EXIT_FAILURE, EXIT_OK

if TYPE_CHECKING:
    from comfy_tui.options import AppOptions

#: Every key of ``cancel --json``.
JSON_KEYS: dict[str, str] = {
    "removed": "ids that waited, and were taken out of the queue",
    "interrupted": "ids that ran, and were asked to stop: they do at their next step",
    "gone": "ids that neither ran nor waited any more",
}


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", nargs="+", metavar="ID", help="jobs, or the beginnings of their ids")
    parser.add_argument("--server", metavar="URL|name", help="the server (default: as everywhere)")
    parser.add_argument("--json", action="store_true", help="print one JSON object, for scripts")


def _run(args: argparse.Namespace) -> int:
    import asyncio

    return asyncio.run(_cancel(settle(args, server=args.server), args.ids, as_json=args.json))


async def _cancel(settings: AppOptions, beginnings: list[str], *, as_json: bool) -> int:
    from comfy_tui.commands.job_list import open_desk
    from comfy_tui.errors import ApiError, ComfyError, ConfigError
    from comfy_tui.monitor.control import Control
    from comfy_tui.monitor.find import find_job
    from comfy_tui.monitor.submit import Outbox

    async with open_desk(settings) as desk:
        ids, unknown = [], 0
        # All are found before one is stopped: an ambiguous one stops everything.
        for beginning in beginnings:
            try:
                ids.append(await find_job(desk.client, beginning))
            except (ApiError, ConfigError):
                raise
            except ComfyError as error:
                say_error(error)
                unknown += 1
        outbox = Outbox(desk.client, client_id=lambda: "comfy-tui-cancel", install_id="", shelf=desk.shelf)
        control = Control(desk.client, outbox, watch=desk.register)
        result = await control.cancel(ids)
    if as_json:
        tell(json.dumps({name: list(getattr(result, name)) for name in JSON_KEYS}))
    else:
        for prompt_id in result.removed:
            tell(f"{prompt_id} removed from the queue")
        for prompt_id in result.interrupted:
            tell(f"{prompt_id} asked to stop")
        for prompt_id in result.gone:
            say(f"{prompt_id} neither runs nor waits")
    return EXIT_FAILURE if unknown or result.gone else EXIT_OK


COMMAND = Command(
    "cancel",
    "stop jobs that run or wait",
    _add_arguments,
    _run,
    "A beginning of at least 4 characters is enough; where several jobs begin so, nothing is stopped. "
    "Exit code 0: all were removed or asked to stop; 1: some were not there any more; 2: an id is ambiguous, "
    "or the arguments are wrong; 3: the server cannot be reached.",
)
