from __future__ import annotations

import importlib
import json
import os
import re
import shlex
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from comfy_tui import __version__, cli
from comfy_tui.commands import COMMANDS, common
from comfy_tui.commands.status import JSON_KEYS
from comfy_tui.errors import ComfyError
from comfy_tui.options import AppOptions

STATS = {
    "system": {
        "os": "posix",
        "ram_total": 64 * 2**30,
        "ram_free": 40 * 2**30,
        "comfyui_version": "0.26.0\x1b[31m",
        "python_version": "3.12.1",
        "pytorch_version": "2.9.0+cu128",
        "embedded_python": False,
        "argv": ["main.py"],
    },
    "devices": [
        {
            "name": "cuda:0 Card",
            "type": "cuda",
            "index": 0,
            "vram_total": 24 * 2**30,
            "vram_free": 20 * 2**30,
            "torch_vram_total": 2**30,
            "torch_vram_free": 2**20,
        }
    ],
}
ANSWERS: dict[str, Any] = {
    "/system_stats": STATS,
    "/queue": {"queue_running": [], "queue_pending": []},
    "/prompt": {"exec_info": {"queue_remaining": 0}},
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        answer = ANSWERS.get(self.path.removeprefix("/api"))
        body = json.dumps(answer).encode()
        self.send_response(404 if answer is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The few routes that a status needs."""
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=httpd.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    httpd.server_close()


#: A port that nothing listens on.
NOBODY = "http://127.0.0.1:9"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)

    def call(*argv: str) -> tuple[int, str, str]:
        code = cli.main(argv)
        out = capsys.readouterr()
        return code, out.out, out.err

    return call


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[AppOptions]:
    """A terminal on both ends, and a console that only notes what it was given."""
    seen: list[AppOptions] = []

    def run_app(options: AppOptions, before_start: object = None) -> int:
        seen.append(options)
        return 0

    app = types.ModuleType("comfy_tui.app")
    app.run_app = run_app  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "comfy_tui.app", app)
    for module in (cli.common, importlib.import_module("comfy_tui.commands.demo")):
        monkeypatch.setattr(module, "has_terminal", lambda: True)
    return seen


def test_version_and_help(run: Run) -> None:
    assert run("-V") == (0, f"comfy-tui {__version__}\n", "")
    assert run("--version")[0] == 0
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    assert all(name in out for name in COMMANDS)
    assert all(len(line) <= 80 for line in out.partition("commands:")[2].splitlines()[:-3])


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help(run: Run, name: str) -> None:
    code, out, _ = run(name, "-h")
    assert code == 0
    assert f"comfy-tui {name}" in out


@pytest.mark.parametrize(
    "argv",
    [
        *(["--nonsense"], ["one", "two"], ["--interval", "0"], ["--interval", "nan"], ["--interval", "x"]),
        *(["status", "--theme", "x"], ["demo", "--speed", "0"], ["demo", "--port", "70000"]),
        *(["demo", "url"], ["paths", "x"], ["status", "--js"]),
    ],
)
def test_wrong_usage_is_2_and_words_go_to_stderr(run: Run, argv: list[str]) -> None:
    code, out, err = run(*argv)
    assert (code, out) == (2, "")
    assert err.startswith("comfy-tui: ")
    assert "--help" in err


def test_wrong_usage_shows_no_password_and_no_escape(run: Run) -> None:
    _, _, err = run("box", "http://me:hunter2@box", "\x1b[31m")
    assert "***@box" in err
    assert "hunter2" not in err
    assert "\x1b" not in err


def test_paths_lists_every_path(run: Run, isolated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, err = run("paths")
    assert (code, err) == (0, "")
    assert out.splitlines()[0].startswith(f"config   {isolated}/.config/comfy-tui/config.toml")
    assert [line.split()[0] for line in out.splitlines()] == [
        *("config", "themes", "state", "log", "journal", "cache", "data")
    ]
    monkeypatch.setenv("COMFY_TUI_CONFIG", "/from/env.toml")
    assert "/from/env.toml" in run("paths")[1]
    assert "/from/flag.toml" in run("--config", "/from/flag.toml", "paths")[1]


def test_status_for_a_person(run: Run, server: str) -> None:
    code, out, err = run("status", server)
    assert (code, err) == (0, "")
    for words in ("0.26.0", "3.12.1", "2.9.0+cu128", "4.0 GB of 24.0 GB used", "24.0 GB of 64.0 GB used"):
        assert words in out
    assert "0 jobs running, 0 jobs pending" in out
    assert "(the argument)" in out
    assert "\x1b" not in out


def test_status_for_a_script(run: Run, server: str) -> None:
    code, out, err = run("status", "--json", server)
    assert (code, err) == (0, "")
    answer = json.loads(out)
    assert set(answer) == set(JSON_KEYS)
    assert (answer["ok"], answer["error"]) == (True, None)
    assert answer["ram_total_bytes"] == 64 * 2**30
    assert answer["devices"][0]["vram_free_bytes"] == 20 * 2**30
    assert (answer["queue_running"], answer["queue_pending"]) == (0, 0)
    assert answer["response_ms"] > 0


def test_status_of_nobody_is_3(run: Run) -> None:
    code, out, err = run("status", NOBODY)
    assert (code, out) == (3, "")
    assert err.startswith("comfy-tui: ")
    assert len(err.splitlines()) == 2
    code, out, err = run("status", "--json", NOBODY)
    answer = json.loads(out)
    assert code == 3
    assert set(answer) == set(JSON_KEYS)
    assert answer["ok"] is False
    assert answer["error"]["code"] == "unreachable"
    assert answer["error"]["hint"]


def test_status_never_shows_the_password_of_its_url(run: Run, server: str) -> None:
    with_password = server.replace("//", "//me:hunter2@")
    for argv in (["status", with_password], ["status", "--json", with_password], [NOBODY + "@"]):
        assert "hunter2" not in "".join(map(str, run(*argv)))


def test_without_a_terminal_the_console_is_one_status(run: Run, server: str) -> None:
    assert run(server)[1].startswith("server")
    assert run("--once", server)[1].startswith("server")


def test_a_broken_config_is_2_with_a_hint(run: Run, config_file: Path) -> None:
    config_file.write_text("thme = 'light'")
    code, out, err = run("status")
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        f"comfy-tui: The config cannot be used: {config_file}: thme: unknown key",
        err.splitlines()[1],
    ]
    assert "Did you mean theme?" in err
    assert run("paths")[0] == 0


def test_broken_keys_are_told_at_the_start(run: Run, config_file: Path) -> None:
    config_file.write_text("[keys]\n'app.hlp' = 'x'")
    code, _, err = run("--once", NOBODY)
    assert code == 2
    assert "app.hlp" in err
    assert str(config_file) in err


def test_the_console_gets_its_options(
    run: Run, opened: list[AppOptions], config_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config_file.write_text("interval_s = 2\ntheme = 'light'\n[servers.box]\nurl = 'box'\nreadonly = true")
    (tmp_path / "film").mkdir()
    monkeypatch.setenv("COMFY_TUI_THEME", "from-env")
    flags = ["--interval", "7", "--theme", "mine", "--ascii", "--project", "film"]
    assert run("box", *flags)[0] == 0
    assert run("--readonly", "http://x")[0] == 0
    first, second = opened
    assert (first.server.name, first.server_source, first.readonly) == ("box", "the argument", True)
    assert (first.interval_s, first.theme, first.ascii, first.demo) == (7.0, "mine", True, False)
    assert first.project is not None
    assert first.project.name == "film"
    assert (second.interval_s, second.theme, second.ascii) == (2.0, "from-env", False)
    assert (second.server.url, second.readonly, second.project) == ("http://x", True, None)


def test_a_word_that_is_a_command_is_the_command(run: Run, opened: list[AppOptions]) -> None:
    assert cli.split_command(["--config", "status", "x"]) == (None, ["--config", "status", "x"])
    command, rest = cli.split_command(["--config", "f", "status", "x"])
    assert command is COMMANDS["status"]
    assert rest == ["--config", "f", "x"]
    assert cli.split_command(["x", "status"])[0] is None
    assert run("--", "status")[0] == 0
    assert opened[0].server.url == "http://status:8188"


def test_demo_runs_the_console_on_a_server_of_its_own(
    run: Run, opened: list[AppOptions], server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[dict[str, object]] = []
    alive: list[bool] = []

    @contextmanager
    def spawn_demo(**options: object) -> Iterator[str]:
        calls.append(options)
        alive.append(True)
        yield server
        alive.pop()

    process = types.ModuleType("comfy_tui.demo.process")
    process.spawn_demo = spawn_demo  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "comfy_tui.demo.process", process)
    assert run("demo", "--legacy", "--speed", "5", "--port", "0", "--theme", "light")[0] == 0
    assert calls == [{"legacy": True, "speed": 5.0, "port": 0}]
    assert not alive
    assert (opened[0].demo, opened[0].server.url, opened[0].theme) == (True, server, "light")
    assert opened[0].server.name == "demo"
    monkeypatch.setattr(sys.modules["comfy_tui.commands.demo"], "has_terminal", lambda: False)
    code, out, _ = run("demo")
    assert (code, out.splitlines()[0].split()[:2]) == (0, ["server", "demo"])


def test_demo_serve_runs_only_the_server(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []
    module = types.ModuleType("comfy_tui.demo.__main__")
    module.main = lambda argv: calls.append(argv) or 0  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "comfy_tui.demo.__main__", module)
    assert run("demo", "--serve", "--port", "7777", "--legacy")[0] == 0
    assert calls == [["--port", "7777", "--speed", "1.0", "--warm-up", "--legacy"]]


@pytest.mark.parametrize(
    ("error", "code"), [(KeyboardInterrupt(), 130), (ComfyError("a\x1b[31m", "b\n", "c\x07"), 1)]
)
def test_how_it_ends(
    run: Run, opened: list[AppOptions], monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    def fail(options: AppOptions, before_start: object = None) -> int:
        raise error

    monkeypatch.setattr(sys.modules["comfy_tui.app"], "run_app", fail)
    found, out, err = run("http://x")
    assert (found, out) == (code, "")
    assert re.search(r"[\x00-\x09\x0b-\x1f]", err) is None


def test_a_mistake_of_ours_is_a_traceback(opened: list[AppOptions], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(options: AppOptions, before_start: object = None) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(sys.modules["comfy_tui.app"], "run_app", fail)
    with pytest.raises(ZeroDivisionError):
        cli.main(["http://x"])


def test_a_config_that_others_can_read_is_told_on_stderr(run: Run, config_file: Path, server: str) -> None:
    config_file.write_text(f"default_server = 'box'\n[servers.box]\nurl = '{server}'\ntoken = 'hush'")
    config_file.chmod(0o644)
    code, out, err = run("status", "--json")
    assert code == 0
    assert json.loads(out)["server"] == "box"
    assert "warning" in err
    assert "hush" not in out + err


def test_terminal_means_all_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stream:
        def __init__(self, terminal: bool) -> None:
            self.terminal = terminal

        def isatty(self) -> bool:
            return self.terminal

    for lacks in ("", "stdin", "stdout", "stderr"):
        for name in ("stdin", "stdout", "stderr"):
            monkeypatch.setattr(sys, name, Stream(name != lacks))
        assert common.has_terminal() is (not lacks)
    monkeypatch.setattr(sys, "stdin", None)
    assert common.has_terminal() is False


# rich is not in the list: where click is installed, as it is for development, httpx imports both.
WITHOUT_TEXTUAL = """
import sys
from comfy_tui.cli import main
code = main({argv!r})
heavy = sorted({{name.partition('.')[0] for name in sys.modules}} & {{'textual', 'aiohttp', 'PIL', 'yaml'}})
sys.exit(f"imported {{heavy}}" if heavy else 0 if code == {code} else f"code {{code}}")
"""


@pytest.mark.parametrize(
    ("argv", "code"),
    [(["--help"], 0), (["-V"], 0), (["paths"], 0), (["status", NOBODY], 3), (["--once", NOBODY], 3)],
    ids=lambda value: value[0].strip("-") if isinstance(value, list) else "",
)
def test_the_terminal_library_is_not_imported(argv: list[str], code: int) -> None:
    script = WITHOUT_TEXTUAL.format(argv=argv, code=code)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(os.name != "posix", reason="pipes of a POSIX shell")
def test_a_reader_that_leaves_gets_no_traceback() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "comfy_tui", "paths"], stdout=write, stderr=subprocess.PIPE, timeout=60
        )
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(os.name != "posix", reason="locales of POSIX")
def test_a_terminal_without_unicode_gets_a_question_mark(tmp_path: Path) -> None:
    environ = {**os.environ, "PYTHONIOENCODING": "ascii", "XDG_CONFIG_HOME": str(tmp_path / "mé")}
    command = [sys.executable, "-m", "comfy_tui", "paths"]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, timeout=60)
    assert done.returncode == 0
    assert "m?" in done.stdout


@pytest.mark.parametrize(
    "argv",
    [
        ("status", "--project", "loop"),
        ("status", "--project", "~nobody-of-that-name/x"),
        ("inventory", "--comfyui", "~nobody-of-that-name/x"),
        ("status", "--config", "~nobody-of-that-name/x"),
        ("history", "--import", "/dev/zero"),
    ],
    ids=" ".join,
)
def test_paths_that_lead_nowhere_are_errors_with_words(
    run: Run, argv: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from comfy_tui.monitor.journal import transfer

    monkeypatch.setattr(transfer, "LINE_LIMIT", 1000)
    (tmp_path / "loop").symlink_to("loop")
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*argv)
    assert code in (1, 2)
    assert "comfy-tui: " in err
    assert out == ""


def test_a_working_folder_that_is_gone_is_no_matter(
    run: Run, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert run("status", server)[0] == 0


@pytest.mark.skipif(os.name != "posix", reason="redirections of a POSIX shell")
@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("paths >&-", 1, "The output cannot be written: Bad file descriptor"),
        ("history --export - >&-", 0, "0 jobs written"),
        ("paths >/dev/full", 1, "The output cannot be written: No space left on device"),
        ("paths 2>&-", 0, ""),
        ("paths <&- >&- 2>&-", 1, ""),
        ("paths --wrong >/dev/full 2>/dev/full", 2, ""),
        ("history 2>/dev/full", 0, ""),
    ],
)
def test_output_that_cannot_be_written_is_told_where_it_can(command: str, code: int, words: str) -> None:
    if "/dev/full" in command and not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    line = f"{shlex.quote(sys.executable)} -m comfy_tui {command}"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60)
    assert done.returncode == code
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == (1 if words else 0)
