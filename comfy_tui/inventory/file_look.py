"""Asks a server whether it has the files that loaders name and its node definitions do not list.

A list is as old as the definitions: what it lacks may have been uploaded since, so that a server is asked
before a file is called missing, and asked again for one that it did not have.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from comfy_tui.comfy.types import OutputFile
from comfy_tui.errors import ApiError, Refused, TimedOut, Unreachable
from comfy_tui.inventory.prepare import Prepared, judge

if TYPE_CHECKING:
    from comfy_tui.comfy.client import ComfyClient
    from comfy_tui.inventory.nodes import NodeInfo
    from comfy_tui.workflow.checking.files import ServerFile
    from comfy_tui.workflow.edits import Edits

_MOST = 40
_GONE = 404
_EMPTY = 416  # it has not even the first byte, but is there


async def look_for_files(
    client: ComfyClient, ready: Prepared, info: NodeInfo | None, edits: Edits | None = None
) -> Prepared:
    """Ask for the files that a workflow may lack, and judge it by what the server says.

    A file that the server does not want to tell of stays as judged, and so do all while nobody answers.

    Args:
        client: of the server.
        ready: the workflow as judged.
        info: the definitions by which it was judged.
        edits: a person's changes.
    """
    wanted = (*ready.unknown_files, *ready.missing_files)[:_MOST]
    if info is None or not wanted:
        return ready
    found = await _ask(client, wanted)
    info.known_files.update(found)
    if not any(there or file in ready.unknown_files for file, there in found.items()):
        return ready  # as it was judged
    return await asyncio.to_thread(judge, ready, info, edits)


async def _ask(client: ComfyClient, files: Iterable[ServerFile]) -> dict[ServerFile, bool]:
    found: dict[ServerFile, bool] = {}
    for folder, path in files:
        subfolder, _, name = path.rpartition("/")
        try:
            await client.view_size(OutputFile(name, subfolder, folder, ""))
        except Refused as error:
            if error.status in (_GONE, _EMPTY):
                found[folder, path] = error.status == _EMPTY
        except (Unreachable, TimedOut):
            break
        except ApiError:
            continue
        else:
            found[folder, path] = True
    return found
