"""Every test has its own home, its own folders, a bare environment, and no network but the loopback."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# Hypothesis fails an example that takes 200 ms, which on a busy machine any does.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

_DROP_PREFIXES = ("COMFY_TUI_", "COMFYUI_", "SSH_", "TMUX", "TEXTUAL", "KITTY_", "WEZTERM_", "XDG_", "STY")
_DROP = {
    *("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "COLORTERM", "TERM_PROGRAM", "COLUMNS", "LINES"),
    *("DISPLAY", "WAYLAND_DISPLAY", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
}
_LOOPBACK = ("localhost", "127.", "::1", "0.0.0.0")


@pytest.fixture(autouse=True)
def isolated(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Point HOME and the XDG folders at an empty home; return it."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name == "COMFY_TUI_LIVE_URL":
            continue
        if name.startswith(_DROP_PREFIXES) or name.upper() in _DROP:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TERM", "xterm-256color")
    for kind, folder in (("CONFIG", ".config"), ("STATE", ".state"), ("CACHE", ".cache"), ("DATA", ".data")):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(home / folder))
    if request.node.get_closest_marker("live") is None:
        _only_loopback(monkeypatch)
    return home


def _only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    real_getaddrinfo, real_connect = socket.getaddrinfo, socket.socket.connect

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name and not name.startswith(_LOOPBACK):
            raise socket.gaierror(socket.EAI_NONAME, "tests have no network")
        return real_getaddrinfo(host, *args, **kwargs)

    def connect(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and not str(address[0]).startswith(_LOOPBACK):
            raise OSError(errno.ENETUNREACH, "tests have no network")
        real_connect(self, address)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture
def config_file(isolated: Path) -> Path:
    """The place of the config file, its folder made; a test writes it."""
    file = isolated / ".config" / "comfy-tui" / "config.toml"
    file.parent.mkdir(parents=True)
    return file
