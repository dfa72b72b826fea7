"""Asks a server for all that it has."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from comfy_tui.errors import ApiError, BadReply, TimedOut, Unreachable
from comfy_tui.inventory.inventory import Inventory, Origin, System, find_packs
from comfy_tui.inventory.node_table import NodeTable
from comfy_tui.text import count_of

if TYPE_CHECKING:
    from comfy_tui.comfy.client import ComfyClient
    from comfy_tui.comfy.types import SystemStats

#: How many questions are open at once: a server answers them one after the other.
AT_ONCE = 4
#: More folders than this are not asked for.
FOLDER_LIMIT = 500
#: Files of the packs' own, many thousands: no models.
_NO_MODELS = frozenset({"custom_nodes"})

_T = TypeVar("_T")


def mark_of(stats: SystemStats, extensions: tuple[str, ...] = ()) -> str:
    """A short text that changes when a server was restarted as something else.

    It is made of the versions of ComfyUI, Python, PyTorch and ComfyUI's packages, of the command line,
    and of the scripts that packs bring for the browser (a server lists a pack's only after the restart
    that loaded it). No server tells when it was started: a restart that changes none of these leaves
    the mark as it was. Whoever sees the connection break and come back should fetch anew.
    """
    packages = [[package.name, package.installed] for package in stats.packages]
    told = [stats.comfyui_version, stats.python_version, stats.pytorch_version, packages, stats.argv]
    text = json.dumps([*told, sorted(extensions)])
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


async def read_mark(client: ComfyClient) -> str:
    """The mark of a server now: two small questions."""
    stats, extensions = await asyncio.gather(client.system_stats(), _or_none(client.extensions))
    return mark_of(stats, extensions or ())


async def fetch_nodes(client: ComfyClient) -> NodeTable:
    """The node classes, split in a thread in steps that leave the event loop its turns.

    Raises:
        ApiError: the server does not tell.
    """
    text = await client.object_info_text()
    try:
        table = await asyncio.to_thread(NodeTable.split, text)
    except ValueError as error:
        start = text.lstrip()[:1]
        what = "it answered with a web page" if start == b"<" else f"not JSON of this kind: {error}"
        raise BadReply("The node definitions cannot be read", f"/object_info: {what}", _HINT) from error
    return table


_HINT = "Is this the address of a ComfyUI server? Look at the port and the path, and at its log."


async def fetch_inventory(
    client: ComfyClient, *, with_models: bool = True, clock: Callable[[], float] = time.time
) -> Inventory:
    """Ask for everything; what a server cannot tell of models and packs is a note, not a failure.

    Args:
        client: of the server.
        with_models: ask for models, embeddings and the versions of packs too.
        clock: tells the time.

    Raises:
        ApiError: the server does not tell its state or its node classes.
    """
    notes: list[str] = []
    stats, extensions, replacements = await asyncio.gather(
        client.system_stats(),
        _or_none(client.extensions),
        _or_none(client.node_replacements, notes, "node replacements"),
    )
    nodes = await fetch_nodes(client)
    found = Inventory(
        server=client.profile.url,
        comfyui_version=stats.comfyui_version,
        fetched_at_s=clock(),
        object_info=nodes,
        replacements=replacements if isinstance(replacements, Mapping) else {},
        packs=await asyncio.to_thread(find_packs, nodes),
        packages=_versions(stats),
        system=System.of(stats),
        mark=mark_of(stats, extensions or ()),
        origin=Origin.SERVER,
        notes=tuple(notes),
    )
    return await add_models(client, found, clock=clock) if with_models else found


async def add_models(
    client: ComfyClient, inventory: Inventory, *, clock: Callable[[], float] = time.time
) -> Inventory:
    """The same inventory with models, embeddings and the versions of packs as they are now.

    Raises:
        ApiError: the server is gone; that it cannot tell one of them is a note.
    """
    notes: list[str] = []
    models = await fetch_models(client, notes)
    embeddings = await _or_none(client.embeddings, notes, "embeddings")
    installed = await _or_none(client.installed_packs, notes, "the Manager's list of packs")
    return replace(
        inventory,
        models=models,
        models_at_s=clock() if models is not None else None,
        embeddings=embeddings,
        packs=await asyncio.to_thread(find_packs, inventory.object_info, installed),
        notes=(*inventory.notes, *notes),
    )


async def fetch_models(client: ComfyClient, notes: list[str]) -> Mapping[str, tuple[str, ...]] | None:
    """The files of every models folder, a few folders at a time."""
    folders = await _or_none(client.model_folders, notes, "models")
    if folders is None:
        return None
    wanted = [folder for folder in dict.fromkeys(folders) if folder not in _NO_MODELS]
    if len(wanted) > FOLDER_LIMIT:
        notes.append(f"only {FOLDER_LIMIT} of {count_of(len(wanted), 'models folder')} were listed")
        wanted = wanted[:FOLDER_LIMIT]
    turns = asyncio.Semaphore(AT_ONCE)

    async def listed(folder: str) -> tuple[str, ...] | None:
        async with turns:
            return await _or_none(partial(client.models, folder), notes, f"models of {folder}")

    found = await asyncio.gather(*map(listed, wanted))
    return {folder: names for folder, names in zip(wanted, found, strict=True) if names is not None}


async def _or_none(
    question: Callable[[], Awaitable[_T]], notes: list[str] | None = None, what: str = ""
) -> _T | None:
    """The answer, or None and a note where the server has none; that it is gone is an error still."""
    try:
        return await question()
    except (Unreachable, TimedOut):
        raise
    except ApiError as error:
        if notes is not None:
            notes.append(f"{what}: {error.message or error.title}")
        return None


def _versions(stats: SystemStats) -> tuple[tuple[str, str], ...]:
    found: dict[str, Any] = {package.name: package.installed for package in stats.packages}
    return tuple((name, version) for name, version in found.items() if version)
