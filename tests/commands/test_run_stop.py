"""Ctrl-c on ``comfy-tui run``, as real signals to a real process, and what a terminal shows."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from comfy_tui.comfy.types import OutputFile
from comfy_tui.commands import run_report
from comfy_tui.commands.run_report import Copy, Line, WordReport
from comfy_tui.demo.server import DemoServer
from comfy_tui.monitor.state import Progress
from comfy_tui.text import cell_len
from run_support import picture, sleeping, until_running, write
from support import until

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
LEGACY = pytest.mark.parametrize("legacy", [False, True], ids=["new", "old"])


class Child:
    """The command as a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.err = ""

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    async def say(self, words: str) -> str:
        """Wait until it has said something on stderr; all that it has said."""
        assert self.process.stderr is not None
        async with asyncio.timeout(30):
            while words not in self.err:
                line = await self.process.stderr.readline()
                assert line, f"{words!r} was never said: {self.err}"
                self.err += line.decode()
        return self.err

    async def end(self) -> tuple[int, str, str]:
        async with asyncio.timeout(30):
            out, err = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, out.decode(), self.err + err.decode()


@asynccontextmanager
async def running(server: DemoServer, folder: Path, flow: Any, *argv: str) -> AsyncIterator[Child]:
    """``comfy-tui run`` on a demo server; killed at the end if it is still there."""
    file = write(folder / "flow.json", flow)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "comfy_tui", "run", str(file), "--server", server.url, *argv),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Child(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def state_of(server: DemoServer, prompt_id: str) -> str:
    """The last message of a job in the history; empty where it has not ended."""
    async with httpx.AsyncClient() as client:
        entry = (await client.get(f"{server.url}/history/{prompt_id}")).json().get(prompt_id)
    return "" if entry is None else str(entry["status"]["messages"][-1][0])


async def test_ctrl_c_leaves_the_job_and_says_so(tmp_path: Path) -> None:
    async with DemoServer(speed=10) as server, running(server, tmp_path, sleeping(), "--json") as child:
        prompt_id = await until_running(server)
        child.interrupt()
        code, out, err = await child.end()
        assert server.state.queue.running is not None
        assert server.state.queue.running.prompt_id == prompt_id
    assert code == 130
    assert f"the job {prompt_id} goes on on the server; ctrl-c again within 3 s cancels it" in err
    assert f"left on the server: {prompt_id}" in err
    assert "Traceback" not in err
    last = json.loads(out.splitlines()[-1])
    assert (last["event"], last["state"]) == ("ended", "left")


@LEGACY
async def test_ctrl_c_twice_cancels_it(tmp_path: Path, legacy: bool) -> None:
    async with (
        DemoServer(speed=10, legacy=legacy) as server,
        running(server, tmp_path, sleeping(), "--json") as child,
    ):
        prompt_id = await until_running(server)
        child.interrupt()
        await child.say("cancels it")
        child.interrupt()
        code, out, err = await child.end()
        assert await state_of(server, prompt_id) == "execution_interrupted"
    assert code == 130
    assert json.loads(out.splitlines()[-1])["state"] == "cancelled"
    assert "left on the server" not in err


@LEGACY
async def test_only_our_own_jobs_are_cancelled(tmp_path: Path, legacy: bool) -> None:
    async with DemoServer(speed=10, legacy=legacy) as server, httpx.AsyncClient() as client:
        others = [
            (await client.post(server.url + "/prompt", json={"prompt": flow, "client_id": "x"})).json()
            for flow in (sleeping(), picture(7))
        ]
        async with running(server, tmp_path, sleeping(), "--count", "3") as child:
            await child.say("copy 3 of 3 queued")
            child.interrupt()
            await child.say("cancels them")
            child.interrupt()
            code, _, err = await child.end()
        assert server.state.queue.running is not None
        assert server.state.queue.running.prompt_id == others[0]["prompt_id"]
        assert [job.prompt_id for job in server.state.queue.pending()] == [others[1]["prompt_id"]]
    assert code == 130
    assert err.count(": cancelled") == 3


async def test_ctrl_c_before_anything_is_queued(tmp_path: Path) -> None:
    async with DemoServer() as server:
        server.faults.set("/object_info", hang=True)
        async with running(server, tmp_path, picture()) as child:
            await server.faults.arrived("/object_info")
            child.interrupt()
            code, _, err = await child.end()
        assert server.faults.count("/prompt", "POST") == 0
    assert code == 130
    assert "nothing was queued" in err


async def test_ctrl_c_while_the_answer_is_on_its_way(tmp_path: Path) -> None:
    async with DemoServer(speed=10) as server:
        server.faults.set("/prompt", delay_s=1.0, method="POST")
        async with running(server, tmp_path, sleeping(), "--count", "4") as child:
            await server.faults.arrived("/prompt")
            child.interrupt()
            await child.say("cancels it")
            child.interrupt()
            code, _, err = await child.end()
        assert server.faults.count("/prompt", "POST") == 1
        await until(lambda: server.state.queue.running is None, "an idle server")
        assert server.state.queue.pending() == []
    assert code == 130
    assert ": cancelled" in err


# -- a terminal --------------------------------------------------------------------------------


async def test_a_terminal_gets_one_line_and_no_escape_sequences(tmp_path: Path) -> None:
    import pty

    flow = write(tmp_path / "flow.json", sleeping(seconds=12, steps=6))
    async with DemoServer(speed=10) as server:
        control, terminal = pty.openpty()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "comfy_tui", "run", str(flow), "--server", server.url),
            stdout=asyncio.subprocess.PIPE,
            stderr=terminal,
        )
        os.close(terminal)
        shown = asyncio.create_task(asyncio.to_thread(_read_all, control))
        out, _ = await process.communicate()
        text = (await shown).decode()
    assert process.returncode == 0
    assert out.decode().startswith("http://")
    assert "\x1b" not in text
    assert "A nap  " in text
    assert "/6  1 of 3 nodes  " in text
    assert all(len(part) < 80 for part in text.replace("\r\n", "\r").split("\r"))


def _read_all(handle: int) -> bytes:
    found = b""
    with contextlib.suppress(OSError):  # the other end has gone
        while chunk := os.read(handle, 65536):
            found += chunk
    os.close(handle)
    return found


def test_a_narrow_terminal_is_never_overrun(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_report, "_width", lambda: 30)
    monkeypatch.setattr(run_report, "STEP_S", 0.0)
    report = WordReport(Line(), saves=False)
    copy = Copy("id", 2, 3, started_s=0.0)
    for title in ("\u65e5\u672c\u8a9e" * 20, "e\u0301vil \x1b[2J\u202e", "x"):
        report.progress(copy, Progress("id", "1", title, 3, 9, 1, 4))
    report.output(copy, OutputFile("a.png", "", "output", "1"), "http://h/view", None)
    out = capsys.readouterr()
    assert out.out == "http://h/view\n"
    parts = out.err.split("\r")
    assert all(cell_len(part) < 30 for part in parts)
    assert "\x1b" not in out.err
    assert "\u202e" not in out.err
    assert parts[-1] == ""
    assert parts[-2].strip() == ""
