"""The config: the file, the environment over it, and which server is meant."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comfy_tui import paths
from comfy_tui.alert_reading import ALERTS_KEY
from comfy_tui.alert_settings import AlertSettings
from comfy_tui.errors import ConfigError
from comfy_tui.naming import DEFAULT_NAME, NameTemplate
from comfy_tui.pictures.mode import ImageMode
from comfy_tui.profile import (
    DEFAULT_URL,
    ServerProfile,
    mask_url,
    normalise_url,
    profile_from_url,
    with_basic,
)
from comfy_tui.project import MANIFEST, find_project
from comfy_tui.settings import KEYS as PLAIN_KEYS
from comfy_tui.settings import SERVER_KEYS, TITLE, Key, Reader, naming, nearest

__all__ = [
    "DEFAULT_URL",
    "KEYS",
    "SERVER_KEYS",
    "Config",
    "Key",
    "ServerProfile",
    "config_path",
    "load_config",
    "mask_url",
    "normalise_url",
    "profile_from_url",
    "resolve_server",
]

#: Every key of the config file.
KEYS: tuple[Key, ...] = (*PLAIN_KEYS, ALERTS_KEY)
CONFIG_LIMIT = 1_000_000
_DEFAULT_ALERTS = AlertSettings()


@dataclass(frozen=True, slots=True)
class Config:
    """What the config file and the environment say."""

    default_server: str = ""
    interval_s: float = 5.0
    theme: str = "dark"
    ascii: bool = False
    images: ImageMode = ImageMode.AUTO
    readonly: bool = False
    workflow_folders: tuple[Path, ...] = ()
    save_folder: Path | None = None
    save_name: NameTemplate = DEFAULT_NAME
    save_stripped: bool = False
    auto_save: bool = False
    history_items: int = 50
    journal_days: float = 90.0
    journal_mb: int = 256
    long_job_minutes: float = 10.0
    alerts: AlertSettings = _DEFAULT_ALERTS
    #: Binding id and the keys for it, as written; :mod:`comfy_tui.keymap` checks them.
    keys: tuple[tuple[str, tuple[str, ...]], ...] = ()
    servers: tuple[ServerProfile, ...] = ()
    #: The file that was read, or would have been.
    file: Path = Path()
    #: What the person should know, though nothing stops: a readable token, for one.
    warnings: tuple[str, ...] = ()

    def server(self, name: str) -> ServerProfile | None:
        """The server of that name."""
        return next((profile for profile in self.servers if profile.name == name), None)


def config_path(file: Path | None, environ: Mapping[str, str]) -> Path:
    """The config file that counts: the one asked for, ``COMFY_TUI_CONFIG``, or the usual place."""
    named = file or environ.get("COMFY_TUI_CONFIG")
    if not named:
        return paths.config_file()
    return paths.expanded(named)


def load_config(file: Path | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """Read the config file, then the environment over it.

    Args:
        file: the file of ``--config``, which must exist; without it ``COMFY_TUI_CONFIG``, then the
            usual place, where it may lack.
        environ: the environment; that of the process if left out.

    Raises:
        ConfigError: names the file, the key, and what is expected there.
    """
    environ = os.environ if environ is None else environ
    where = config_path(file, environ)
    data = _read_toml(where, required=file is not None or bool(environ.get("COMFY_TUI_CONFIG")))
    reader = Reader(str(where), where.parent)
    values = reader.table(data, KEYS, "")
    for key in KEYS:
        raw = environ.get(key.env, "") if key.env else ""
        if raw:
            values[key.name] = Reader(key.env, paths.working_folder()).from_env(key, raw)
    config = Config(**values, file=where, warnings=_warnings(where, reader.plain_secrets))
    _check_default_server(config)
    return config


def resolve_server(
    config: Config,
    argument: str | None,
    environ: Mapping[str, str],
    cwd: Path,
    project_dir: Path | None,
) -> tuple[ServerProfile, str]:
    """The server to talk to, and where its address came from, in words.

    In this order: the argument (a name of the config, else a URL), ``COMFY_TUI_URL``, ``COMFYUI_URL``,
    the project's manifest, ``default_server`` of the config, the default. A profile's credentials are
    used only for the very URL of that profile.
    """
    if argument:
        return _profile_for(config, argument), "the argument"
    for variable in ("COMFY_TUI_URL", "COMFYUI_URL"):
        if value := environ.get(variable, "").strip():
            with naming(variable):
                return _profile_for(config, value), variable
    project = find_project(cwd, project_dir)
    if project is not None and project.comfyui_url:
        with naming(f"{project.folder / MANIFEST}: comfyui_url"):
            return _profile_by_url(config, project.comfyui_url), f"{MANIFEST} of {project.name}"
    if config.default_server:
        return _profile_for(config, config.default_server), "the config's default_server"
    return _profile_by_url(config, DEFAULT_URL), "the default"


def _profile_for(config: Config, text: str) -> ServerProfile:
    return config.server(text.strip()) or _profile_by_url(config, text)


def _profile_by_url(config: Config, text: str) -> ServerProfile:
    url, basic = normalise_url(text)
    for profile in config.servers:
        if profile.url == url:
            return profile if basic is None else with_basic(profile, basic)
    return profile_from_url(text)


def _check_default_server(config: Config) -> None:
    name = config.default_server
    if not name or config.server(name) is not None:
        return
    if config.servers and not any(mark in name for mark in ".:/[") and name != "localhost":
        raise ConfigError(
            TITLE,
            f"{config.file}: default_server: there is no [servers.{name}]",
            nearest(name, [profile.name for profile in config.servers]),
        )
    with naming(f"{config.file}: default_server"):
        normalise_url(name)


def _read_toml(file: Path, *, required: bool) -> dict[str, Any]:
    hint = "Mend the file, or name another with --config FILE."
    try:
        with file.open("rb") as stream:
            raw = stream.read(CONFIG_LIMIT + 1)
        if len(raw) > CONFIG_LIMIT:
            raise ConfigError(TITLE, f"{file}: larger than {CONFIG_LIMIT // 1_000_000} MB", hint)
        return tomllib.loads(raw.decode("utf-8-sig"))
    except FileNotFoundError:
        if required:
            raise ConfigError(
                TITLE, f"{file}: no such file", "Check the path of --config or COMFY_TUI_CONFIG."
            ) from None
        return {}
    except OSError as error:
        raise ConfigError(TITLE, f"{file}: {error.strerror or type(error).__name__}", hint) from error
    except UnicodeDecodeError as error:
        raise ConfigError(TITLE, f"{file}: not UTF-8 (byte {error.start})", hint) from None
    except (ValueError, RecursionError) as error:
        # The error's own text names line and column, and at most the one character that is wrong.
        raise ConfigError(TITLE, f"{file}: not TOML: {str(error) or 'nested too deep'}", hint) from None


def _warnings(file: Path, plain_secrets: list[str]) -> tuple[str, ...]:
    try:
        open_to_others = os.name == "posix" and bool(file.stat().st_mode & 0o077)
    except OSError:
        return ()
    if not plain_secrets or not open_to_others:
        return ()
    return (f"{file} holds {plain_secrets[0]} and others can read it: chmod 600 {file}",)
