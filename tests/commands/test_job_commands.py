"""``comfy-tui queue``, ``jobs``, ``cancel``, ``free`` and ``history`` beside a demo server."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from comfy_tui import cli, paths
from comfy_tui.commands.cancel import JSON_KEYS as CANCEL_KEYS
from comfy_tui.commands.free import JSON_KEYS as FREE_KEYS
from comfy_tui.commands.job_list import JOB_KEYS
from comfy_tui.demo.server import DemoServer
from comfy_tui.monitor.submit import Submission
from command_support import NOBODY
from queue_support import graph, post_other
from run_support import Call, sleeping
from support import console, until

LEGACY = pytest.mark.parametrize("legacy", [False, True], ids=["new", "old"])


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    """``await call("queue", ...)``: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    async def run(*argv: object) -> tuple[int, str, str]:
        code = await asyncio.to_thread(cli.main, [str(word) for word in argv])
        out = capsys.readouterr()
        return code, out.out, out.err

    return run


@LEGACY
async def test_queue_and_jobs_list_what_the_server_says(call: Call, legacy: bool) -> None:
    async with DemoServer(legacy=legacy, speed=1.0) as server:
        done = await post_other(server, "done", graph())
        await server.wait_idle()
        first = await post_other(server, "first", sleeping(60.0, 60))
        second = await post_other(server, "second")
        await until(lambda: server.state.queue.running)
        code, out, err = await call("queue", server.url)
        assert (code, err) == (0, "")
        assert [line.split()[0] for line in out.splitlines()] == [first[:8], second[:8]]
        assert out.splitlines()[1].split()[1:] == ["waiting", "other", "--", "second"]
        code, out, _ = await call("queue", server.url, "--json")
        queue = json.loads(out)
        assert [(job["prompt_id"], job["state"]) for job in queue] == [
            (first, "running"),
            (second, "waiting"),
        ]
        assert all(list(job) == list(JOB_KEYS) for job in queue)
        code, out, _ = await call("jobs", server.url, "--json")
        jobs = {job["prompt_id"]: job for job in json.loads(out)}
        assert code == 0
        assert jobs[done]["state"] == "completed"
        assert [file["type"] for file in jobs[done]["outputs"]] == ["temp"]
        assert jobs[done]["ran_s"] is not None


@LEGACY
async def test_cancel_takes_short_ids_and_tells_what_became_of_each(call: Call, legacy: bool) -> None:
    async with DemoServer(legacy=legacy, speed=1.0) as server:
        running = await post_other(server, "running", sleeping(60.0, 600))
        waiting = await post_other(server, "waiting")
        await until(lambda: server.state.queue.running)
        code, out, _ = await call("cancel", "--server", server.url, "--json", running[:8], waiting[:8])
        assert code == 0
        told = json.loads(out)
        assert list(told) == list(CANCEL_KEYS)
        assert told == {"removed": [waiting], "interrupted": [running], "gone": []}
        await server.wait_idle()
        code, _, err = await call("cancel", "--server", server.url, running[:8])
        assert code == 1
        assert "neither runs nor waits" in err
        code, _, err = await call("cancel", "--server", server.url, "abcdef99")
        assert code == 1
        assert "No such job" in err


async def test_an_ambiguous_id_stops_nothing(call: Call) -> None:
    async with DemoServer(speed=1.0) as server:
        import httpx

        ids = [f"aaaaaaaa-0000-4000-8000-00000000000{number}" for number in (1, 2)]
        async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
            for prompt_id in ids:
                body = {"prompt": sleeping(60.0, 60), "prompt_id": prompt_id, "client_id": "x"}
                assert (await client.post("/prompt", json=body)).status_code == 200
        code, out, err = await call("cancel", "--server", server.url, "aaaaaaaa")
        assert (code, out) == (2, "")
        assert "Which job?" in err
        assert server.state.queue.remaining == 2


async def test_free_tells_before_and_after(call: Call) -> None:
    async with DemoServer() as server:
        code, out, _ = await call("free", server.url, "--json")
        assert code == 0
        assert list(json.loads(out)) == list(FREE_KEYS)
        assert server.faults.count("/free", "POST") == 1
        code, out, _ = await call("free", server.url)
        assert "in use before" in out


@pytest.mark.parametrize("command", [("queue", NOBODY), ("jobs", NOBODY), ("free", NOBODY)])
async def test_nobody_there_is_three(call: Call, command: tuple[str, ...]) -> None:
    code, out, err = await call(*command)
    assert (code, out) == (3, "")
    assert err


async def test_cancel_of_nobody_is_three_and_without_ids_two(call: Call) -> None:
    assert (await call("cancel", "--server", NOBODY, "abcdef12"))[0] == 3
    assert (await call("cancel"))[0] == 2


async def test_history_finds_exports_and_takes(call: Call, tmp_path: Path) -> None:
    async with DemoServer() as server, console(server.url) as ui:
        await ui.online()
        made = await post_other(server, "a red fox", graph())
        await server.wait_idle()
        await until(lambda: ui.app.jobs.ended)
        read = ui.app.jobs.read_at_s or 0
        await until(lambda: (ui.app.jobs.read_at_s or 0) > read)
    code, out, _ = await call("history", "--json", "RED", "done", "emptyimage")
    [job] = json.loads(out)
    assert (code, job["prompt_id"], job["state"], job["title"]) == (0, made, "completed", "a red fox")
    assert list(job) == list(JOB_KEYS)
    assert (await call("history", "--json", "lost"))[1].strip() == "[]"
    file = tmp_path / "jobs.jsonl"
    assert (await call("history", "--export", file))[0] == 0
    assert (await call("history", "--export", file))[0] == 1  # never over another
    assert json.loads(file.read_text())["prompt"] == graph()
    assert "0 jobs taken, 1 known before" in (await call("history", "--import", file))[2]
    other = file.read_text().replace(made, "another-id").replace('"completed"', '"held"')
    file.write_text(other + "no job\n[]\n")
    assert "1 job taken, 0 known before; 2 lines left out" in (await call("history", "--import", file))[2]
    found = json.loads((await call("history", "--json", "another-id"))[1])
    assert [(job["state"], job["evidence"]) for job in found] == [("gone", "imported as held")]


async def test_a_journal_comes_out_of_another_as_it_was(call: Call, tmp_path: Path) -> None:
    async with DemoServer() as server, console(server.url) as ui:
        await ui.online()
        await post_other(server, "red", graph())
        await post_other(server, "broken", graph("DemoError", message="it broke"))
        await until(lambda: len(ui.app.jobs.ended) == 2)
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    assert (await call("history", "--export", first))[0] == 0
    for file in paths.journal_file().parent.glob("journal*"):
        file.unlink()
    assert "2 jobs taken" in (await call("history", "--import", first))[2]
    assert (await call("history", "--export", second))[0] == 0
    for one, other in zip(first.open(), second.open(), strict=True):
        assert json.loads(other) == json.loads(one)


async def test_a_hostile_file_of_jobs_breaks_nothing(call: Call, tmp_path: Path) -> None:
    base = {"server": "http://x", "fate": "failed", "noted_at_s": time.time(), "title": "t\x1b]0;x\x07"}
    errors = [{"traceback": 5, "node_id": {}, "message": []}, {"inputs": [1]}, "words", 7]
    prompts = [[], {"1": 5}, {"1": {"class_type": [], "inputs": 3}}, {"1": {"class_type": "A", "inputs": []}}]
    lines = [json.dumps({**base, "prompt_id": f"e{n}", "error": error}) for n, error in enumerate(errors)]
    lines += [json.dumps({**base, "prompt_id": f"p{n}", "prompt": one}) for n, one in enumerate(prompts)]
    lines += [json.dumps({**base, "prompt_id": "\ud800", "outputs": [{"node_id": 3}], "texts": 9})]
    lines += ["[" * 100_000, '{"fate": []}', json.dumps({**base, "prompt_id": "old", "noted_at_s": 1.0})]
    file = tmp_path / "hostile.jsonl"
    file.write_text("\n".join(lines))
    code, _, err = await call("history", "--import", file)
    assert code == 0
    assert "1 job left out: older than journal_days (90)" in err
    code, out, _ = await call("history", "--json")
    assert code == 0
    assert len(json.loads(out)) >= len(errors)
    code, out, _ = await call("history")
    assert "\x1b" not in out


async def test_what_a_command_finds_lost_is_told_and_listed(call: Call) -> None:
    async with DemoServer(speed=1.0) as server:
        async with console(server.url) as ui:
            await ui.online()
            assert ui.app.session is not None
            await ui.app.session.submit(Submission(sleeping(60.0, 60), "mine"))
            await until(lambda: ui.app.jobs.running)
        await server.stop()
        await server.start()
        code, out, err = await call("jobs", server.url)
        assert (code, "lost" in out) == (0, True)
        assert "Lost: 1 job: mine" in err
        assert "lost" in (await call("events", "--kind", "lost"))[1]
        assert "Lost" not in (await call("jobs", server.url))[2]


@pytest.mark.parametrize("command", ["queue", "jobs", "cancel", "free", "history"])
def test_no_terminal_library_is_imported(command: str) -> None:
    code = (
        f"import sys; from comfy_tui import cli; cli.main(['{command}', '--help']);"
        "sys.exit('textual' in sys.modules or 'rich' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60).returncode == 0
