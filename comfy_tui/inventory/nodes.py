"""The node classes of the watched server, fetched once and kept while they hold."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.workflow.conversion import Converter
from comfy_tui.workflow.definition import Definitions, NodeDefinition

#: So long they are taken as they are; models and input files come and go.
FRESH_S = 3600.0


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """What a server says of its node classes, and when it said so."""

    object_info: Mapping[str, Any]
    definitions: Definitions
    converter: Converter
    version: str | None
    read_at_s: float

    @classmethod
    def of(cls, object_info: Mapping[str, Any], version: str | None, read_at_s: float) -> NodeInfo:
        """Make it from an answer of ``/object_info``."""
        definitions = Definitions(object_info)
        return cls(object_info, definitions, Converter(definitions), version, read_at_s)

    def definition(self, class_type: str) -> NodeDefinition | None:
        """One class."""
        return self.definitions.get(class_type)


class NodeShelf:
    """Holds the node classes of one server at a time."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._held: NodeInfo | None = None
        self._of: tuple[str, str | None] = ("", None)
        self._stale = True
        self._lock = asyncio.Lock()

    def held(self, url: str) -> NodeInfo | None:
        """What is known of that server, however old."""
        return self._held if self._of[0] == url else None

    def is_fresh(self, url: str, version: str | None) -> bool:
        """Whether there is no reason to ask again."""
        held = self._held
        if held is None or self._stale or self._of != (url, version):
            return False
        return self._clock() - held.read_at_s < FRESH_S

    def forget(self) -> None:
        """Ask again next time: something on the server has changed."""
        self._stale = True

    async def get(self, client: ComfyClient, version: str | None) -> NodeInfo:
        """The node classes, asked for where that is needed; many callers ask once.

        Raises:
            ApiError: the server does not tell.
        """
        url = client.profile.url
        async with self._lock:
            if self._held is not None and self.is_fresh(url, version):
                return self._held
            self._stale = False
            try:
                answer = await client.object_info()
            except BaseException:
                self._stale = True
                raise
            info = await asyncio.to_thread(NodeInfo.of, answer, version, self._clock())
            self._held, self._of = info, (url, version)
            return info
