"""Commands and webhooks: what they get, what they cannot do: hang, flood, leak."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from comfy_tui.alert_settings import AlertSettings, Body, Way, Webhook
from comfy_tui.monitor.alerts.alert import Alert
from comfy_tui.monitor.alerts.desk import AlertDesk, disk_folder
from comfy_tui.monitor.alerts.outbound import Outbound
from comfy_tui.profile import Credential, SecretSource
from comfy_tui.secret import Secret
from support import until

ALERT = Alert("failed", "p", "Failed: $(touch owned) 'x\"", "it; broke `now`", "error", "box", "p-1")


def secret(text: str) -> SecretSource:
    return SecretSource("value", Secret(text), "alerts.webhook.url")


def command(tmp_path: Path, code: str) -> str:
    script = tmp_path / "hook.py"
    script.write_text(code)
    return f"{sys.executable} {script}"


class Problems(list[str]):
    def __call__(self, title: str, why: str) -> None:
        self.append(f"{title}: {why}")


async def test_a_command_gets_its_words_by_stdin_and_environment(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        f"out = open({str(tmp_path / 'out')!r}, 'w')\n"
        "name = 'COMFY_TUI_ALERT'\n"
        "out.write(sys.stdin.read() + os.environ[name] + ' ' + os.environ[name + '_SERVER'])\n"
        "out.write(' ' + str(len(sys.argv)))\n"
    )
    problems = Problems()
    out = Outbound(AlertSettings(command=command(tmp_path, code)), problems)
    out.send(ALERT, Way.COMMAND)
    text = await until(lambda: (tmp_path / "out").exists() and (tmp_path / "out").read_text())
    assert text == f"{ALERT.title}\n{ALERT.message}\nfailed box 1"
    assert not (tmp_path / "owned").exists()
    await out.close()
    assert problems == []


async def test_a_hanging_command_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    code = (
        "import os, subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(tmp_path / 'pids')!r}, 'w').write(f'{{os.getpid()}} {{child.pid}} ')\n"
        "time.sleep(60)\n"
    )
    problems = Problems()
    out = Outbound(AlertSettings(command=command(tmp_path, code)), problems, limit_s=1.5)
    out.send(ALERT, Way.COMMAND)
    await until(lambda: problems)
    assert "longer than 1.5 s" in problems[0]
    pids = (tmp_path / "pids").read_text().split()
    await until(lambda: not any(_runs(int(pid)) for pid in pids), "the end of the processes")
    await out.close()


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


async def test_a_command_that_is_not_there_or_fails_is_told_once(tmp_path: Path) -> None:
    problems = Problems()
    out = Outbound(AlertSettings(command="/nowhere/notify --x"), problems)
    out.send(ALERT, Way.COMMAND)
    out.send(ALERT, Way.COMMAND)
    await until(lambda: problems)
    await out.close()
    out = Outbound(AlertSettings(command=command(tmp_path, "raise SystemExit(3)")), problems)
    out.send(ALERT, Way.COMMAND)
    await until(lambda: len(problems) == 2)
    assert problems == [
        "The command of the alerts: notify cannot be run: No such file or directory",
        f"The command of the alerts: {os.path.basename(sys.executable)} ended with 3",
    ]
    await out.close()


@asynccontextmanager
async def listening(answer: bytes | None) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that keeps what is posted, and answers so; None: never."""
    got: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            got.append(head + await reader.readexactly(length))
            if answer is None:
                await asyncio.sleep(3600)
            else:
                writer.write(answer)
                await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/topic-s3cret", got
    finally:
        server.close()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize("body", list(Body))
async def test_a_webhook_is_posted(body: Body) -> None:
    async with listening(OK) as (url, got):
        header = Credential("Authorization", secret("Bearer abc"))
        problems = Problems()
        out = Outbound(AlertSettings(webhook=Webhook(secret(url), (header,), body)), problems)
        out.send(ALERT, Way.WEBHOOK)
        await until(lambda: got)
        assert got[0].startswith(b"POST /topic-s3cret HTTP/1.1\r\n")
        assert b"Bearer abc" in got[0]
        wanted = b'"title": "Failed: ' if body is Body.JSON else f"{ALERT.title}\n{ALERT.message}\n".encode()
        assert wanted in got[0]
        await out.close()
        assert problems == []


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (None, "longer than 0.5 s"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "it answered 404"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "a redirect"),
        (b"garbage\r\n\r\n", "cannot be reached"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", ""),
    ],
)
async def test_what_a_webhook_may_do(answer: bytes | None, why: str) -> None:
    async with listening(answer) as (url, got):
        problems = Problems()
        header = Credential("X-Token", secret("s3cret-too"))
        out = Outbound(AlertSettings(webhook=Webhook(secret(url), (header,))), problems, limit_s=0.5)
        out.send(ALERT, Way.WEBHOOK)
        await until(lambda: got)
        if why:
            await until(lambda: problems)
            assert why in problems[0]
        await out.close()
        assert not any("s3cret" in words for words in problems)


async def test_alerts_do_not_pile_up() -> None:
    async with listening(None) as (url, got):
        problems = Problems()
        out = Outbound(AlertSettings(webhook=Webhook(secret(url))), problems, limit_s=30)
        for _ in range(500):
            out.send(ALERT, Way.WEBHOOK)
        await until(lambda: got)
        assert ["faster than they can be sent" in words for words in problems] == [True]
        assert out._queues[Way.WEBHOOK].qsize() <= 20
        await out.close()
    assert len(asyncio.all_tasks()) < 10


async def test_a_secret_that_cannot_be_had_is_a_problem_and_no_crash() -> None:
    problems = Problems()
    missing = SecretSource("env", Secret("COMFY_TUI_NO_SUCH"), "alerts.webhook.url")
    out = Outbound(AlertSettings(webhook=Webhook(missing)), problems)
    out.send(ALERT, Way.WEBHOOK)
    await until(lambda: problems)
    assert "COMFY_TUI_NO_SUCH is not set" in problems[0]
    await out.close()


class Heard:
    def __init__(self) -> None:
        self.said: list[str] = []

    def toast(self, title: str, message: str, severity: str) -> None:
        self.said.append(f"toast {title}")

    def ring(self) -> None:
        self.said.append("bell")

    def notify_desktop(self, title: str, message: str) -> None:
        self.said.append(f"notification {title}")


def test_the_ways_and_no_flood() -> None:
    now = [0.0]
    voice = Heard()
    desk = AlertDesk(AlertSettings(by=(Way.TOAST, Way.BELL)), voice, clock=lambda: now[0])
    desk.send(Alert("done", "a", "A", ""))
    desk.send(Alert("lost", "b", "B", "", toasted=True))
    assert voice.said == ["toast A", "bell", "bell"]
    voice.said.clear()
    for number in range(50):
        desk.send(Alert("failed", str(number), f"F{number}", ""))
    assert [words for words in voice.said if words != "bell"] == [
        *(f"toast F{n}" for n in range(4)),
        "toast Many alerts",
    ]
    now[0] = 61.0
    voice.said.clear()
    desk.send(Alert("failed", "z", "Z", ""))
    assert voice.said == ["toast Z", "bell"]


def test_where_a_server_writes() -> None:
    assert disk_folder(("main.py", "--output-directory", "/data/out")) == Path("/data/out")
    assert disk_folder(("main.py", "--base-directory=/data")) == Path("/data")
    assert disk_folder(("/opt/ComfyUI/main.py", "--cpu")) == Path("/opt/ComfyUI")
    assert disk_folder(("main.py", "--output-directory", "out")) is None
    assert disk_folder(("main.py", "--output-directory")) is None
    assert disk_folder(()) is None
