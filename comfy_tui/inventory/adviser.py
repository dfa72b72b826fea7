"""Advice on the workflows of one server: at once from what is here, better once it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.manager import Manager
from comfy_tui.comfy.types import PackageVersion
from comfy_tui.inventory.inventory import Inventory
from comfy_tui.inventory.knowledge import collect, known_here
from comfy_tui.inventory.maps import MapStore
from comfy_tui.inventory.nodes import NodeInfo
from comfy_tui.inventory.prepare import Prepared
from comfy_tui.inventory.registry import Outside
from comfy_tui.workflow.advice import Advice, Knowledge, advise
from comfy_tui.workflow.diagnostic import Diagnostic
from comfy_tui.workflow.edits import Edits

#: Findings that only the knowledge of the server's models and packs can mend.
_MENDED = ("missing_node_type", "invalid_prompt", "value_not_in_list")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Of which server is spoken: its address, its node classes, its own packages."""

    url: str = ""
    info: NodeInfo | None = None
    packages: tuple[PackageVersion, ...] = ()


class Adviser:
    """Keeps what is known of a server, so that many workflows are advised on by one round of questions.

    Args:
        project: the project's folder, whose ``references/models.md`` counts.
        maps: where maps of packs are kept.
    """

    def __init__(self, project: Path | None = None, maps: MapStore | None = None) -> None:
        self._project = project
        self._maps = maps or MapStore()
        self._url = ""
        self._known: Knowledge | None = None
        #: What ``_known`` was made from.
        self._inventory: Inventory | None = None
        self._lock = asyncio.Lock()
        #: The server's Manager, once it was asked for.
        self.manager: Manager | None = None

    def forget(self) -> None:
        """Something on the server has changed: ask again next time."""
        self._known, self._inventory, self.manager = None, None, None

    async def advise(self, prepared: Prepared, edits: Edits, around: Surroundings) -> tuple[Advice, ...]:
        """Advice from what is known now, without asking anybody."""
        known = await self._knowledge(around)

        def make() -> tuple[Advice, ...]:
            prompt = prepared.edited(edits) if prepared.prompt is not None else None
            return advise(prepared.diagnostics, prompt=prompt, workflow=prepared.workflow, knowledge=known)

        return await asyncio.to_thread(make)

    async def ask(
        self,
        client: ComfyClient | None,
        diagnostics: Collection[Diagnostic],
        around: Surroundings,
        *,
        outside: Outside | None = None,
    ) -> tuple[str, ...]:
        """Ask the server, and other hosts where that was allowed, for what the findings need.

        Returns:
            What could not be had, in a person's words.
        """
        async with self._lock:
            known = await self._knowledge(around)
            collected = await collect(client, known, diagnostics, outside=outside, maps=self._maps)
            if self._url == around.url:
                self._known = collected.knowledge
                self.manager = collected.manager or self.manager
            return collected.notes

    async def _knowledge(self, around: Surroundings) -> Knowledge:
        if self._url != around.url:
            self.forget()
            self._url = around.url
        inventory = around.info.inventory if around.info is not None else None
        old = self._known
        if old is not None and inventory is self._inventory:
            return old
        known = await asyncio.to_thread(
            known_here, inventory, project=self._project, packages=around.packages, maps=self._maps
        )
        if old is not None:  # what others told stays
            known = replace(
                known,
                replacements=known.replacements or old.replacements,
                manager_map=old.manager_map,
                cached_map=old.cached_map or known.cached_map,
                registry=old.registry,
                model_list=old.model_list,
            )
        self._known, self._inventory = known, inventory
        return known


def needs_server(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether the server's models, packs or Manager can tell more about these findings."""
    return any(found.code in _MENDED for found in diagnostics)
