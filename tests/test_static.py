"""Types, lint and formatting are part of the test run."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


def ruff() -> str:
    """The ruff beside this Python, else the one on the path."""
    beside = Path(sys.executable).parent / "ruff"
    return str(beside) if beside.exists() else shutil.which("ruff") or ""


def check(*command: str) -> None:
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]


@pytest.mark.xdist_group("tools")
@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")
def test_types() -> None:
    check(sys.executable, "-m", "mypy")


@pytest.mark.xdist_group("tools")
@pytest.mark.skipif(not ruff(), reason="ruff is not installed")
def test_lint() -> None:
    check(ruff(), "check", "--quiet", ".")


@pytest.mark.xdist_group("tools")
@pytest.mark.skipif(not ruff(), reason="ruff is not installed")
def test_format() -> None:
    check(ruff(), "format", "--check", "--quiet", ".")
