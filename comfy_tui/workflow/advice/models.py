"""Advice for model files that the server lacks (manager-and-models, section 4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from comfy_tui.workflow.advice.commands import (
    MODEL_ENDINGS,
    doubt_about,
    download_commands,
    page_of,
    safe_path,
    safe_url,
)
from comfy_tui.workflow.advice.folders import current_name, folder_of
from comfy_tui.workflow.advice.knowledge import Knowledge, ModelSource
from comfy_tui.workflow.advice.saved import Saved
from comfy_tui.workflow.advice.types import Advice, AdviceKind, Near, Origin
from comfy_tui.workflow.checking.nearest import Nearest
from comfy_tui.workflow.diagnostic import Severity

_MOST_NEAR = 5
# Names that mean a different file in each repository: never matched without their folder.
_COMMON = ("diffusion_pytorch_model", "pytorch_model", "model", "adapter_model", "pytorch_lora_weights")


@dataclass(frozen=True, slots=True)
class MissingModel:
    """A model file that nodes name and the server lacks. ``value`` is as a node names it."""

    value: str
    nodes: tuple[str, ...]
    classes: tuple[str, ...]
    input: str | None
    severity: Severity
    folder: str | None = None
    suggestions: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """The name without folders."""
        return _plain(self.value)

    @property
    def subfolder(self) -> str:
        """The folders before it."""
        return self.value.replace("\\", "/").rpartition("/")[0]


def is_model(value: object) -> bool:
    """Whether a value names a model file."""
    return isinstance(value, str) and value.lower().endswith(MODEL_ENDINGS) and "\n" not in value


class ModelAdvisor:
    """Advises on missing models; prepares the server's lists once."""

    def __init__(self, saved: Saved, knowledge: Knowledge) -> None:
        self._saved, self._knowledge = saved, knowledge
        self._nearest = Nearest()
        self._by_name: dict[str, list[Near]] | None = None

    def folder_of(self, class_type: str | None, input_name: str | None) -> str | None:
        """The model folder that an input chooses from."""
        return folder_of(class_type, input_name, self._knowledge.object_info, self._knowledge.models)

    def advise(self, one: MissingModel) -> Advice:
        """What to do about one file."""
        sources = list(self._sources(one))
        folder = one.folder or next((s.folder for s in sources if s.folder), None)
        near = self._near(one, folder)
        twin = next((n for n in near if n.same_file and n.folder == folder), None)
        if twin is not None:
            return self._choose(one, folder, twin, near)
        source = next((s for s in sources if s.url), None)
        if source is None:
            return self._find(one, folder, near, next((s for s in sources if s.page), None))
        return self._download(one, folder or source.folder, near, source)

    def _sources(self, one: MissingModel) -> Iterator[ModelSource]:
        """Who knows the file, in the order of trust; a known folder must agree."""
        known = self._knowledge
        name = one.file_name
        for listed in (
            self._saved.models.get(name, ()),
            [s for s in known.references if s.name == name],
            known.catalogue.models.get(name, ()),
            [s for s in known.model_list if s.name == name],
        ):
            fitting = [source for source in listed if _agrees(source, one)]
            yield from sorted(fitting, key=lambda s: (s.subfolder != one.subfolder, s.url is None))

    def _choose(self, one: MissingModel, folder: str | None, twin: Near, near: tuple[Near, ...]) -> Advice:
        return Advice(
            AdviceKind.CHOOSE_MODEL,
            one.value,
            one.severity,
            f"The server has {one.file_name} as {twin.name}: choose that.",
            Origin.SERVER,
            one.nodes,
            one.classes,
            one.input,
            one.file_name,
            folder,
            near=near,
        )

    def _download(
        self, one: MissingModel, folder: str | None, near: tuple[Near, ...], source: ModelSource
    ) -> Advice:
        url = source.url or ""
        place = f"models/{folder}" if folder else "a folder that nobody names"
        message = f"The server lacks {one.value}; it belongs in {place}."
        elsewhere = next((n for n in near if n.same_file), None)
        if elsewhere is not None:
            message += f" It has a file of this name in {elsewhere.folder}: moving or linking it may do."
        doubt = doubt_about(url, one.file_name)
        commands = download_commands(url, folder, one.value) if folder else ()
        if folder and not commands:
            doubt = "its name cannot be the name of a file below models"
        if elsewhere is not None and not doubt:
            doubt = f"the server has a file of this name in {elsewhere.folder}"
        return Advice(
            AdviceKind.DOWNLOAD_MODEL,
            one.value,
            one.severity,
            message,
            source.origin,
            one.nodes,
            one.classes,
            one.input,
            one.file_name,
            folder,
            url,
            source.sha256,
            near,
            commands=commands,
            link=page_of(url),
            doubt=doubt,
        )

    def _find(
        self, one: MissingModel, folder: str | None, near: tuple[Near, ...], page: ModelSource | None
    ) -> Advice:
        message = f"The server lacks {one.value}"
        message += f"; it belongs in models/{folder}." if folder else "."
        message += " Where it can be had is not known." if page is None else " Its page is known."
        words = quote(
            one.file_name.rpartition(".")[0][:100] or one.file_name[:100], safe="", errors="replace"
        )
        return Advice(
            AdviceKind.FIND_MODEL,
            one.value,
            one.severity,
            message,
            page.origin if page is not None else Origin.NOBODY,
            one.nodes,
            one.classes,
            one.input,
            one.file_name,
            folder,
            near=near,
            link=page.page if page is not None else safe_url(f"https://huggingface.co/models?search={words}"),
        )

    def _near(self, one: MissingModel, folder: str | None) -> tuple[Near, ...]:
        """The same file elsewhere on the server, then files of the folder that are called alike."""
        found = [
            near
            for near in self._named(one.file_name.casefold())
            if near.folder == folder or not _is_common(one.file_name)
        ]
        found.sort(key=lambda near: near.folder != folder)
        # Where there are few choices a check suggests them all, alike or not.
        here: Sequence[str] = self._knowledge.models.get(folder or "", one.suggestions)
        alike = self._nearest.among(one.value, here, any_of_few=False)
        known = {near.name for near in found if near.folder == folder}
        if folder is not None:
            found += [Near(folder, name) for name in alike if name not in known and name != one.value]
        return tuple(found[:_MOST_NEAR])

    def _named(self, file_name: str) -> list[Near]:
        if self._by_name is None:
            self._by_name = {}
            for folder, names in self._knowledge.models.items():
                for name in names:
                    near = Near(current_name(folder), name, same_file=True)
                    self._by_name.setdefault(_plain(name).casefold(), []).append(near)
        return self._by_name.get(file_name, [])


def _agrees(source: ModelSource, one: MissingModel) -> bool:
    """Whether a source means this file. Of a project's own list only the name counts, as folders err."""
    below = one.subfolder.casefold()
    theirs = source.subfolder.casefold()
    if _is_common(one.file_name) and source.origin is not Origin.WORKFLOW and (below != theirs or not below):
        return False
    if source.origin is Origin.PROJECT or one.folder is None or source.folder is None:
        return True
    return current_name(source.folder).partition("/")[0] == one.folder.partition("/")[0]


def _is_common(file_name: str) -> bool:
    return file_name.rpartition(".")[0].lower() in _COMMON


def _plain(value: str) -> str:
    return value.replace("\\", "/").rpartition("/")[2]


def read_model_list(answer: object) -> tuple[ModelSource, ...]:
    """Read a Manager's model list (manager-and-models, section 4.2); entries without a file are left out."""
    listed = answer.get("models") if isinstance(answer, Mapping) else None
    found = []
    for entry in listed if isinstance(listed, list) else ():
        name, path = (
            (entry.get(k) for k in ("filename", "save_path")) if isinstance(entry, Mapping) else (0, 0)
        )
        url = safe_url(entry.get("url")) if isinstance(entry, Mapping) else None
        if not isinstance(name, str) or not isinstance(path, str) or url is None or name.startswith("<"):
            continue
        if path == "default":
            path = _default_folder(entry.get("type"))
        place = safe_path(path, name) if path else None
        if place is not None:
            folder, _, below = place[0].partition("/")
            found.append(ModelSource(place[1], current_name(folder), url, Origin.MODEL_LIST, subfolder=below))
    return tuple(found)


_DEFAULT_FOLDERS = {
    "upscale": "upscale_models",
    "clip": "text_encoders",
    "vae": "vae",
    "diffusion_model": "diffusion_models",
    "unet": "diffusion_models",
    "lora": "loras",
    "checkpoint": "checkpoints",
    "checkpoints": "checkpoints",
    "unclip": "checkpoints",
    "t2i-adapter": "controlnet",
    "t2i-style": "controlnet",
    "controlnet": "controlnet",
    "embedding": "embeddings",
    "gligen": "gligen",
    "clip_vision": "clip_vision",
}


def _default_folder(kind: object) -> str:
    return _DEFAULT_FOLDERS.get(str(kind).lower(), "")
