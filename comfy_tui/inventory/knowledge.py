"""Collects what advice is made from: from the server, from disk, and, where allowed, from the registry."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.manager import Manager
from comfy_tui.comfy.types import PackageVersion
from comfy_tui.errors import ApiError
from comfy_tui.inventory.catalogue import load_catalogue
from comfy_tui.inventory.inventory import Inventory
from comfy_tui.inventory.maps import PUBLIC_URL, MapStore
from comfy_tui.inventory.registry import Outside, OutsideError
from comfy_tui.workflow.advice.knowledge import InstalledPack, Knowledge, ModelSource, Package
from comfy_tui.workflow.advice.models import read_model_list
from comfy_tui.workflow.advice.packs import PackMap
from comfy_tui.workflow.advice.references import read_references
from comfy_tui.workflow.advice.replacement import read_replacements
from comfy_tui.workflow.diagnostic import Diagnostic

_REFERENCES_LIMIT_BYTES = 500_000
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Collected:
    """What is known, and what could not be had, in a person's words."""

    knowledge: Knowledge
    manager: Manager | None = None
    notes: tuple[str, ...] = ()


def known_here(
    inventory: Inventory | None = None,
    *,
    project: Path | None = None,
    packages: Iterable[PackageVersion] = (),
    maps: MapStore | None = None,
) -> Knowledge:
    """What is known without asking anybody: the inventory, the project, the catalogue, the kept map.

    Reads files: call it in a thread.

    Args:
        inventory: of the server; None where it is not known.
        project: the folder of the project, whose ``references/models.md`` counts.
        packages: of the server's ``/system_stats``.
        maps: where maps are kept.
    """
    known = Knowledge(
        packages=tuple(Package(p.name, p.installed, p.required) for p in packages),
        cached_map=(maps or MapStore()).newest(),
        references=read_project(project) if project is not None else (),
        catalogue=load_catalogue(),
    )
    if inventory is None:
        return known
    installed = tuple(InstalledPack(p.name, p.registry_id, version=p.version) for p in inventory.packs)
    return replace(
        known,
        version=inventory.comfyui_version,
        object_info=inventory.object_info or None,
        models=inventory.models or {},
        replacements=read_replacements(inventory.replacements),
        installed=installed,
    )


async def collect(
    client: ComfyClient | None,
    known: Knowledge,
    diagnostics: Collection[Diagnostic],
    *,
    outside: Outside | None = None,
    maps: MapStore | None = None,
) -> Collected:
    """Ask for what the findings need and is not known yet; nothing is asked for nothing.

    Args:
        client: of the server; None without one.
        known: what is known already.
        diagnostics: the findings.
        outside: asks other hosts; None where the person did not allow that.
        maps: where maps are kept.
    """
    missing = missing_classes(diagnostics, known)
    models = any(d.code == "value_not_in_list" for d in diagnostics)
    store = maps or MapStore()
    notes: list[str] = []
    manager = None
    if client is not None and (missing or models):
        known, manager = await _ask_server(client, known, store, notes, bool(missing), models)
    if outside is not None:
        unsolved = [name for name in missing if not _solved(name, known)]
        if unsolved:
            known = await _ask_outside(outside, known, store, notes, unsolved)
    return Collected(known, manager, tuple(notes))


def missing_classes(diagnostics: Iterable[Diagnostic], known: Knowledge) -> list[str]:
    """The classes that findings say are missing."""
    codes = ("missing_node_type", "invalid_prompt")
    names = dict.fromkeys(d.class_type for d in diagnostics if d.code in codes and d.class_type)
    return [name for name in names if name not in (known.object_info or ())]


async def _ask_server(
    client: ComfyClient, known: Knowledge, store: MapStore, notes: list[str], nodes: bool, models: bool
) -> tuple[Knowledge, Manager | None]:
    if nodes and not known.replacements:
        answer = await _or_none(client.node_replacements(), notes, "node replacements")
        known = replace(known, replacements=read_replacements(answer))
    manager = await _or_none(client.manager(), notes, "the Manager")
    if manager is None:
        return known, None
    if nodes and known.manager_map is None:
        known = replace(known, manager_map=await _server_map(client, manager, store, notes))
    if models and not known.model_list:
        answer = await _or_none(client.model_list(manager), notes, "the Manager's model list")
        known = replace(known, model_list=await asyncio.to_thread(read_model_list, answer))
    return known, manager


async def _server_map(
    client: ComfyClient, manager: Manager, store: MapStore, notes: list[str]
) -> PackMap | None:
    """The map of the server's Manager; asked for once a day."""
    source = client.profile.url
    kept = await asyncio.to_thread(store.fresh, source)
    if kept is not None:
        return kept
    answer = await _or_none(client.pack_mappings(manager), notes, "the Manager's map of packs")
    if answer is None:
        return None
    return await asyncio.to_thread(_kept, store, source, answer)


def _kept(store: MapStore, source: str, mappings: Mapping[str, Any]) -> PackMap | None:
    found = PackMap.read(mappings)
    if found:
        store.save(source, mappings)
    return found or None


def _solved(name: str, known: Knowledge) -> bool:
    """Whether the server's own knowledge settles a class, so that nobody else need be asked."""
    if name in known.replacements or name in known.catalogue.core:
        return True
    maps = [held for held in (known.manager_map, known.cached_map) if held is not None]
    return any(name in held.core or len(held.find(name)) == 1 for held in maps)


async def _ask_outside(
    outside: Outside, known: Knowledge, store: MapStore, notes: list[str], names: Collection[str]
) -> Knowledge:
    if known.manager_map is None:
        fresh = await asyncio.to_thread(store.fresh, PUBLIC_URL)
        try:
            if fresh is None:
                fresh = await asyncio.to_thread(_kept, store, PUBLIC_URL, await outside.public_map())
        except OutsideError as error:
            notes.append(str(error))
        known = replace(known, cached_map=fresh or known.cached_map)
    found, said = await outside.packs_of(name for name in names if not _solved(name, known))
    notes += said
    return replace(known, registry={**known.registry, **found})


def read_project(folder: Path) -> tuple[ModelSource, ...]:
    """The models of a project's ``references/models.md``; none where there is no such file."""
    try:
        with (folder / "references" / "models.md").open("rb") as file:
            text = file.read(_REFERENCES_LIMIT_BYTES)
    except (OSError, ValueError):
        return ()
    return read_references(text.decode("utf-8-sig", "replace"))


async def _or_none(question: Awaitable[_T], notes: list[str], what: str) -> _T | None:
    try:
        return await question
    except ApiError as error:
        notes.append(f"{what}: {error.message or error.title}")
        return None
