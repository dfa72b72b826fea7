"""What a server has, as it was at one moment: node classes, models, packs, versions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from comfy_tui.inventory.node_table import NodeTable

if TYPE_CHECKING:
    from comfy_tui.comfy.types import SystemStats

_GIB = 1024**3
_PACK_MODULE = "custom_nodes."
# "cuda:0 NVIDIA GeForce RTX 4090 : cudaMallocAsync": the card is in the middle.
_DEVICE = re.compile(r"^(?:[a-z]+:\d+ )?(.*?)(?: : \w+)?$", re.S)


class Origin(StrEnum):
    """Where an inventory came from."""

    #: The server answered just now.
    SERVER = "server"
    #: What the server had said before, kept on disk.
    CACHE = "cache"
    #: A file that a person named.
    FILE = "file"
    #: A ComfyUI folder was looked through: models and pack names only.
    FOLDER = "folder"


@dataclass(frozen=True, slots=True)
class System:
    """The machine; sizes are bytes, None where it was not told (a CPU has no VRAM)."""

    gpu: str | None = None
    vram_total_bytes: int | None = None
    vram_free_bytes: int | None = None

    @classmethod
    def of(cls, stats: SystemStats) -> System:
        """The device in use, which the server names first."""
        if not stats.devices:
            return cls()
        device = stats.devices[0]
        found = _DEVICE.match(device.name)
        name = (found[1] if found is not None else "") or device.name
        if not device.has_vram:
            return cls(name)
        return cls(name, device.vram_total_bytes, device.vram_free_bytes)

    @property
    def vram_total_gb(self) -> float | None:
        """In GiB, as graphics cards are sold."""
        return _gb(self.vram_total_bytes)

    @property
    def vram_free_gb(self) -> float | None:
        """In GiB."""
        return _gb(self.vram_free_bytes)


def _gb(count: int | None) -> float | None:
    return None if count is None else round(count / _GIB, 2)


@dataclass(frozen=True, slots=True)
class Pack:
    """A custom node pack: its folder's name, how many classes it brings, and, where told, its version.

    ``node_classes`` is None where only the folder is known, ``registry_id`` where the server has no
    Manager that tells it.
    """

    name: str
    node_classes: int | None = None
    version: str | None = None
    registry_id: str | None = None


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a server has.

    Attributes:
        server: its address without credentials; empty where it is not known.
        comfyui_version: as the server says it.
        fetched_at_s: when the node classes were told (Unix seconds); None where that is not known.
        object_info: the node classes; empty where only a folder was looked through.
        models: file names by folder; None where they were not asked for.
        models_at_s: when the models were told.
        embeddings: their names; None where they were not asked for.
        replacements: the server's ``/node_replacements`` as it told them; empty where it has none.
        packs: the custom node packs, by name.
        packages: versions of ComfyUI's own packages (frontend, templates).
        system: the machine.
        mark: changes when the server was restarted as something else; see :mod:`.fetch`.
        origin: where this came from.
        notes: what could not be had, in a person's words.
    """

    server: str = ""
    comfyui_version: str | None = None
    fetched_at_s: float | None = None
    object_info: Mapping[str, Any] = field(default_factory=dict, repr=False)
    models: Mapping[str, tuple[str, ...]] | None = field(default=None, repr=False)
    models_at_s: float | None = None
    embeddings: tuple[str, ...] | None = field(default=None, repr=False)
    replacements: Mapping[str, Any] = field(default_factory=dict, repr=False)
    packs: tuple[Pack, ...] = ()
    packages: tuple[tuple[str, str], ...] = ()
    system: System = System()
    mark: str = ""
    origin: Origin = Origin.SERVER
    notes: tuple[str, ...] = ()

    @property
    def is_live(self) -> bool:
        """Whether the server itself told it in this run."""
        return self.origin is Origin.SERVER

    @property
    def pack_names(self) -> tuple[str, ...]:
        """The names of the packs."""
        return tuple(pack.name for pack in self.packs)

    def age_s(self, now_s: float) -> float | None:
        """How old the node classes are."""
        return None if self.fetched_at_s is None else max(0.0, now_s - self.fetched_at_s)


def find_packs(
    object_info: Mapping[str, Any], installed: Mapping[str, Mapping[str, Any]] | None = None
) -> tuple[Pack, ...]:
    """The packs that the node classes come from, and those that a Manager lists.

    Args:
        object_info: the node classes, whose ``python_module`` names the pack's folder.
        installed: what a Manager says: ``{folder: {ver, cnr_id, enabled, ...}}``.
    """
    counts: dict[str, int] = {}
    look = object_info.peek if isinstance(object_info, NodeTable) else object_info.get
    for class_type in object_info:
        node = look(class_type)
        module = node.get("python_module") if isinstance(node, Mapping) else None
        if isinstance(module, str) and module.startswith(_PACK_MODULE):
            name = module.removeprefix(_PACK_MODULE)
            counts[name] = counts.get(name, 0) + 1
    told = {name: entry for name, entry in (installed or {}).items() if entry.get("enabled") is not False}
    names = sorted({*counts, *told}, key=lambda name: (name.casefold(), name))
    return tuple(
        Pack(
            name,
            counts.get(name, 0),
            _text(told.get(name, {}).get("ver")),
            _text(told.get(name, {}).get("cnr_id")),
        )
        for name in names
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
