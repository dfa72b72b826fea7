"""``comfy-tui watch`` beside a demo server: what it tells, what it reads from the log, how it ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from comfy_tui import cli, paths
from comfy_tui.commands.watch import EVENT_KEYS
from comfy_tui.commands.watch_jobs import Seen, WordTeller
from comfy_tui.demo.server import DemoServer
from comfy_tui.monitor import follow
from comfy_tui.monitor.state import Progress
from command_support import NOBODY
from queue_support import graph, post_other, ran_before
from run_support import Call, events, sleeping
from support import until

DEMO = Path(cli.__file__).parent / "demo" / "workflows"
LEGACY = pytest.mark.parametrize("legacy", [False, True], ids=["new", "old"])


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits for what never comes as long as a person would."""
    monkeypatch.setattr(follow, "POLL_S", 0.1)
    monkeypatch.setattr(follow, "CONNECT_S", 1.0)


@pytest.fixture
def watch(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    """``await watch(server, ...)``: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    async def call(server: DemoServer | str, *argv: object) -> tuple[int, str, str]:
        url = server if isinstance(server, str) else server.url
        code = await asyncio.to_thread(cli.main, ["watch", "--server", url, *map(str, argv)])
        out = capsys.readouterr()
        return code, out.out, out.err

    return call


@LEGACY
async def test_a_job_is_followed_by_the_beginning_of_its_id(watch: Call, legacy: bool) -> None:
    async with DemoServer(legacy=legacy, speed=20) as server:
        first = await post_other(server, "first", sleeping(20.0, 40))
        second = await post_other(server, "second", graph())
        code, out, err = await watch(server, second[:8], "--json")
        assert code == 0, err
        told = events(out)
        assert {event["prompt_id"] for event in told} == {second}
        assert {event["title"] for event in told} == {"second"}
        assert (told[0]["event"], told[0]["before"]) == ("waiting", 1)
        assert (told[-1]["event"], told[-1]["state"]) == ("ended", "completed")
        for event in told:
            assert set(event) == {"event", "prompt_id", "title", *EVENT_KEYS[event["event"]]}
        code, out, err = await watch(server, first[:8])
        assert (code, err) == (0, "")
        assert out.startswith(f"{first}  completed after ")


async def test_the_queue_is_followed_until_it_is_empty(watch: Call) -> None:
    async with DemoServer(speed=30) as server:
        held = await post_other(server, "held", graph("DemoHang"))
        ids = [await post_other(server, f"job {n}", sleeping(6.0 + n, 20)) for n in range(3)]
        ids.append(await post_other(server, "quick", graph()))
        failing = await post_other(server, "fails", graph("DemoError", message="on purpose"))
        watching = asyncio.create_task(watch(server, "--json"))
        await until(lambda: server.state.logs.subscribers and server.faults.count("/queue") >= 2)
        server.state.queue.interrupt()
        code, out, _ = await watching
        ends = {event["prompt_id"]: event for event in events(out) if event["event"] == "ended"}
        assert set(ends) == {held, *ids, failing}
        assert code == 1
        assert ends[held]["state"] == "interrupted"
        assert {ends[item]["state"] for item in ids} == {"completed"}
        error = ends[failing]["error"]
        assert (ends[failing]["state"], error["type"], error["class_type"]) == (
            *("failed", "ValueError", "DemoError"),
        )
        code, out, err = await watch(server)
        assert (code, out) == (0, "")
        assert "nothing runs" in err


async def test_steps_are_read_from_the_log_and_said_to_be(watch: Call) -> None:
    async with DemoServer(speed=1, previews=False) as server:
        prompt_id = await post_other(server, "theirs")
        watching = asyncio.create_task(watch(server, prompt_id[:8], "--json"))
        await until(lambda: server.state.logs.subscribers)
        await until(lambda: server.faults.count("/queue") >= 3)
        server.state.logs.write("\r 35%|###5      | 7/20 [00:03<00:05,  2.31it/s]")
        await until(lambda: server.faults.count("/queue") >= 5)
        server.state.queue.interrupt()
        code, out, _ = await watching
        [step] = [event for event in events(out) if event["event"] == "progress"]
        assert (step["value"], step["max"], step["per_s"], step["from_log"]) == (7, 20, 2.31, True)
        assert (code, events(out)[-1]["state"]) == (1, "interrupted")
        [ours] = {name for name in {seen.query.get("clientId") for seen in server.seen} if name}
        assert ours.startswith("comfy-tui-")
        assert {method for method, _ in server.requests} - {"GET"} <= {"PATCH", "POST"}


async def test_a_job_that_vanishes_is_lost(watch: Call) -> None:
    async with DemoServer(speed=1, previews=False) as server:
        await post_other(server, "first")
        second = await post_other(server, "second")
        watching = asyncio.create_task(watch(server, second, "--json"))
        await until(lambda: server.faults.count("/queue") >= 3)
        server.state.queue.delete(second)
        code, out, _ = await watching
        assert (code, events(out)[-1]["state"]) == (1, "lost")


@pytest.mark.parametrize(
    ("wanted", "code", "words"),
    [("ffff0000", 1, "No such job"), ("ab", 2, "at least 4"), ("--nope", 2, "unrecognized")],
)
async def test_what_cannot_be_watched_is_said(watch: Call, wanted: str, code: int, words: str) -> None:
    async with DemoServer() as server:
        answer, out, err = await watch(server, wanted)
        assert (answer, out) == (code, "")
        assert words in err


async def test_two_jobs_that_begin_alike_are_a_question(watch: Call) -> None:
    async with DemoServer(speed=1, legacy=True) as server:
        import httpx

        async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
            for end in "ab":
                body: dict[str, Any] = {"prompt": sleeping(), "prompt_id": f"same-{end}", "client_id": "x"}
                assert (await client.post("/prompt", json=body)).status_code == 200
        code, _, err = await watch(server, "same")
        assert code == 2
        assert "same-a" in err
        assert "same-b" in err


async def test_without_a_server_the_code_is_three(watch: Call) -> None:
    code, out, err = await watch(NOBODY)
    assert (code, out) == (3, "")
    assert err


async def test_ctrl_c_ends_the_watching_and_nothing_else() -> None:
    async with DemoServer(speed=1, previews=False) as server:
        prompt_id = await post_other(server, "theirs")
        words = ["-m", "comfy_tui", "watch", prompt_id[:8], "--server", server.url, "--json"]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *words,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[1])},
        )
        await until(lambda: server.faults.count("/queue") >= 3)
        process.send_signal(signal.SIGINT)
        await asyncio.wait_for(process.communicate(), 10)
        assert process.returncode == 130
        running = server.state.queue.running
        assert running is not None
        assert running.prompt_id == prompt_id
        assert "/interrupt" not in {path for _, path in server.requests}


async def test_the_bar_of_a_sampler_is_followed_in_the_log(watch: Call) -> None:
    async with DemoServer(speed=1, previews=False) as server:
        workflow = json.loads((DEMO / "text_to_image.json").read_text("utf-8"))
        await post_other(server, "theirs", workflow)
        code, out, err = await watch(server, "--json")
        assert code == 0, err
        steps = [event for event in events(out) if event["event"] == "progress"]
        assert len(steps) >= 3
        assert all(event["from_log"] and event["max"] == 20 and event["node"] is None for event in steps)
        assert [event["value"] for event in steps] == sorted(event["value"] for event in steps)


async def test_when_it_will_be_done_is_told_by_the_journal(watch: Call) -> None:
    async with DemoServer(speed=20, previews=False) as server:
        prompt = json.loads((DEMO / "text_to_image.json").read_text("utf-8"))
        await ran_before(server, prompt, 600.0)
        await post_other(server, "first", sleeping(20.0, 40))
        known = await post_other(server, "known", prompt)
        before = paths.journal_file().read_bytes()
        code, out, err = await watch(server, known[:8], "--json")
        assert code == 0, err
        told = {event["event"]: event for event in events(out)}
        assert told["started"]["usual_s"] == 600
        assert 590 < told["progress"]["left_s"] < 600
        assert paths.journal_file().read_bytes() == before


@pytest.mark.parametrize("content", [None, b"not a journal"])
async def test_without_a_journal_no_time_is_told(watch: Call, content: bytes | None) -> None:
    async with DemoServer(speed=20, previews=False) as server:
        if content is not None:
            paths.journal_file().parent.mkdir(parents=True, exist_ok=True)
            paths.journal_file().write_bytes(content)
        await post_other(server, "theirs", sleeping(20.0, 40))
        code, out, err = await watch(server, "--json")
        assert code == 0, err
        [started] = [event for event in events(out) if event["event"] == "started"]
        assert started["usual_s"] is None
        assert paths.journal_file().exists() == (content is not None)


def test_a_person_reads_when_it_will_be_done() -> None:
    teller, job = WordTeller(None), Seen("a", started_s=time.monotonic() - 20, usual_s=60.0)
    assert "ETA --" in teller._running(job, Progress())
    job.saw_start = True
    assert "ETA ~40s" in teller._running(job, Progress())
