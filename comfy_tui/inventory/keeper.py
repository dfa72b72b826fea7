"""An inventory at hand: fetched when needed, kept on disk, taken from there when nobody answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from comfy_tui.inventory.fetch import add_models, fetch_inventory, read_mark
from comfy_tui.inventory.inventory import Inventory
from comfy_tui.inventory.store import InventoryStore

if TYPE_CHECKING:
    from comfy_tui.comfy.client import ComfyClient

#: So long an inventory is taken as it is within a session; models and input files come and go.
FRESH_S = 3600.0


class InventoryKeeper:
    """Holds the inventory of one server.

    Args:
        client: of the server.
        store: where inventories are kept on disk.
        clock: tells the time.
    """

    def __init__(
        self,
        client: ComfyClient,
        store: InventoryStore | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._store = store or InventoryStore()
        self._clock = clock
        self._held: Inventory | None = None
        #: When models were asked for in this session, whatever came of it.
        self._models_asked_s: float | None = None
        #: How often what is at hand was doubted, and how often before it was asked for.
        self._doubts = self._doubts_settled = 0
        self._lock = asyncio.Lock()

    @property
    def held(self) -> Inventory | None:
        """What is at hand, however old."""
        return self._held

    @property
    def is_fresh(self) -> bool:
        """Whether the node classes at hand are the server's word of this hour, with no doubt about them."""
        held = self._held
        if held is None or not held.is_live or held.fetched_at_s is None:
            return False
        if self._doubts != self._doubts_settled:
            return False
        return self._clock() - held.fetched_at_s < FRESH_S

    def forget(self) -> None:
        """Ask the server next time: a pack was installed, the connection broke, or a person wants it."""
        self._doubts += 1

    async def load(self) -> Inventory | None:
        """What was kept on disk, at once and without the server; it says of itself that it is old."""
        async with self._lock:
            if self._held is None:
                self._held = await asyncio.to_thread(self._store.load, self._client.profile.url)
            return self._held

    async def get(self, *, with_models: bool = True) -> Inventory:
        """An inventory that holds: the one at hand if it is fresh and the server the same, else a new one.

        What is on disk from before this session counts only when nobody answers: :meth:`load`. Where the
        node classes hold and only models are wanted on top, only these are asked for.

        Raises:
            ApiError: the server does not tell.
        """
        async with self._lock:
            held = self._held
            if held is None or not await self._holds(held):
                return await self._fetch(with_models)
            if with_models and not self._has_models():
                found = await add_models(self._client, held, clock=self._clock)
                self._models_asked_s = self._clock()
                self._held = await asyncio.to_thread(self._keep, found)
            return self._held or held

    async def _fetch(self, with_models: bool) -> Inventory:
        doubts = self._doubts  # those that come while it is asked are not settled by the answer
        found = await fetch_inventory(self._client, with_models=with_models, clock=self._clock)
        self._models_asked_s = self._clock() if with_models else None
        self._held = await asyncio.to_thread(self._keep, found)
        self._doubts_settled = doubts
        return self._held

    async def _holds(self, held: Inventory) -> bool:
        if self.is_fresh and await read_mark(self._client) != held.mark:
            self.forget()  # nor does it hold for those who look while it is asked anew
        return self.is_fresh

    def _has_models(self) -> bool:
        asked = self._models_asked_s
        return asked is not None and self._clock() - asked < FRESH_S

    def _keep(self, found: Inventory) -> Inventory:
        """Write it to disk; models that were not asked for this time stay, with their own age."""
        if found.models is None:
            kept = self._store.load(found.server, found.comfyui_version or "unknown")
            if kept is not None and kept.models is not None:
                versions = {pack.name: pack for pack in kept.packs}
                found = replace(
                    found,
                    models=kept.models,
                    models_at_s=kept.models_at_s,
                    embeddings=kept.embeddings,
                    packs=tuple(
                        replace(pack, version=old.version, registry_id=old.registry_id)
                        if (old := versions.get(pack.name)) is not None
                        else pack
                        for pack in found.packs
                    ),
                )
        self._store.save(found)
        return found
