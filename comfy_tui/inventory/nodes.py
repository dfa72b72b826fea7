"""The node classes of the watched server: at once as they were, and soon as they are."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comfy_tui.errors import ExportError
from comfy_tui.inventory.inventory import Inventory
from comfy_tui.inventory.keeper import FRESH_S, InventoryKeeper
from comfy_tui.inventory.project_file import project_path, read_project_file, write_project_file
from comfy_tui.inventory.store import InventoryStore
from comfy_tui.workflow.advice.knowledge import Replacement
from comfy_tui.workflow.advice.replacement import read_replacements
from comfy_tui.workflow.checking import Checker
from comfy_tui.workflow.conversion import Converter
from comfy_tui.workflow.definition import Definitions, NodeDefinition

if TYPE_CHECKING:
    from comfy_tui.comfy.client import ComfyClient
    from comfy_tui.workflow.checking.files import ServerFile

__all__ = ["FRESH_S", "NodeInfo", "NodeShelf"]


@dataclass(frozen=True, slots=True, eq=False)
class NodeInfo:
    """What a server says of its node classes, when it said so, and what works with them.

    Attributes:
        inventory: all that is known of the server.
        definitions: its classes as the browser reads them.
        converter: converts for it.
        checker: judges for it.
        replacements: the classes that it replaces by others.
        known_files: whether it has a file, of those that it was asked for; shared with the checker.
    """

    inventory: Inventory
    definitions: Definitions
    converter: Converter
    checker: Checker
    replacements: Mapping[str, Replacement]
    known_files: dict[ServerFile, bool] = field(default_factory=dict)

    @classmethod
    def from_inventory(cls, inventory: Inventory) -> NodeInfo:
        """Make it from an inventory with node classes; nothing of it is read before it is needed."""
        definitions = Definitions(inventory.object_info)
        known: dict[ServerFile, bool] = {}
        return cls(
            inventory,
            definitions,
            Converter(definitions),
            Checker(inventory.object_info, inventory.comfyui_version, known_files=known),
            read_replacements(inventory.replacements),
            known,
        )

    @classmethod
    def of(cls, object_info: Mapping[str, Any], version: str | None, read_at_s: float) -> NodeInfo:
        """Make it from an answer of ``/object_info``."""
        told = Inventory(comfyui_version=version, fetched_at_s=read_at_s, object_info=object_info)
        return cls.from_inventory(told)

    @property
    def object_info(self) -> Mapping[str, Any]:
        """The node classes."""
        return self.inventory.object_info

    @property
    def version(self) -> str | None:
        """The server's version of ComfyUI."""
        return self.inventory.comfyui_version

    @property
    def read_at_s(self) -> float | None:
        """When the server told the classes; None where that is not known."""
        return self.inventory.fetched_at_s

    @property
    def is_live(self) -> bool:
        """Whether the server told them in this session; else they are kept ones."""
        return self.inventory.is_live

    def definition(self, class_type: str) -> NodeDefinition | None:
        """One class."""
        return self.definitions.get(class_type)


class NodeShelf:
    """Holds the node classes of one server at a time.

    Args:
        store: the inventories on disk.
        project: a project's folder, whose ``state/inventory.json`` is kept true where there is one, and
            counts where nothing else is known.
        clock: tells the time.
    """

    def __init__(
        self,
        store: InventoryStore | None = None,
        project: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._project = project
        self._clock = clock
        self._held: NodeInfo | None = None
        #: The address that ``_held`` is of.
        self._url = ""
        self._client: ComfyClient | None = None
        self._keeper: InventoryKeeper | None = None
        self._lock = asyncio.Lock()
        #: The version by which was asked last; a server that says another one a moment later is no new one.
        self._asked: str | None = None
        self._written: Inventory | None = None
        #: Why the project's file was not written, in words.
        self.project_problem = ""

    def held(self, url: str) -> NodeInfo | None:
        """What is known of that server, however old."""
        return self._held if self._held is not None and self._url == url else None

    def is_fresh(self, url: str, version: str | None) -> bool:
        """Whether there is no reason to ask again; a server of another version is another server."""
        held = self.held(url)
        if held is None or self._keeper is None or not self._keeper.is_fresh:
            return False
        return version in (None, held.version, self._asked)

    def forget(self) -> None:
        """Ask again next time: something on the server has changed."""
        if self._keeper is not None:
            self._keeper.forget()

    async def recall(self, client: ComfyClient) -> NodeInfo | None:
        """What was kept of a server, from the disk, without asking it; what is held already stays."""
        async with self._lock:
            keeper, url = self._keeper_of(client), client.profile.url
            if self.held(url) is not None:
                return self._held
            found = await keeper.load()
            if found is None or not found.object_info:
                found = await asyncio.to_thread(self._from_project, url)
            if found is not None and found.object_info:
                await self._hold(found, url)
            return self.held(url)

    async def get(self, client: ComfyClient, version: str | None) -> NodeInfo:
        """The node classes, asked for where that is needed; many callers ask once.

        Args:
            client: of the server.
            version: of ComfyUI, as the server says it now; None where that is not known.

        Raises:
            ApiError: the server does not tell.
        """
        url = client.profile.url
        held = self.held(url)
        if held is not None and client is self._client and self.is_fresh(url, version):
            return held  # without waiting for one who asks for models
        async with self._lock:
            keeper, held = self._keeper_of(client), self.held(url)
            if held is not None and self.is_fresh(url, version):
                return held
            if held is not None and version not in (None, held.version):
                keeper.forget()
            found = await keeper.get(with_models=False)
            self._asked = version
            return await self._hold(found, url)

    async def complete(self, client: ComfyClient) -> Inventory:
        """Models and the rest of the inventory too; the project's file is written where it has one.

        Raises:
            ApiError: the server does not tell.
        """
        async with self._lock:
            keeper, url = self._keeper_of(client), client.profile.url
            found = await keeper.get()
            await self._hold(found, url)
            await asyncio.to_thread(self._write_project, found)
            return found

    def _keeper_of(self, client: ComfyClient) -> InventoryKeeper:
        if self._keeper is None or client is not self._client:
            self._keeper = InventoryKeeper(client, self._store, self._clock)
            self._client = client
        return self._keeper

    async def _hold(self, found: Inventory, url: str) -> NodeInfo:
        """Keep it; where only models came to it, what was read of the classes stays."""
        held = self.held(url)
        if held is None or held.inventory is not found:
            held = await asyncio.to_thread(_made, held, found)
        self._held, self._url = held, url
        return held

    def _from_project(self, url: str) -> Inventory | None:
        if self._project is None:
            return None
        found = read_project_file(self._project)
        return found if found is not None and found.server in ("", url) else None

    def _write_project(self, found: Inventory) -> None:
        """The file of a project is for others too: it is made by a person, and kept true from then on."""
        if self._project is None or found is self._written or not project_path(self._project).is_file():
            return
        try:
            write_project_file(self._project, found)
        except ExportError as error:
            self.project_problem = f"{error.title}: {error.message}"
            logging.getLogger(__name__).warning(self.project_problem)
        else:
            self._written, self.project_problem = found, ""


def _made(held: NodeInfo | None, found: Inventory) -> NodeInfo:
    if held is not None and held.object_info is found.object_info and held.version == found.comfyui_version:
        return replace(held, inventory=found)
    return NodeInfo.from_inventory(found)
