"""Where comfy-tui keeps things: the XDG folders, looked up each time so that the environment counts."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from comfy_tui.errors import ConfigError

APP_NAME = "comfy-tui"


def config_dir() -> Path:
    """The folder of ``config.toml`` and the user's own themes."""
    return Path(platformdirs.user_config_dir(APP_NAME, appauthor=False))


def state_dir() -> Path:
    """The folder of what is remembered between runs: logs, the journal, recent files."""
    return Path(platformdirs.user_state_dir(APP_NAME, appauthor=False))


def cache_dir() -> Path:
    """The folder of what can be fetched again: node definitions, thumbnails."""
    return Path(platformdirs.user_cache_dir(APP_NAME, appauthor=False))


def data_dir() -> Path:
    """The folder of what a person would miss."""
    return Path(platformdirs.user_data_dir(APP_NAME, appauthor=False))


def config_file() -> Path:
    """The config file that is read when no other is named."""
    return config_dir() / "config.toml"


def user_themes_dir() -> Path:
    """The folder of the user's own themes."""
    return config_dir() / "themes"


def log_file() -> Path:
    """The log that the console writes."""
    return state_dir() / "comfy-tui.log"


def journal_file() -> Path:
    """The journal of jobs and events: an SQLite file."""
    return state_dir() / "journal.sqlite3"


def expanded(path: str | Path) -> Path:
    """The path with a leading ``~`` as the home folder; as it is where there is no such home."""
    return Path(os.path.expanduser(path))


def followed(path: Path) -> Path:
    """The path with its links followed as far as they lead somewhere; never raises for what it finds."""
    return Path(os.path.realpath(expanded(path)))


def working_folder() -> Path:
    """The folder that the console works in; the home folder where that was removed under it."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return expanded("~")


def list_paths() -> tuple[tuple[str, Path], ...]:
    """Every path with its name, as ``comfy-tui paths`` shows them."""
    return (
        ("config", config_file()),
        ("themes", user_themes_dir()),
        ("state", state_dir()),
        ("log", log_file()),
        ("journal", journal_file()),
        ("cache", cache_dir()),
        ("data", data_dir()),
    )


def ensure_private_dir(folder: Path) -> Path:
    """Make the folder, and those above it that lack, for this user alone (0700); return it.

    A folder that is there already keeps its mode.
    """
    try:
        for missing in reversed([part for part in (folder, *folder.parents) if not part.exists()]):
            missing.mkdir(mode=0o700, exist_ok=True)
        if not folder.is_dir():
            raise NotADirectoryError(20, "not a folder", str(folder))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError(
            "A folder cannot be made",
            f"{folder}: {reason}",
            "Set XDG_CONFIG_HOME, XDG_STATE_HOME, XDG_CACHE_HOME or XDG_DATA_HOME to where you can write.",
        ) from error
    return folder
