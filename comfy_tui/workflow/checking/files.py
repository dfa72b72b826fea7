"""Inputs that a class validates itself, as far as definitions tell: above all the file pickers.

The core's loaders look whether the file is there (comfyui-api, section 5.7). Their option lists name
the files of the input folder itself, so a plain name that no picker lists is missing; names in
subfolders and names marked ``[output]`` or ``[temp]`` are only known where the server was asked for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comfy_tui.workflow.checking.declared import Input, NodeClass, all_of, spec_of
from comfy_tui.workflow.checking.nearest import Nearest
from comfy_tui.workflow.checking.problem import RAISES, Problem, brief
from comfy_tui.workflow.checking.values import unwrapped
from comfy_tui.workflow.diagnostic import Severity

_KINDS = {"image_upload": "image", "audio_upload": "audio", "video_upload": "video"}
# Core classes that validate an input of theirs although no option says so.
_CORE_PICKERS = {("LoadLatent", "latent"): "latent", ("WebcamCapture", "image"): "image"}
# These look for their file too, but take "none", nothing and a link.
_MODEL_PICKERS = frozenset((("Load3D", "model_file"), ("Load3DAdvanced", "model_file")))
_MODELS = "3d/"
MODEL_KIND = "3D model"
FILE_UNKNOWN = "file_unknown"
FILE_MISSING = "custom_validation_failed"
ServerFile = tuple[str, str]
"""A file on a server: its folder ("input", "output" or "temp") and the path in it, with ``/``."""
_MARKS = {"[input]": "input", "[output]": "output", "[temp]": "temp"}


def picker_kind(node: NodeClass, item: Input) -> str | None:
    """What a file picker picks ("image", "audio", "video", "latent", "3D model"), None for other inputs."""
    if node.is_core and (node.name, item.name) in _CORE_PICKERS:
        return _CORE_PICKERS[node.name, item.name]
    if node.is_core and (node.name, item.name) in _MODEL_PICKERS and item.type == "COMBO":
        return MODEL_KIND
    if not item.is_combo:
        return None
    return next((kind for option, kind in _KINDS.items() if item.options.get(option)), None)


def server_file(name: str) -> ServerFile:
    """The file that a value of a picker means."""
    mark = next((mark for mark in _MARKS if name.endswith(mark)), None)
    path = name[: -len(mark) - 1] if mark else name  # the server cuts off one more character, the space
    return _MARKS[mark] if mark else "input", path


class Files:
    """The files that a server is known to have.

    Args:
        object_info: its definitions, whose pickers list the input folder.
        known: whether a file is there, for those that were asked for.
    """

    def __init__(self, object_info: Mapping[str, Any], known: Mapping[ServerFile, bool]) -> None:
        self._object_info = object_info
        self._known = known
        self._picked: list[str] | None = None

    def check(self, node: NodeClass, item: Input, value: Any, kind: str, nearest: Nearest) -> Problem | None:
        """What the loader's own validation says of a value, and what comes out only when it runs."""
        name = unwrapped(value)
        if kind == MODEL_KIND and (isinstance(value, list) or not name or name == "none"):
            return None
        if isinstance(value, list) or not isinstance(name, str):
            what = "a link" if isinstance(value, list) else brief(name)
            return Problem(
                RAISES,
                f"{item.name} is {what}; {node.name} can only check the name of a file here.",
                item.name,
                hint="Choose a file.",
            )
        if name.strip() == "":
            return self._nothing_chosen(item, kind)
        there = self._is_there(item, name, core=node.is_core)
        if there:
            return None
        if there is None:
            return Problem(
                FILE_UNKNOWN,
                f"Whether the {kind} {name} is there cannot be told from the node definitions.",
                item.name,
                hint="If it is not, the server refuses the workflow.",
                severity=Severity.INFO,
            )
        return Problem(
            FILE_MISSING,
            f"Invalid {kind} file: {name}",
            item.name,
            nearest.among(name, self._picks(item)),
            f"Upload the {kind} to the server's input folder, or choose one that is there.",
        )

    def _nothing_chosen(self, item: Input, kind: str) -> Problem:
        # An empty name means the folder itself, which exists: the server only fails when it opens it.
        return Problem(
            "file_not_chosen",
            f"{item.name} is empty: no {kind} is chosen, and the node will fail when it runs.",
            item.name,
            hint=f"Upload the {kind}, or choose one that is on the server.",
            severity=Severity.WARNING,
        )

    def _is_there(self, item: Input, name: str, *, core: bool) -> bool | None:
        choices = item.choices()
        if isinstance(choices, list) and name in choices:
            return True
        folder, path = server_file(name)
        if (folder, path) in self._known:
            return self._known[folder, path]
        if core and item.options.get("file_upload") and (folder, path[:3]) == ("input", _MODELS):
            return False  # the choices are all that lies there
        if folder != "input" or "/" in path or "\\" in path or path in (".", ".."):
            return None
        if not core and (item.options.get("image_folder", "input") != "input" or "remote" in item.options):
            return None
        if item.options.get("file_upload"):  # lists a folder below the input folder only
            return None
        return path in self._input_files() or path in self._picks(item)

    def _picks(self, item: Input) -> list[Any]:
        choices = item.choices()
        return choices if isinstance(choices, list) else []

    def _input_files(self) -> list[str]:
        """The files of the input folder that any picker of the server lists, whatever kind it picks."""
        if self._picked is None:
            found: dict[str, None] = {}
            for raw in all_of(self._object_info):
                sections = raw.get("input") if isinstance(raw, Mapping) else None
                for section in sections.values() if isinstance(sections, Mapping) else ():
                    for spec in section.values() if isinstance(section, Mapping) else ():
                        found.update(dict.fromkeys(_listed(spec)))
            self._picked = list(found)
        return self._picked


def _listed(spec: Any) -> list[str]:
    kind, options = spec_of(spec)
    if not any(options.get(option) for option in _KINDS) or options.get("image_folder", "input") != "input":
        return []
    choices = kind if isinstance(kind, list) else options.get("options")
    return [name for name in choices if isinstance(name, str)] if isinstance(choices, list) else []
