"""Questions to hosts other than the server: the pack registry and the public map. Only where allowed.

api.comfy.org is asked without credentials, class by class (manager-and-models, section 3); nothing else
of a workflow leaves this machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Self
from urllib.parse import quote

import httpx

from comfy_tui import __version__
from comfy_tui.comfy.reach import no_cookies
from comfy_tui.inventory.maps import PUBLIC_URL
from comfy_tui.json_weight import loads
from comfy_tui.workflow.advice.commands import safe_id, safe_url, safe_version
from comfy_tui.workflow.advice.knowledge import RegistryPack
from comfy_tui.workflow.advice.types import Pack

REGISTRY = "https://api.comfy.org"
TIMEOUT_S = 10.0
MOST_CLASSES = 40
_AT_ONCE = 4
_ANSWER_LIMIT_BYTES = 1024 * 1024
_MAP_LIMIT_BYTES = 16 * 1024 * 1024


class OutsideError(Exception):
    """A host did not answer as it should; the text says how."""


class Outside:
    """Asks other hosts; give it only where a person allowed the network.

    Args:
        transport: of the requests; for tests.
        timeout_s: seconds for each answer.
    """

    def __init__(
        self, transport: httpx.AsyncBaseTransport | None = None, *, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._timeout_s = timeout_s
        self._client = httpx.AsyncClient(
            transport=transport,
            timeout=timeout_s,
            follow_redirects=False,
            cookies=no_cookies(),
            headers={"User-Agent": f"comfy-tui/{__version__}"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._client.aclose()

    async def packs_of(self, classes: Iterable[str]) -> tuple[dict[str, tuple[RegistryPack, ...]], list[str]]:
        """The packs of classes, of a limited number of them, and what could not be asked."""
        wanted = list(dict.fromkeys(classes))
        notes = []
        if len(wanted) > MOST_CLASSES:
            notes.append(f"the registry was asked for {MOST_CLASSES} of {len(wanted)} classes")
        turns = asyncio.Semaphore(_AT_ONCE)
        found: dict[str, tuple[RegistryPack, ...]] = {}
        failed: list[str] = []

        async def ask(name: str) -> None:
            async with turns:
                if failed:  # a host that is gone is not waited for again
                    return
                try:
                    answer = await self._json(f"{REGISTRY}/comfy-nodes/{quote(name, safe='')}/node")
                except OutsideError as error:
                    failed.append(str(error))
                    return
                pack = read_registry_pack(answer)
                if pack is not None:
                    found[name] = (pack,)

        await asyncio.gather(*map(ask, wanted[:MOST_CLASSES]))
        return found, notes + failed[:1]

    async def public_map(self) -> Mapping[str, Any]:
        """The public map of classes by pack.

        Raises:
            OutsideError: it cannot be had.
        """
        answer = await self._json(PUBLIC_URL, _MAP_LIMIT_BYTES)
        if not isinstance(answer, Mapping):
            raise OutsideError(f"{PUBLIC_URL}: it is not an object")
        return answer

    async def _json(self, url: str, limit_bytes: int = _ANSWER_LIMIT_BYTES) -> Any:
        """A JSON answer; None for 404."""
        host = httpx.URL(url).host
        body = bytearray()
        try:
            async with asyncio.timeout(self._timeout_s), self._client.stream("GET", url) as response:
                if response.status_code == 404:
                    return None
                if response.status_code != 200:
                    raise OutsideError(f"{host} answered {response.status_code}")
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > limit_bytes:
                        raise OutsideError(f"{host} sent more than is read")
            return await asyncio.to_thread(loads, bytes(body))
        except (httpx.HTTPError, TimeoutError) as error:
            raise OutsideError(f"{host} does not answer") from error
        except (ValueError, RecursionError) as error:
            raise OutsideError(f"{host} sent no JSON") from error


def read_registry_pack(answer: Any) -> RegistryPack | None:
    """Read a ``Node`` of the registry; None where it is none."""
    if not isinstance(answer, Mapping):
        return None
    pack_id = safe_id(answer.get("id"))
    if pack_id is None:
        return None
    latest, title = answer.get("latest_version"), answer.get("name")
    version = latest.get("version") if isinstance(latest, Mapping) else None
    pack = Pack(
        pack_id,
        safe_url(answer.get("repository")),
        safe_version(version),
        title if isinstance(title, str) else "",
    )
    return RegistryPack(pack, answer.get("status") in (None, "NodeStatusActive"))
