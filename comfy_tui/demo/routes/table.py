"""How a topic declares its routes."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
BOTH = ("", "/api")
BARE = ("",)
API = ("/api",)


@dataclass(frozen=True)
class Route:
    """A method and a path; ``bases`` are put in front of it."""

    method: str
    path: str
    handler: Handler
    bases: tuple[str, ...] = BOTH
    new_only: bool = False


async def body_of(request: web.Request) -> Any:
    """The body as JSON whatever its type; what is not JSON raises, which ends as a 500."""
    return json.loads(await request.text())
