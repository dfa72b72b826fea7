from __future__ import annotations

import stat
from pathlib import Path

import pytest

from comfy_tui import paths
from comfy_tui.errors import ConfigError


def test_folders_follow_the_environment_of_the_moment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for kind, function in (
        ("CONFIG", paths.config_dir),
        ("STATE", paths.state_dir),
        ("CACHE", paths.cache_dir),
        ("DATA", paths.data_dir),
    ):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind))
        assert function() == tmp_path / kind / "comfy-tui"


def test_without_xdg_everything_is_in_home(monkeypatch: pytest.MonkeyPatch, isolated: Path) -> None:
    for kind in ("CONFIG", "STATE", "CACHE", "DATA"):
        monkeypatch.delenv(f"XDG_{kind}_HOME")
    assert all(path.is_relative_to(isolated) for _, path in paths.list_paths())


def test_a_private_folder_is_made_for_this_user_alone(tmp_path: Path) -> None:
    made = paths.ensure_private_dir(tmp_path / "a" / "b")
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert stat.S_IMODE(made.parent.stat().st_mode) == 0o700
    assert paths.ensure_private_dir(made) == made


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigError, match="file"):
            paths.ensure_private_dir(folder)
