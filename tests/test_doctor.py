"""The doctor: what it finds, what it says to do, as a command and as a screen."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from comfy_tui.config import Config, profile_from_url
from comfy_tui.demo.server import DemoServer
from comfy_tui.doctor.check import Check, Section, State, worst
from comfy_tui.doctor.machine import console_section, folder_size, parts_section
from comfy_tui.doctor.server import server_section
from comfy_tui.doctor.terminal import clipboard_section, locale_section, terminal_section, tmux_section
from comfy_tui.doctor.words import as_text, report
from comfy_tui.pictures.mode import ColourDepth, ImageMode
from comfy_tui.screens.doctor import DoctorScreen
from comfy_tui.terminal.facts import Answers, TerminalFacts, Tmux
from support import console, until


def by_id(section: Section) -> dict[str, Check]:
    return {check.id: check for check in section.checks}


class TestTerminal:
    def test_a_terminal_that_can_all(self) -> None:
        answers = Answers(answered=True, took_ms=3.6, name="kitty(0.35.2)", kitty=True, truecolor=True)
        facts = TerminalFacts(answers, "xterm-kitty", images=ImageMode.KITTY, images_why="it draws them")
        found = by_id(terminal_section(facts, (120, 40), ImageMode.KITTY))
        assert {check.state for check in found.values()} <= {State.OK, State.NOTE}
        assert found["terminal"].found == "kitty(0.35.2); TERM is xterm-kitty"
        assert found["answers"].found == "within 4 ms"
        assert found["pictures"].found == "kitty: it draws them"

    def test_a_poor_one_gets_remedies(self) -> None:
        facts = TerminalFacts(
            Answers(), "screen", depth=ColourDepth.STANDARD, depth_why="TERM is screen", no_colour=True
        )
        found = by_id(terminal_section(facts, (50, 10), ImageMode.HALF))
        assert found["answers"].state is State.WARN
        assert found["size"].state is State.BAD
        assert "60x16" in found["size"].remedy
        assert found["no_color"].remedy
        assert found["pictures"].found.startswith("half, as it was chosen")

    def test_tmux_with_the_lines_to_add(self) -> None:
        line = "set -g allow-passthrough on"
        facts = TerminalFacts(
            tmux=Tmux("3.3a", "off", "off", "xterm-kitty", "kitty(0.35.2)"),
            depth=ColourDepth.EIGHT_BIT,
            remedies=(line,),
        )
        section = tmux_section(facts)
        assert section is not None
        found = by_id(section)
        assert found["passthrough"].lines == (line,)
        assert found["tmux_clipboard"].lines == ("set -g set-clipboard external",)
        assert found["tmux_colours"].lines == ("set -as terminal-features ',xterm-kitty:RGB'",)
        text = as_text(report([section], plain=True))
        assert f"\n{' ' * 21}{line}\n" in text
        old = tmux_section(TerminalFacts(tmux=Tmux("3.0a", "", "external")))
        assert old is not None
        assert by_id(old)["tmux_clipboard"].lines == ("set -g set-clipboard on",)
        assert tmux_section(TerminalFacts()) is None


class TestClipboard:
    @pytest.mark.parametrize(
        ("environ", "words"),
        [
            ({"TMUX": "/tmp/x,1,0"}, "load-buffer"),
            ({"STY": "1.x"}, "GNU screen"),
            ({"SSH_TTY": "/dev/pts/1"}, "OSC 52"),
            ({}, "no desktop"),
            ({"DISPLAY": ":0", "PATH": "/nowhere"}, "OSC 52"),
        ],
    )
    def test_the_way(self, environ: dict[str, str], words: str) -> None:
        assert words in by_id(clipboard_section(environ))["text_clipboard"].found

    def test_tools_are_named(self, tmp_path: Path) -> None:
        for name in ("xclip", "xdg-open"):
            (tmp_path / name).write_text("#!/bin/sh\n")
            (tmp_path / name).chmod(0o755)
        found = by_id(clipboard_section({"DISPLAY": ":0", "PATH": str(tmp_path)}))
        assert "xclip" in found["text_clipboard"].found
        assert found["picture_clipboard"].found == "by xclip"
        assert found["opener"].found == "by xdg-open"

    def test_the_locale(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import io

        monkeypatch.setattr(sys, "__stdout__", io.TextIOWrapper(io.BytesIO(), "ascii"))
        bad = by_id(locale_section({"LANG": "C"}))["locale"]
        assert bad.state is State.BAD
        assert "C.UTF-8" in bad.remedy
        monkeypatch.setattr(sys, "__stdout__", io.TextIOWrapper(io.BytesIO(), "utf-8"))
        assert by_id(locale_section({"LANG": "de_DE.UTF-8"}))["locale"].state is State.OK


class TestMachine:
    def test_folders_and_sizes(self, isolated: Path, tmp_path: Path) -> None:
        cache = isolated / ".cache" / "comfy-tui" / "previews"
        cache.mkdir(parents=True)
        (cache / "x").write_bytes(bytes(5000))
        found = by_id(console_section(Config(file=tmp_path / "config.toml", auto_save=True)))
        assert found["cache_size"].found == "5 kB in 1 file"
        assert "the defaults are used" in found["config"].found
        assert found["save_folder"].state is State.WARN
        assert "save_folder" in found["save_folder"].remedy
        assert found["journal"].found == "empty"

    def test_a_folder_that_is_none(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        config = Config(file=tmp_path / "c.toml", save_folder=tmp_path / "file" / "in")
        found = by_id(console_section(config))
        assert found["save_folder"].state is State.BAD
        assert "save_folder in the config" in found["save_folder"].remedy

    def test_links_are_not_followed(self, tmp_path: Path) -> None:
        (tmp_path / "x").write_bytes(bytes(10))
        (tmp_path / "up").symlink_to(tmp_path)
        size, files, whole = folder_size(tmp_path)
        assert files == 2
        assert size < 10_000
        assert whole

    def test_parts(self) -> None:
        found = by_id(parts_section())
        assert found["libraries"].state is State.OK
        assert "textual 8" in found["libraries"].found
        assert {"media", "gpu"} <= set(found)

    def test_an_extra_that_is_not_there_names_its_command(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        found = by_id(parts_section())
        assert found["media"].remedy == "pip install 'comfy-tui[media]'"
        assert found["gpu"].remedy == "pip install 'comfy-tui[gpu]'"
        assert worst([parts_section()]) is State.NOTE

    def test_long_lines_go_on_below_themselves(self) -> None:
        check = Check("x", "Thing", State.WARN, "word " * 30, lines=("copy " * 30,))
        text = as_text(report([Section("s", "S", (check,))]), 60).splitlines()
        assert max(len(line) for line in text[:-1]) <= 60
        assert text[2].startswith(" " * 18 + "word")
        assert len(text[-1]) > 140


class TestServer:
    async def test_one_that_answers(self) -> None:
        async with DemoServer() as server:
            found = by_id(await server_section(profile_from_url(server.url), "the argument"))
        assert found["answers"].state is State.OK
        assert "ComfyUI" in found["versions"].found
        assert found["jobs_api"].state is State.OK

    async def test_an_older_one(self) -> None:
        async with DemoServer(legacy=True) as server:
            found = by_id(await server_section(profile_from_url(server.url), "the argument"))
        assert found["jobs_api"].found.startswith("none")

        assert found["manager"].found.startswith("none")

    async def test_what_of_it_can_be_used(self) -> None:
        async with DemoServer(manager="v4") as server:
            section = await server_section(profile_from_url(server.url), "the argument")
            assert not [method for method, _ in server.faults.requests if method != "GET"]
        found = by_id(section)
        assert found["websocket"].state is State.OK
        assert found["log"].state is State.OK
        assert found["manager"].found.startswith("ComfyUI-Manager 4")
        assert found["clock"].found == "as here, to about two seconds"
        assert "comfyui-workflow-templates 0.0.0-demo" in found["versions"].found

    async def test_a_proxy_without_websockets(self) -> None:
        async with DemoServer() as server:
            server.faults.set("/ws", status=400)
            server.faults.set("/internal/logs/raw", status=403)
            section = await server_section(profile_from_url(server.url), "the argument")
        found = by_id(section)
        assert found["answers"].state is State.OK
        assert found["websocket"].found.startswith("polling only: the websocket was answered with 400")
        assert "proxy_set_header Upgrade $http_upgrade;" in found["websocket"].lines
        assert found["log"].state is State.WARN
        assert worst([section]) is State.WARN

    async def test_a_websocket_that_stays_silent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("comfy_tui.doctor.server._TIMEOUT_S", 0.3)
        async with DemoServer() as server:
            server.faults.set("/ws", hang=True)
            found = by_id(await server_section(profile_from_url(server.url), "the argument"))
        assert found["websocket"].found == "polling only: nothing came within 0.3 s"
        assert "by polling" in found["websocket"].remedy

    @pytest.mark.parametrize(
        ("date", "state", "words"),
        [
            ("Wed, 21 Oct 2015 07:28:00 GMT", State.WARN, "behind the one here"),
            ("Fri, 21 Oct 2101 07:28:00 GMT", State.WARN, "ahead of the one here"),
            ("yesterday", State.NOTE, "not known"),
        ],
    )
    async def test_another_clock(self, date: str, state: State, words: str) -> None:
        async with DemoServer() as server:
            stats = json.dumps({"system": {"comfyui_version": "0.26.0"}, "devices": []})
            server.faults.set(
                "/system_stats", body=stats, content_type="application/json", headers={"Date": date}
            )
            found = by_id(await server_section(profile_from_url(server.url), "the argument"))
        assert found["clock"].state is state
        assert words in found["clock"].found

    async def test_none(self) -> None:
        section = await server_section(profile_from_url("http://127.0.0.1:9"), "the argument")
        assert by_id(section)["answers"].state is State.BAD
        assert by_id(section)["answers"].remedy
        assert worst([section]) is State.BAD


def _command(*args: str) -> subprocess.CompletedProcess[str]:
    code = (
        "import sys\nfrom comfy_tui.cli import main\ncode = main(sys.argv[1:])\n"
        "print('textual' in sys.modules, file=sys.stderr)\nsys.exit(code)"
    )
    return subprocess.run(
        [sys.executable, "-c", code, "doctor", *args],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_the_command_without_a_server() -> None:
    done = _command("127.0.0.1:9", "--json")
    assert done.returncode == 3
    assert done.stderr.strip() == "False"
    told = json.loads(done.stdout)
    assert told["ok"] is False
    ids = [section["id"] for section in told["sections"]]
    assert ids == ["terminal", "clipboard", "locale", "server", "console", "parts"]
    check = told["sections"][0]["checks"][0]
    assert set(check) == {"id", "title", "state", "found", "remedy", "lines"}


async def test_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_TTY", "/dev/pts/1")
    async with DemoServer() as server, console(server.url, size=(80, 24)) as ui:
        await ui.online()
        await ui.press("7")
        await ui.see("Terminal", "Drawn as quadrant", "7 Doctor", "y Copy", "r Refresh")
        await until(lambda: ui.app.screen.query_one("#proof-picture").drawn, "the test picture")
        await ui.press("G")
        await ui.see("Sent to the terminal, by screen", "of it pictures")
        await ui.press("y")
        await until(lambda: "libraries" in ui.app.copied.lower())
        assert isinstance(ui.app.screen, DoctorScreen)
        before = server.faults.count("/system_stats")
        await ui.press("r")
        await until(lambda: server.faults.count("/system_stats") > before + 1)
        await ui.see("Sent to the terminal, by screen")


async def test_the_screen_without_a_server() -> None:
    async with console("http://127.0.0.1:9", size=(120, 60)) as ui:
        await ui.press("7")
        await ui.see("to look at", "ComfyUI is not running at this address")
