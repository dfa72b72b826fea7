"""What a ComfyUI folder holds, found without a server: its models, and the names of its packs.

The folders and endings are those that ComfyUI itself looks at, ``extra_model_paths.yaml`` included;
what packs add when they are loaded (folders of their own elsewhere, more endings) cannot be seen here.
Nothing is run or changed, links in a circle end, and what is looked at is bounded.
"""

from __future__ import annotations

import os
import re
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from comfy_tui.errors import ConfigError
from comfy_tui.inventory.extra_paths import EXTRA_PATHS, read_extra_paths
from comfy_tui.inventory.inventory import Inventory, Origin, Pack
from comfy_tui.text import count_of

DEPTH_LIMIT = 16
FILE_LIMIT = 100_000
_TEXT_LIMIT = 1_000_000
_MODEL_ENDINGS = (".ckpt", ".pt", ".pt2", ".bin", ".pth", ".safetensors", ".pkl", ".sft")
#: Folders with endings of their own; None: every file.
_ENDINGS: dict[str, tuple[str, ...] | None] = {"configs": (".yaml",), "classifiers": None}
_PLAIN = frozenset(
    (
        *("checkpoints", "loras", "vae", "text_encoders", "diffusion_models", "clip_vision"),
        *("style_models", "embeddings", "vae_approx", "controlnet", "gligen", "upscale_models"),
        *("latent_upscale_models", "hypernetworks", "photomaker", "model_patches", "audio_encoders"),
        *("background_removal", "frame_interpolation", "geometry_estimation", "optical_flow"),
        "detection",
    )
)
#: Names of folders on disk that ComfyUI lists under another name.
SAME_AS = {"unet": "diffusion_models", "clip": "text_encoders", "t2i_adapter": "controlnet"}
_DIFFUSERS = "diffusers"
_VERSION = re.compile(r"""^__version__\s*=\s*["']([^"'\n]{1,60})["']""", re.M)


def scan_folder(folder: Path, clock: Callable[[], float] = time.time) -> Inventory:
    """Look through a ComfyUI folder.

    Raises:
        ConfigError: it is none.
    """
    models, packs = folder / "models", folder / "custom_nodes"
    if not models.is_dir() and not packs.is_dir():
        what = "it has neither models nor custom_nodes in it" if folder.is_dir() else "no such folder"
        raise ConfigError(
            "This is not a ComfyUI folder",
            f"{folder}: {what}",
            "Name the folder that main.py of ComfyUI is in.",
        )
    notes: list[str] = []
    places = {name: list(found) for name, found in _own_folders(models).items()}
    for name, path in read_extra_paths(folder / EXTRA_PATHS, notes):
        places.setdefault(SAME_AS.get(name, name), []).append(path)
    pack_folders = [packs, *places.pop("custom_nodes", [])]
    walk = _Walk()
    listed = {name: walk.names(name, paths) for name, paths in sorted(places.items())}
    notes += walk.notes()
    now_s = clock()
    return Inventory(
        comfyui_version=_version(folder),
        fetched_at_s=now_s,
        models=listed,
        models_at_s=now_s,
        embeddings=tuple(os.path.splitext(name)[0] for name in listed.get("embeddings", ())),
        packs=_packs(pack_folders),
        origin=Origin.FOLDER,
        notes=tuple(notes),
    )


def _own_folders(models: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for entry in _entries(models):
        if not entry.name.startswith(".") and _is_folder(entry):
            found.setdefault(SAME_AS.get(entry.name, entry.name), []).append(Path(entry.path))
    return found


@dataclass(slots=True)
class _Walk:
    """One walk through the models, which counts what it sees."""

    files: int = 0
    unreadable: int = 0
    cut: bool = False
    _seen: set[tuple[int, int]] = field(default_factory=set)

    def names(self, folder: str, paths: list[Path]) -> tuple[str, ...]:
        """The files of a models folder, as the server lists them: with ``/``, sorted, each name once."""
        found: dict[str, None] = {}
        for path in dict.fromkeys(paths):
            self._seen.clear()  # two folders may share files by links
            pieces = self._pipelines(path) if folder == _DIFFUSERS else self._files(folder, path)
            found.update(dict.fromkeys(pieces))
        return tuple(sorted(found))

    def notes(self) -> list[str]:
        """What was left out."""
        notes = [f"{count_of(self.unreadable, 'folder')} cannot be read"] if self.unreadable else []
        if self.cut:
            notes.append(f"only {FILE_LIMIT} files and {DEPTH_LIMIT} levels were looked at")
        return notes

    def _files(self, folder: str, root: Path) -> Iterator[str]:
        endings = _ENDINGS.get(folder, _MODEL_ENDINGS if folder in _PLAIN else None)
        for prefix, entry in self._walk(root):
            name = entry.name
            if name.startswith(("put_", ".")) and not name.lower().endswith(_MODEL_ENDINGS):
                continue  # "put_checkpoints_here"
            if endings is None or name.lower().endswith(endings):
                yield prefix + name

    def _pipelines(self, root: Path) -> Iterator[str]:
        """Diffusers models are folders with a ``model_index.json``."""
        for prefix, entry in self._walk(root):
            if entry.name == "model_index.json" and prefix:
                yield prefix.rstrip("/")

    def _walk(self, root: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
        waiting = [(root, "", 0)]
        while waiting:
            folder, prefix, depth = waiting.pop()
            if not self._is_new(folder):
                continue
            for entry in _entries(folder, self._could_not_read):
                if _is_folder(entry):
                    self.cut |= depth >= DEPTH_LIMIT
                    if depth < DEPTH_LIMIT and entry.name != ".git":
                        waiting.append((Path(entry.path), f"{prefix}{entry.name}/", depth + 1))
                    continue
                self.files += 1
                if self.files > FILE_LIMIT:
                    self.cut = True
                    return
                yield prefix, entry

    def _is_new(self, folder: Path) -> bool:
        try:
            state = folder.stat()
        except OSError:
            self._could_not_read()
            return False
        place = (state.st_dev, state.st_ino)
        if place in self._seen:
            return False
        self._seen.add(place)
        return True

    def _could_not_read(self) -> None:
        self.unreadable += 1


def _packs(folders: list[Path]) -> tuple[Pack, ...]:
    """The packs that ComfyUI would load: folders and single files, those that are disabled left out."""
    found: dict[str, Pack] = {}
    for folder in folders:
        for entry in _entries(folder):
            name = entry.name
            if name.startswith((".", "__")) or name.endswith(".disabled"):
                continue
            if _is_folder(entry):
                found.setdefault(name, Pack(name, version=_pack_version(Path(entry.path))))
            elif name.endswith(".py"):
                found.setdefault(name[:-3], Pack(name[:-3]))
    return tuple(sorted(found.values(), key=lambda pack: (pack.name.casefold(), pack.name)))


def _pack_version(folder: Path) -> str | None:
    text = _text(folder / "pyproject.toml")
    try:
        project = tomllib.loads(text).get("project")
    except (ValueError, RecursionError):
        return None
    version = project.get("version") if isinstance(project, dict) else None
    return version if isinstance(version, str) and version else None


def _version(folder: Path) -> str | None:
    found = _VERSION.search(_text(folder / "comfyui_version.py"))
    return found[1] if found is not None else None


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_TEXT_LIMIT).decode("utf-8", "replace")
    except OSError:
        return ""


def _entries(folder: Path, on_error: Callable[[], None] | None = None) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as listing:
            return sorted(listing, key=lambda entry: entry.name)
    except OSError:
        if on_error is not None:
            on_error()
        return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
