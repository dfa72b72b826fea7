"""A project: a folder with a ``manifest.yaml`` that may name its server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comfy_tui import paths
from comfy_tui.errors import ConfigError

MANIFEST = "manifest.yaml"
MANIFEST_LIMIT = 1_000_000
_HINT = (
    f"Mend the file, or name another folder with --project DIR ({MANIFEST} may hold name and comfyui_url)."
)


@dataclass(frozen=True, slots=True)
class Project:
    """A project folder and what its manifest says."""

    folder: Path
    name: str
    #: As written in the manifest, or empty.
    comfyui_url: str
    workflows_folder: Path


def find_project(cwd: Path, explicit: Path | None = None) -> Project | None:
    """The project of the working folder, or the one that was asked for.

    Args:
        cwd: the working folder; its nearest parent with a manifest counts, short of the home folder
            and the root of the file system.
        explicit: the folder of ``--project``; it needs no manifest, but it must be there.
    """
    if explicit is not None:
        folder = paths.followed(cwd / paths.expanded(explicit))
        if not folder.is_dir():
            raise ConfigError(
                "There is no such project",
                f"--project {explicit}: {'not a folder' if folder.exists() else 'no such folder'}",
                "Name a folder that exists; a manifest.yaml in it is not needed.",
            )
        return _load(folder)
    for folder in _candidates(paths.followed(cwd)):
        if (folder / MANIFEST).is_file():
            return _load(folder)
    return None


def _candidates(cwd: Path) -> list[Path]:
    """The folder itself and those above it, short of home and the root."""
    home = paths.followed(Path("~"))
    out = [cwd]
    if cwd == home:
        return out
    for parent in cwd.parents:
        if parent in (home, parent.parent):
            break
        out.append(parent)
    return out


def _load(folder: Path) -> Project:
    manifest = folder / MANIFEST
    data = _read(manifest) if manifest.is_file() else {}
    name = _text(data, "name", manifest) or folder.name or str(folder)
    return Project(folder, name, _text(data, "comfyui_url", manifest), folder / "workflows")


def _text(data: dict[Any, Any], key: str, manifest: Path) -> str:
    value = data.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ConfigError(
            "The project manifest cannot be used",
            f"{manifest}: {key}: expected text, not {type(value).__name__}",
            f"Put the value of {key} in quotes.",
        )
    return value.strip()


def _read(manifest: Path) -> dict[Any, Any]:
    try:
        with manifest.open("rb") as file:
            raw = file.read(MANIFEST_LIMIT + 1)
        if len(raw) > MANIFEST_LIMIT:
            raise _bad(manifest, f"larger than {MANIFEST_LIMIT // 1_000_000} MB")
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise _bad(manifest, error.strerror or type(error).__name__) from error
    except UnicodeDecodeError as error:
        raise _bad(manifest, f"not UTF-8 (byte {error.start})") from error
    data = _parse(text, manifest)
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise _bad(manifest, f"expected a mapping of keys to values, not {type(data).__name__}")
    return data


def _parse(text: str, manifest: Path) -> Any:
    import yaml  # 20 ms that a start without a project does not pay

    class Loader(yaml.SafeLoader):
        """Without merge keys (``<<``): merges of merges make gigabytes out of a kilobyte."""

        def flatten_mapping(self, node: yaml.MappingNode) -> None:
            """Leave them as they are: nothing that is read here is written with them."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            """Leave them out, as well."""
            plain = [pair for pair in node.value if pair[0].tag != "tag:yaml.org,2002:merge"]
            return super().construct_mapping(yaml.MappingNode(node.tag, plain), deep)

    try:
        return yaml.load(text, Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}: " if mark is not None else ""
        raise _bad(manifest, f"{where}{error.problem or 'not YAML'}") from error
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError) as error:
        raise _bad(manifest, f"not YAML ({type(error).__name__})") from error


def _bad(manifest: Path, reason: str) -> ConfigError:
    return ConfigError("The project manifest cannot be used", f"{manifest}: {reason}", _HINT)
