"""The clipboard: the way that works where the console runs, and the truth about it."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from comfy_tui import clipboard
from comfy_tui.clipboard import Route, copy, safe
from comfy_tui.errors import ExportError
from support import console, until

TMUX = {"TMUX": "/tmp/tmux-1000/default,1,0"}


def program(folder: Path, name: str, body: str) -> dict[str, str]:
    """Put a program on a PATH of its own; returns the environment for it."""
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}", "HOME": str(folder)}


def tool(folder: Path, *, works: bool = True) -> dict[str, str]:
    """An xclip that keeps its text in a file; a dead one says so on stderr and exits with 1."""
    kept = folder / "kept"
    live = f'case "$*" in *-o*) cat {kept};; *) cat > {kept}; (sleep 5 </dev/null >/dev/null 2>&1 &) ;; esac'
    dead = 'echo "Error: Can\'t open display: :9" >&2; exit 1'
    return {**program(folder, "xclip", live if works else dead), "DISPLAY": ":9"}


def test_control_characters_do_not_get_that_far() -> None:
    assert safe("a\x1b[201~\x07rm -rf\x9b\u202e\x00\r\nb\tc\rd\ud800") == "a[201~rm -rf\nb\tc\nd?"


def test_inside_tmux_its_own_command(tmp_path: Path) -> None:
    environ = program(tmp_path / "bin", "tmux", f'echo "$@" > {tmp_path}/args; cat > {tmp_path}/text')
    assert copy("größe\n画", {**environ, **TMUX, "SSH_CONNECTION": "1 2 3 4"}) is Route.TMUX
    assert (tmp_path / "args").read_text() == "load-buffer -w -\n"
    assert (tmp_path / "text").read_text("utf-8") == "größe\n画"


@pytest.mark.parametrize("body", ["exit 1", "sleep 60", "exec 0<&-; exit 1"])
def test_a_tmux_that_fails_or_hangs_leaves_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    monkeypatch.setattr(clipboard, "_TMUX_TIMEOUT_S", 0.3)
    began = time.monotonic()
    environ = program(tmp_path / "bin", "tmux", body)
    assert copy("x" * 200_000, {**environ, **TMUX}) is Route.TERMINAL
    assert time.monotonic() - began < 10


def test_no_tmux_at_all(tmp_path: Path) -> None:
    assert copy("x", {**TMUX, "PATH": str(tmp_path)}) is Route.TERMINAL


@pytest.mark.parametrize("name", ["SSH_CONNECTION", "SSH_TTY"])
def test_over_ssh_the_terminal_even_with_a_display(tmp_path: Path, name: str) -> None:
    environ = tool(tmp_path / "bin")
    assert copy("x", {**environ, name: "/dev/pts/1"}) is Route.TERMINAL
    assert not (tmp_path / "bin" / "kept").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the fake tool is xclip")
class TestDesktop:
    def test_copies_and_reads_back(self, tmp_path: Path) -> None:
        assert copy("größe\nline", tool(tmp_path / "bin")) is Route.DESKTOP
        assert (tmp_path / "bin" / "kept").read_text("utf-8") == "größe\nline"

    def test_a_dead_display_is_noticed_and_silent(
        self, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        assert copy("x", tool(tmp_path / "bin", works=False)) is Route.TERMINAL
        assert capfd.readouterr() == ("", "")

    def test_a_tool_that_hangs_is_ended(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(clipboard, "_DESKTOP_TIMEOUT_S", 1.0)
        environ = program(tmp_path / "bin", "xclip", f"echo $$ > {tmp_path}/pid; exec sleep 60")
        assert copy("x", {**environ, "DISPLAY": ":9"}) is Route.TERMINAL
        pid = int((tmp_path / "pid").read_text())
        for _ in range(200):
            status = Path(f"/proc/{pid}/stat")
            if not status.exists() or status.read_text().split()[2] == "Z":
                return
            time.sleep(0.01)
        pytest.fail("the tool still runs")

    def test_no_display(self, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        environ = tool(tmp_path / "bin")
        del environ["DISPLAY"]
        assert copy("x", environ) is Route.TERMINAL
        assert capfd.readouterr() == ("", "")

    def test_a_module_of_that_name_in_the_working_folder_is_not_run(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "pyperclip.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
        monkeypatch.chdir(tmp_path)
        copy("x", {"PATH": os.environ["PATH"]})
        assert not (tmp_path / "ran").exists()


def test_what_a_terminal_takes_is_limited() -> None:
    ssh = {"SSH_TTY": "/dev/pts/1"}
    assert copy("x" * 500_000, ssh) is Route.TERMINAL
    with pytest.raises(ExportError, match="Too long for the clipboard") as caught:
        copy("画" * 200_000, ssh)
    assert "file" in caught.value.hint


def test_nothing_is_not_copied() -> None:
    with pytest.raises(ExportError, match="Nothing to copy"):
        copy("", TMUX)


async def test_the_console_says_which_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_TTY", "/dev/pts/1")
    async with console("http://127.0.0.1:9") as ui:
        ui.app.copy("a\x1b]52;c;x\x07b", "URL")
        await ui.see("URL: sent to the terminal's clipboard")
        assert ui.app.clipboard == "a]52;c;xb"
        environ = program(tmp_path / "bin", "tmux", f"cat > {tmp_path}/text")
        monkeypatch.setenv("PATH", environ["PATH"])
        monkeypatch.setenv("TMUX", TMUX["TMUX"])
        ui.app.copy("in tmux", "prompt")
        await ui.see("prompt: copied")
        await until((tmp_path / "text").exists)
        ui.app.copy("", "seed")
        await ui.see("Nothing to copy")
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("route", "environ", "said"),
    [
        (clipboard.Route.DESKTOP, {}, "the desktop's clipboard"),
        (clipboard.Route.TMUX, {"TMUX": "x"}, "prefix ]"),
        (clipboard.Route.TERMINAL, {}, "the terminal's clipboard, if it takes it"),
        (clipboard.Route.TERMINAL, {"TMUX": "x"}, "tmux may drop it"),
        (clipboard.Route.TERMINAL, {"STY": "x"}, "GNU screen drops it"),
    ],
)
def test_which_way_it_went_is_said(route: clipboard.Route, environ: dict[str, str], said: str) -> None:
    words = clipboard.words(route, environ)
    assert said in words
    assert ("ctrl+y" in words) is (route is clipboard.Route.TERMINAL)
