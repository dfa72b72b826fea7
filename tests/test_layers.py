"""The arrows of docs/architecture.md point down; the contracts are in pyproject.toml."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent

#: Usable in a script without the console.
WITHOUT_A_TERMINAL = (
    *("workflow", "comfy", "comfy.client", "inventory", "library", "monitor", "demo", "demo.process"),
    *("config", "options", "keymap", "project", "paths", "errors", "text", "secret", "cli"),
)


@pytest.mark.xdist_group("tools")
@pytest.mark.skipif(importlib.util.find_spec("importlinter") is None, reason="import-linter is not installed")
def test_the_import_contracts_hold() -> None:
    code = "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", code, "--no-cache"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_nothing_below_the_widgets_imports_the_terminal_library() -> None:
    modules = "; ".join(f"import comfy_tui.{name}" for name in WITHOUT_A_TERMINAL)
    code = f"{modules}; import sys; sys.exit('textual' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
