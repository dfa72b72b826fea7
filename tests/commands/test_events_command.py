"""``comfy-tui events``: what happened, for a person and for a script, without a server."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time

import pytest

from comfy_tui import cli, paths
from comfy_tui.commands.events import JSON_KEYS, since
from comfy_tui.demo.server import DemoServer
from comfy_tui.monitor.journal import Journal
from comfy_tui.monitor.journal.row import JournalEvent
from comfy_tui.monitor.submit import Submission
from queue_support import graph, seeded
from support import console, until


async def keep(*events: JournalEvent) -> None:
    journal = Journal(paths.journal_file())
    for event in events:
        journal.add_event(event)
    await journal.events(limit=1)
    await journal.close()


def told(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, list[str], str]:
    code = cli.main(["events", *argv])
    out, err = capsys.readouterr()
    return code, out.splitlines(), err


def test_nothing_yet(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = told(capsys)
    assert (code, out) == (0, [])
    assert "nothing has happened yet" in err
    assert not paths.journal_file().exists()


def test_words_json_kinds_since_and_last(capsys: pytest.CaptureFixture[str]) -> None:
    now = time.time()
    asyncio.run(
        keep(
            JournalEvent("connected", "Connected", "http://box", server="box", at_s=now - 7_000),
            JournalEvent("failed", "my\x1b[2J job", "it broke", "error", "box", "p-1", now - 100),
            JournalEvent("done", "other", "ran 3s", server="attic", at_s=now - 50),
        )
    )
    code, out, _ = told(capsys)
    assert code == 0
    assert len(out) == 3
    assert "connected     box  Connected: http://box" in out[0]
    assert "my␛[2J job: it broke" in out[1]
    _, out, _ = told(capsys, "--json", "--kind", "failed")
    found = json.loads(out[0])
    assert list(found) == list(JSON_KEYS)
    assert (found["kind"], found["title"], found["prompt_id"]) == ("failed", "my\x1b[2J job", "p-1")
    assert found["at_s"] == pytest.approx(now - 100, abs=0.01)
    assert len(told(capsys, "--since", "1h")[1]) == 2
    assert len(told(capsys, "--last", "1")[1]) == 1
    assert len(told(capsys, "--server", "attic")[1]) == 1


def test_wrong_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "--since", "yesterday")[0] == 2
    assert told(capsys, "--kind", "odd")[0] == 2


def test_spans_and_times() -> None:
    assert since("90s") == pytest.approx(time.time() - 90, abs=5)
    assert since("1.5h") == pytest.approx(time.time() - 5_400, abs=5)
    assert since("7d") == pytest.approx(time.time() - 604_800, abs=5)
    assert since("2026-01-31T12:00:00+00:00") == 1_769_860_800


async def test_what_a_console_saw_is_there_for_a_script_that_follows() -> None:
    async with DemoServer(speed=10.0, previews=False) as server, console(server.url) as ui:
        await ui.online()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "comfy_tui", "events", "--json", "--follow", stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        try:
            session = ui.app.session
            assert session is not None
            await until(lambda: ui.app.happened)
            first = json.loads(await asyncio.wait_for(process.stdout.readline(), 20))
            assert first["kind"] == "connected"
            await session.submit(Submission(seeded(), "my picture"))
            await session.submit(Submission(graph("DemoError", message="it broke"), "my failure"))
            seen = []
            while not seen or seen[-1]["kind"] != "failed":
                seen.append(json.loads(await asyncio.wait_for(process.stdout.readline(), 20)))
            assert [one["title"] for one in seen if one["kind"] == "done"] == ["my picture"]
            assert seen[-1]["title"] == "my failure"
            assert [one["id"] for one in seen] == sorted(one["id"] for one in seen)
        finally:
            process.kill()
            await process.wait()


def test_it_never_imports_the_terminal_library() -> None:
    asyncio.run(keep(JournalEvent("note", "x")))
    code = (
        "import sys; from comfy_tui import cli; cli.main(['events', '--json']); "
        "bad = {'textual', 'rich', 'httpx', 'websockets'} & set(sys.modules); print(bad or 'clean')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "clean"
