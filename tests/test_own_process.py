"""Our own processes run our code and the libraries', and nothing that lies in the working folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

from comfy_tui.own_process import module_command


def test_nothing_in_the_working_folder_is_run(tmp_path: Path) -> None:
    for name in ("json", "struct", "comfy_tui"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w'); raise SystemExit(9)\n")
    command = module_command("comfy_tui.demo", "--help")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "--parent-pipe" in done.stdout
    assert not (tmp_path / "ran").exists()
