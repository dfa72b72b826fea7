"""Alerts as a terminal sees them: notifications, the title and its return, in tmux wrapped; toasts."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from comfy_tui.alert_settings import AlertSettings, Rule, Way
from comfy_tui.config import Config, load_config
from comfy_tui.demo.server import DemoServer
from comfy_tui.monitor.submit import Submission
from queue_support import graph, seeded, slow
from support import console, until
from terminal import Terminal

CONFIG = """
[alerts]
by = ["notification", "bell"]
[alerts.server]
after_s = 0
"""


async def watch(config: Path, text: str, patience_s: float = 20.0) -> bytes:
    """What a terminal is sent when its server goes away and the person leaves."""
    config.write_text(text)
    async with DemoServer() as server:
        command = [sys.executable, "-m", "comfy_tui", server.url, "--interval", "1", "--config", str(config)]
        terminal = Terminal(command)
        try:
            await asyncio.to_thread(terminal.read_until, b"online")
            await server.stop()
            await asyncio.to_thread(terminal.read_until, b"OFFLINE", patience_s)
            await asyncio.to_thread(terminal.read, 1.0)
            terminal.write(b"q")
            await asyncio.to_thread(terminal.read, 5.0)
            assert terminal.ended
            return bytes(terminal.output)
        finally:
            terminal.close()


async def test_notification_bell_and_title(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    monkeypatch.delenv("VTE_VERSION", raising=False)
    seen = await watch(tmp_path / "config.toml", CONFIG)
    told = re.findall(rb"\x1b\]9;comfy-tui: ([^\x07\x1b]*)\x07", seen)
    assert len(told) == 1
    assert b"does not answer: ComfyUI is not running at this address" in told[0]
    assert re.sub(rb"\x1b[\]P][^\x07\x1b]*(\x07|\x1b\\)", b"", seen).count(b"\x07") == 1
    titles = re.findall(rb"\x1b\]2;([^\x07]*)\x07", seen)
    assert titles[-1].endswith(b": offline")
    assert any(title.endswith(b": idle") for title in titles)
    assert seen.count(b"\x1b[22;2t") == seen.count(b"\x1b[23;2t") == 1
    assert (
        seen.index(b"\x1b[22;2t")
        < seen.index(b"\x1b]2;")
        < seen.rindex(b"\x1b]2;")
        < seen.index(b"\x1b[23;2t")
    )


async def test_in_tmux_it_is_wrapped_and_the_title_may_be_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMUX", f"{tmp_path}/no-such-socket,1,0")
    text = CONFIG.replace("[alerts]\n", '[alerts]\ntitle = false\nnotification = "osc777"\n')
    seen = await watch(tmp_path / "config.toml", text)
    assert len(re.findall(rb"\x1bPtmux;\x1b\x1b\]777;notify;[^;\x07]*;[^;\x07]*\x07\x1b\\", seen)) == 1
    assert b"\x1b]2;" not in seen
    assert b"\x1b[22;2t" not in seen


async def test_toasts_and_events() -> None:
    rules = {"done": Rule(numbers={"after_s": 0.0})}
    config = Config(alerts=AlertSettings(by=(Way.TOAST,), rules=rules), long_job_minutes=0.005)
    async with DemoServer(speed=1.0, previews=False) as server, console(server.url, config=config) as ui:
        await ui.online()
        session = ui.app.session
        assert session is not None
        await session.submit(Submission(seeded(), "my picture"))
        await ui.see("Done: my picture")
        await session.submit(Submission(graph("DemoError", message="it broke"), "my failure"))
        await ui.see("Failed: my failure", "DemoError (3): ValueError: it broke")
        await session.submit(Submission(slow(), "my slow one"))
        await ui.see("A long job", "my slow one has run for")
        told = [event.title for _, event in ui.app.happened if event.kind == "alert"]
        assert told == ["A long job", "Failed: my failure", "Done: my picture"]


async def test_a_hanging_webhook_holds_nothing_up(tmp_path: Path) -> None:
    listener = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    file = tmp_path / "config.toml"
    file.write_text(
        f'[alerts]\nby = ["webhook", "toast"]\n[alerts.webhook]\nurl = "http://127.0.0.1:{port}/x"\n'
    )
    os.chmod(file, 0o600)
    async with (
        DemoServer(speed=1.0, previews=False) as server,
        console(server.url, config=load_config(file, {})) as ui,
    ):
        await ui.online()
        session = ui.app.session
        assert session is not None
        for number in range(3):
            await session.submit(Submission(graph("DemoError", message="it broke"), f"failure {number}"))
        await ui.see("Failed: failure 2")
        await ui.press("3")
        await ui.see("failure 0", "failure 1")
        await until(lambda: ui.app.jobs.read_at_s)
    listener.close()
