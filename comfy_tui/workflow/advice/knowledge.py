"""What is known when advice is asked for, as plain values; everything may be absent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from comfy_tui.workflow.advice.packs import PackMap
from comfy_tui.workflow.advice.types import Origin, Pack


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Where a model file can be had.

    Attributes:
        name: the file name, without folders.
        folder: the model folder (``vae``), None where not known.
        url: the file itself.
        page: a page about it, where there is no direct URL.
        subfolder: below ``folder``, as part of the name that a node chooses.
        sha256: the checksum.
        origin: who says so.
    """

    name: str
    folder: str | None
    url: str | None
    origin: Origin
    page: str | None = None
    subfolder: str = ""
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Replacement:
    """The server's own replacement of a class (manager-and-models, section 6).

    Attributes:
        new_class: what stands for it.
        inputs: (new name, old name or None, value where there is no old name); None: the same inputs.
        outputs: new output numbers by old ones; empty: the same outputs.
    """

    new_class: str
    inputs: tuple[tuple[str, str | None, Any], ...] | None = None
    outputs: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InstalledPack:
    """A pack on the server; ``version`` where a Manager tells it."""

    name: str
    id: str | None = None
    repository: str | None = None
    version: str | None = None
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class RegistryPack:
    """What the registry answered for a class."""

    pack: Pack
    active: bool = True


@dataclass(frozen=True, slots=True)
class Package:
    """A Python package of ComfyUI's own."""

    name: str
    installed: str | None
    required: str | None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What the template package tells (manager-and-models, sections 4.1 and 5).

    Attributes:
        models: by file name; a name may stand for several files.
        core: classes of ComfyUI's own, with the versions of it that the templates name for them.
    """

    models: Mapping[str, tuple[ModelSource, ...]] = field(default_factory=dict)
    core: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Everything that advice is made from.

    Attributes:
        version: the server's version of ComfyUI.
        object_info: its node classes, as it described them; None where not known.
        models: its model files by folder; a folder that is absent is not known.
        replacements: its own node replacements, by old class.
        installed: its packs; None where not known.
        packages: its own packages with the versions that it asks for.
        manager_map: classes by pack, from its Manager.
        cached_map: the same, from a file that was kept.
        registry: packs by class, from the registry.
        references: the model files of the project's ``references/models.md``.
        catalogue: what the template package tells.
        model_list: the Manager's list of models.
    """

    version: str | None = None
    object_info: Mapping[str, Any] | None = None
    models: Mapping[str, Sequence[str]] = field(default_factory=dict)
    replacements: Mapping[str, Replacement] = field(default_factory=dict)
    installed: tuple[InstalledPack, ...] | None = None
    packages: tuple[Package, ...] = ()
    manager_map: PackMap | None = None
    cached_map: PackMap | None = None
    registry: Mapping[str, tuple[RegistryPack, ...]] = field(default_factory=dict)
    references: tuple[ModelSource, ...] = ()
    catalogue: Catalogue = field(default_factory=Catalogue)
    model_list: tuple[ModelSource, ...] = ()
