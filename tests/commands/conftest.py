"""Runs commands in this process, against small definitions or a demo server of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from comfy_tui import cli
from comfy_tui.demo.process import spawn_demo
from command_support import OBJECT_INFO, Run, write


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """``run("convert", ...)`` in an empty folder: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*argv: object) -> tuple[int, str, str]:
        code = cli.main([str(word) for word in argv])
        out = capsys.readouterr()
        return code, out.out, out.err

    return call


@pytest.fixture
def info(tmp_path: Path) -> Path:
    """A file of small node definitions."""
    return write(tmp_path / "info.json", OBJECT_INFO)


@pytest.fixture(scope="module")
def demo() -> Iterator[str]:
    """A demo server in a process of its own."""
    with spawn_demo(legacy=False, speed=10.0, port=0) as url:
        yield url
