"""The ComfyUI-Manager of a server, versions 3 and 4: what it knows (manager-and-models, section 1).

Only questions; nothing here changes a server: see :mod:`.manager_queue` for what does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from comfy_tui.comfy.http import HttpConnection, parse_json
from comfy_tui.errors import ApiError, BadReply, Refused, TimedOut, Unreachable

#: The largest list that is read of a Manager; the map of all packs is 1.6 MB.
LIST_LIMIT_BYTES = 16 * 1024 * 1024
_SMALL_LIMIT_BYTES = 4096
_ABSENT = (400, 403, 404, 405, 410)


@dataclass(frozen=True, slots=True)
class Manager:
    """Which Manager a server has.

    Attributes:
        generation: 3 for the custom node pack, 4 for the Python package.
        version: as it says it, without the V.
        legacy_ui: version 4 with the lists of version 3.
    """

    generation: int
    version: str
    legacy_ui: bool = False

    @property
    def release(self) -> tuple[int, ...]:
        """The version as numbers, as far as it is made of them."""
        found = re.match(r"\d{1,6}(?:\.\d{1,6}){0,3}", self.version)
        return tuple(int(part) for part in found[0].split(".")) if found else ()

    @property
    def keeps_history(self) -> bool:
        """Whether it tells afterwards what became of a task; the others tell it once, on the socket."""
        return self.generation == 4 and not self.legacy_ui

    @property
    def prefix(self) -> str:
        """What its paths begin with."""
        return "/v2" if self.generation == 4 else ""

    @property
    def mappings_path(self) -> str:
        """The map of classes by pack. ``cache``: at most a day old, fetched by the server itself."""
        return f"{self.prefix}/customnode/getmappings?mode=cache"

    @property
    def models_path(self) -> str | None:
        """The list of models; version 4 has it with the old user interface only."""
        if self.generation == 4 and not self.legacy_ui:
            return None
        return f"{self.prefix}/externalmodel/getlist?mode=cache"


async def find_manager(http: HttpConnection) -> Manager | None:
    """Ask which Manager there is; None where there is none (section 1.4).

    Raises:
        Unreachable, TimedOut: the server does not answer.
    """
    for generation, path in ((4, "/v2/manager/version"), (3, "/manager/version")):
        text = await _text(http, path)
        if text is None:
            continue
        version = text.strip().lstrip("Vv")
        if version[:1].isdigit() and len(version) < 40:
            legacy = generation == 4 and await _is_legacy(http)
            return Manager(generation, version, legacy)
    return None


async def read_mappings(http: HttpConnection, manager: Manager) -> Mapping[str, Any]:
    """Its map of classes by pack, as it is sent.

    Raises:
        ApiError: it does not tell.
    """
    return _object(await _json(http, manager.mappings_path), manager.mappings_path)


async def read_models(http: HttpConnection, manager: Manager) -> Mapping[str, Any] | None:
    """Its list of models, as it is sent; None where it has none.

    Raises:
        ApiError: it does not tell.
    """
    path = manager.models_path
    return None if path is None else _object(await _json(http, path), path)


async def read_installed(
    http: HttpConnection, manager: Manager, *, at_start: bool = False
) -> Mapping[str, Mapping[str, Any]]:
    """Its packs by folder (section 1.3).

    Args:
        http: the server.
        manager: which one.
        at_start: as they were when the server started; differs from now while a restart is due.

    Raises:
        ApiError: it does not tell.
    """
    path = f"{manager.prefix}/customnode/installed" + ("?mode=imported" if at_start else "")
    found = _object(await _json(http, path), path)
    return {str(name): entry for name, entry in found.items() if isinstance(entry, Mapping)}


async def read_alerts(http: HttpConnection, manager: Manager) -> tuple[str, ...]:
    """What a Manager of version 3 warns of since the server started (section 2.4); empty where nothing."""
    if manager.generation != 3:
        return ()
    try:
        answer = await _json(http, "/manager/startup_alerts", _SMALL_LIMIT_BYTES)
    except (Unreachable, TimedOut):
        raise
    except ApiError:
        return ()
    listed = answer if isinstance(answer, list) else []
    texts = [entry.get("message") for entry in listed if isinstance(entry, Mapping)]
    return tuple(text for text in texts if isinstance(text, str))


async def _is_legacy(http: HttpConnection) -> bool:
    path = "/v2/manager/is_legacy_manager_ui"
    try:
        answer = await _json(http, path, _SMALL_LIMIT_BYTES)
    except (Unreachable, TimedOut):
        raise
    except ApiError:
        return False
    return isinstance(answer, Mapping) and answer.get("is_legacy_manager_ui") is True


async def _text(http: HttpConnection, path: str) -> str | None:
    try:
        return (await http.read_text(path, _SMALL_LIMIT_BYTES)).decode("utf-8", "replace")
    except Refused as error:
        if error.status in _ABSENT:
            return None
        raise
    except BadReply:  # a proxy's page for every address
        return None


async def _json(http: HttpConnection, path: str, limit_bytes: int = LIST_LIMIT_BYTES) -> Any:
    return await parse_json(await http.read_text(path, limit_bytes), path.partition("?")[0])


def _object(answer: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(answer, Mapping):
        raise BadReply("The Manager's answer cannot be used", f"{path.partition('?')[0]} is not an object")
    return answer
