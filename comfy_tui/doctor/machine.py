"""Folders, files, sizes and installed parts.  Reads disks: call it in a thread."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from comfy_tui import __version__, paths
from comfy_tui.config import Config
from comfy_tui.doctor.check import Check, Section, State
from comfy_tui.paths import journal_file
from comfy_tui.text import count_of, format_bytes

#: No folder is walked for longer than this, and no more files than that are counted.
_WALK_S = 2.0
_MOST_FILES = 200_000
_LOW_DISK_BYTES = 500 * 1024 * 1024
_LARGE_CACHE_BYTES = 4 * 1024**3
_REQUIRED = ("textual", "httpx", "websockets", "pillow", "pyperclip", "platformdirs", "pyyaml", "aiohttp")
#: Optional parts: the extra, its module and package, and what is lacking without it.
_EXTRAS = (
    ("media", "av", "av", "first frames and contact sheets of videos, waveforms of sounds, EXR pictures"),
    ("gpu", "pynvml", "nvidia-ml-py", "programs on the graphics card by the driver (nvidia-smi is tried)"),
)


def console_section(config: Config) -> Section:
    """What runs, and where it keeps things."""
    checks = [
        Check(
            "version",
            "comfy-tui",
            State.NOTE,
            f"{__version__}; Python {platform.python_version()} on {platform.system()} {platform.machine()}",
        )
    ]
    there = "" if config.file.exists() else " (not there: the defaults are used)"
    checks.append(Check("config", "Config", State.OK, f"{config.file}{there}"))
    checks += [
        Check("config_warning", "Config", State.WARN, words, "See the guide: config.")
        for words in config.warnings
    ]
    for name, folder in (
        ("state", paths.state_dir()),
        ("cache", paths.cache_dir()),
        ("data", paths.data_dir()),
    ):
        checks.append(_writable(name, folder))
    checks.append(_cache(paths.cache_dir()))
    checks.append(_journal())
    checks += _saving(config)
    return Section("console", "Console", tuple(checks))


def _writable(name: str, folder: Path) -> Check:
    """Whether files can be made there, or in what it would be made in."""
    title = name.capitalize()
    there = next((part for part in (folder, *folder.parents) if part.exists()), folder)
    if not os.access(there, os.W_OK | os.X_OK) or not there.is_dir():
        remedy = f"Make it writable, or set XDG_{name.upper()}_HOME to another folder."
        return Check(name, title, State.BAD, f"{folder}: cannot be written", remedy)
    found = f"{folder}{'' if folder.exists() else ' (made when it is needed)'}"
    try:
        free = shutil.disk_usage(there).free
    except OSError:
        return Check(name, title, State.OK, found)
    if free < _LOW_DISK_BYTES:
        words = f"{found}: only {format_bytes(free)} are free"
        return Check(name, title, State.WARN, words, "Free some space on that disk.")
    return Check(name, title, State.OK, found)


def _walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    waiting = [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as listing:
                for entry in listing:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        yield entry
        except OSError:
            continue


def folder_size(folder: Path) -> tuple[int, int, bool]:
    """Bytes and files below a folder, and whether all of it was counted."""
    until = time.monotonic() + _WALK_S
    size = files = 0
    for entry in _walk(folder):
        if files >= _MOST_FILES or time.monotonic() > until:
            return size, files, False
        files += 1
        try:
            size += entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue
    return size, files, True


def _cache(folder: Path) -> Check:
    size, files, whole = folder_size(folder)
    words = f"{'' if whole else 'more than '}{format_bytes(size)} in {count_of(files, 'file')}"
    if size > _LARGE_CACHE_BYTES:
        return Check("cache_size", "Cached", State.WARN, words, f"It can be deleted: {folder}")
    return Check("cache_size", "Cached", State.OK, words)


def _journal() -> Check:
    file = journal_file()
    size = 0
    for name in ("", "-wal", "-shm"):
        try:
            size += Path(f"{file}{name}").stat().st_size
        except OSError:
            continue
    return Check("journal", "Journal", State.OK, f"{format_bytes(size)} in {file}" if size else "empty")


def _saving(config: Config) -> Iterator[Check]:
    folder = config.save_folder
    if folder is None:
        state = State.WARN if config.auto_save else State.NOTE
        remedy = "auto_save needs it: set save_folder in the config." if config.auto_save else ""
        yield Check("save_folder", "Saved files", state, "the console asks for a folder", remedy)
        return
    found = _writable("save_folder", folder)
    automatic = "; new outputs of your jobs go there by themselves" if config.auto_save else ""
    remedy = (
        "Set save_folder in the config to a folder that you may write." if found.state is State.BAD else ""
    )
    yield Check(
        "save_folder", "Saved files", found.state, f"{found.found}{automatic}", remedy or found.remedy
    )


def parts_section() -> Section:
    """The libraries and extras, by their versions; nothing is imported."""
    found = [f"{name} {_version(name)}" for name in _REQUIRED]
    lacking = [name for name in _REQUIRED if not _version(name)]
    checks = [
        Check(
            "libraries",
            "Libraries",
            State.BAD if lacking else State.OK,
            ", ".join(found),
            f"Install comfy-tui again: {', '.join(lacking)} lacks." if lacking else "",
        )
    ]
    for extra, module, package, gives in _EXTRAS:
        if importlib.util.find_spec(module) is not None:
            checks.append(Check(extra, f"Extra {extra}", State.OK, f"{package} {_version(package)}: {gives}"))
        else:
            remedy = f"pip install 'comfy-tui[{extra}]'"
            checks.append(Check(extra, f"Extra {extra}", State.NOTE, f"not installed: no {gives}", remedy))
    return Section("parts", "Installed", tuple(checks))


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
