"""``comfy-tui run`` over real sockets."""

from __future__ import annotations

import asyncio
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from comfy_tui import cli
from comfy_tui.commands import run_jobs
from comfy_tui.commands.run import EVENT_KEYS
from comfy_tui.demo.process import spawn_demo
from comfy_tui.demo.server import DemoServer
from comfy_tui.errors import ServerError
from comfy_tui.monitor import follow
from comfy_tui.monitor import submit as submit_module
from run_support import Call, events, history, node, picture, sleeping, until_running, write
from support import answers_lost, until

LEGACY = pytest.mark.parametrize("legacy", [False, True], ids=["new", "old"])
SHIPPED = Path("comfy_tui/demo/workflows").resolve()
HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits for what never comes as long as a person would."""
    monkeypatch.setattr(submit_module, "LOOK_DELAYS_S", (0.0, 0.05, 0.05))
    monkeypatch.setattr(follow, "POLL_S", 0.1)
    monkeypatch.setattr(follow, "CONNECT_S", 1.0)
    monkeypatch.setattr(run_jobs, "_SAVE_AGAIN_S", 0.0)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    """``await run(server, document or path, ...)`` in an empty folder: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    async def call(server: DemoServer | str, file: Any, *argv: object) -> tuple[int, str, str]:
        path = file if isinstance(file, str | Path) else write(tmp_path / "flow.json", file)
        url = server if isinstance(server, str) else server.url
        words = ["run", str(path), "--server", url, *map(str, argv)]
        code = await asyncio.to_thread(cli.main, words)
        out = capsys.readouterr()
        return code, out.out, out.err

    return call


# -- what is made ------------------------------------------------------------------------------


@LEGACY
async def test_without_a_folder_the_addresses_are_told(run: Call, legacy: bool) -> None:
    async with DemoServer(legacy=legacy) as server:
        code, out, err = await run(server, picture())
        assert code == 0, err
        [url] = out.splitlines()
        async with httpx.AsyncClient() as client:
            assert (await client.get(url)).content.startswith(b"\x89PNG")
    assert url.startswith(server.url + "/view?filename=t_")
    assert "queued as " in err
    assert "completed" in err


@LEGACY
async def test_outputs_are_saved_and_nothing_is_overwritten(run: Call, tmp_path: Path, legacy: bool) -> None:
    folder = tmp_path / "new" / "out"
    folder.mkdir(parents=True)
    (folder / "t_00001_.png").write_bytes(b"mine")
    async with DemoServer(legacy=legacy) as server:
        code, out, _ = await run(server, picture(), "--output", folder)
    assert code == 0
    [path] = map(Path, out.splitlines())
    assert path.name == "t_00001_ (1).png"
    assert Image.open(path).size == (16, 8)
    assert (folder / "t_00001_.png").read_bytes() == b"mine"
    assert sorted(p.name for p in folder.iterdir()) == ["t_00001_ (1).png", "t_00001_.png"]


async def test_temporary_files_only_when_asked_for(run: Call, tmp_path: Path) -> None:
    flow = picture()
    flow["4"] = node("PreviewImage", images=["1", 0])
    async with DemoServer() as server:
        code, out, err = await run(server, flow)
        assert (code, len(out.splitlines())) == (0, 1)
        assert "1 temporary file left on the server: --temp" in err
        code, out, err = await run(server, flow, "--temp", "--output", tmp_path / "all")
    assert (code, len(out.splitlines())) == (0, 2)
    assert "temporary" not in err


async def test_a_file_that_cannot_be_saved_is_a_failure(run: Call, tmp_path: Path) -> None:
    async with DemoServer() as server:
        server.faults.set("/view", cut=True)
        code, out, err = await run(server, picture(), "--output", tmp_path / "out")
        assert code == 1
        assert out == ""
        assert "is not saved" in err
        assert "it stays on the server: http" in err
        (tmp_path / "file").write_text("")
        server.faults.forget()
        code, _, err = await run(server, picture(), "--output", tmp_path / "file")
        assert code == 1
        assert "Nothing can be saved" in err
        assert server.faults.count("/prompt", "POST") == 0


async def test_credentials_never_appear(run: Call) -> None:
    async with DemoServer(require_auth="Basic dTpzZWNyZXQ=") as server:
        url = server.url.replace("http://", "http://u:secret@")
        code, out, err = await run(url, picture(), "--json")
    assert code == 0
    assert "secret" not in out + err
    assert "/view?" in out


# -- events ------------------------------------------------------------------------------------


@LEGACY
async def test_events_are_lines_of_json_with_the_documented_keys(
    run: Call, tmp_path: Path, legacy: bool
) -> None:
    async with DemoServer(legacy=legacy, speed=10) as server:
        flow = sleeping(seconds=8, steps=4)
        code, out, err = await run(server, flow, "--json", "--output", tmp_path)
    assert (code, err) == (0, "")
    told = events(out)
    assert len({event["prompt_id"] for event in told}) == 1
    for event in told:
        assert set(event) == {"event", "prompt_id", *EVENT_KEYS[event["event"]]}
    assert [event["event"] for event in told if event["event"] != "progress"] == [
        *("queued", "started", "node", "node", "node", "output", "ended"),
    ]
    nodes = [(event["node_id"], event["title"]) for event in told if event["event"] == "node"]
    assert nodes == [("1", "Paper"), ("2", "A nap"), ("3", "Keep it")]
    last = [event for event in told if event["event"] == "progress"][-1]
    assert (last["node_id"], last["value"], last["max"]) == ("2", 4, 4)
    assert Path(told[-2]["path"]).exists()
    assert (told[-1]["state"], told[-1]["error"]) == ("completed", None)
    assert told[-1]["elapsed_s"] > 0.5


@LEGACY
async def test_without_a_socket_polling_is_enough(run: Call, legacy: bool) -> None:
    async with DemoServer(legacy=legacy, speed=10) as server:
        server.faults.set("/ws", status=404)
        code, out, _ = await run(server, sleeping(seconds=5, steps=2), "--json")
    assert code == 0
    assert [event["event"] for event in events(out)] == ["queued", "started", "output", "ended"]


async def test_a_socket_that_breaks_is_opened_again(run: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "_RECONNECT_S", (0.05,))
    async with DemoServer(speed=10) as server:
        task = asyncio.create_task(run(server, sleeping(seconds=15, steps=30), "--json"))
        await until_running(server)
        await server.drop_sockets()
        code, out, _ = await task
        assert server.faults.count("/ws") >= 2
    assert code == 0
    assert events(out)[-1]["state"] == "completed"
    assert any(event["event"] == "node" and event["node_id"] == "3" for event in events(out))


async def test_many_copies_are_followed_in_order(run: Call) -> None:
    async with DemoServer() as server:
        flow = json.loads((SHIPPED / "text_to_image.json").read_text())
        code, out, _ = await run(server, flow, "--json", "--count", 5, "--seed", 40)
        seeds = [prompt["3"]["inputs"]["seed"] for prompt in await history(server)]
    assert code == 0
    told = events(out)
    assert [event["seeds"]["3.seed"] for event in told if event["event"] == "queued"] == seeds
    assert seeds == [40, 41, 42, 43, 44]
    ends = [event["prompt_id"] for event in told if event["event"] == "ended"]
    assert ends == [event["prompt_id"] for event in told if event["event"] == "queued"]
    assert [event["event"] for event in told[:5]] == ["queued"] * 5


async def test_a_text_is_an_event_and_words(run: Call, tmp_path: Path) -> None:
    flow = {"1": node("PreviewAny", source=["2", 0]), "2": node("PrimitiveString", value="hello")}
    async with DemoServer() as server:
        code, out, err = await run(server, flow, "--json")
        assert code == 0, err
        assert [event["text"] for event in events(out) if event["event"] == "output"] == ["hello"]
        code, out, err = await run(server, flow)
    assert out == ""
    assert "text from node 1: hello" in err


# -- values ------------------------------------------------------------------------------------


async def test_values_by_id_title_and_class(run: Call) -> None:
    async with DemoServer() as server:
        changes = (
            "--set",
            "1.width=32",
            "--set",
            "paper.height=24",
            "--set",
            "SaveImage.filename_prefix=a=b.c",
        )
        code, _, err = await run(server, picture(), *changes)
        assert code == 0, err
        [prompt] = await history(server)
    assert prompt["1"]["inputs"]["width"] == 32
    assert prompt["1"]["inputs"]["height"] == 24
    assert prompt["3"]["inputs"]["filename_prefix"] == "a=b.c"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("--set", "7.width=1"), "The nodes are: 1 EmptyImage"),
        (("--set", "Papper.width=1"), "Did you mean Paper?"),
        (("--set", "1.widht=1"), "Did you mean width?"),
        (("--set", "1.width=wide"), "not a whole number"),
        (("--set", "1.width=0"), "the least is 1"),
        (("--set", "SaveImage.filename_prefix=x"), "is 2 nodes"),
        (("--set", "3.images=x"), "is connected"),
        (("--set", "nothing"), "expected NODE.INPUT=VALUE"),
        (("--image", "x.png"), "no node of this workflow loads a file"),
        (("--image", "1=x.png"), "loads no file"),
        (("--seed", "1"), "no seed"),
        (("--seed", "-1"), "--help"),
        (("--count", "1001"), "--help"),
    ],
)
async def test_wrong_usage_names_what_is_near_and_sends_nothing(
    run: Call, argv: tuple[str, ...], words: str
) -> None:
    flow = picture()
    flow["4"] = node("SaveImage", "Another", images=["1", 0], filename_prefix="u")
    async with DemoServer() as server:
        code, out, err = await run(server, flow, *argv)
        assert server.faults.count("/prompt", "POST") == 0
    assert (code, out) == (2, "")
    assert words in err


async def test_seeds_of_the_workflow_move_as_in_the_browser(run: Call) -> None:
    flow = json.loads((SHIPPED / "text_to_image_editor.json").read_text())
    sampler = next(entry for entry in flow["nodes"] if entry["type"] == "KSampler")
    sampler["widgets_values"][:2] = [10, "increment"]
    async with DemoServer() as server:
        code, out, err = await run(server, flow, "--count", 3, "--json", "--set", "3.steps=2")
        assert code == 0, err
        queued = [event for event in events(out) if event["event"] == "queued"]
        prompts = await history(server)
        async with httpx.AsyncClient() as client:
            entries = (await client.get(server.url + "/history")).json().values()
    assert [event["seeds"]["3.seed"] for event in queued] == [10, 11, 12]
    assert {prompt["3"]["inputs"]["steps"] for prompt in prompts} == {2}
    sent = [entry["prompt"][3]["extra_pnginfo"]["workflow"] for entry in entries]
    seeds = [
        next(entry for entry in workflow["nodes"] if entry["type"] == "KSampler")["widgets_values"][0]
        for workflow in sent
    ]
    assert seeds == [10, 11, 12]


async def test_random_seeds_differ_and_equal_copies_are_told(run: Call) -> None:
    flow = json.loads((SHIPPED / "text_to_image.json").read_text())
    async with DemoServer() as server:
        _, out, err = await run(server, flow, "--count", 3, "--json", "--seed", "random")
        assert len({str(e["seeds"]) for e in events(out) if e["event"] == "queued"}) == 3
        assert "the same" not in err
        _, _, err = await run(server, flow, "--count", 2)
    assert "copy 2 is the same as copy 1" in err


@LEGACY
async def test_pictures_are_uploaded_and_used(run: Call, tmp_path: Path, legacy: bool) -> None:
    content = io.BytesIO()
    Image.new("RGB", (5, 3), "red").save(content, "PNG")
    (tmp_path / "mine.png").write_bytes(content.getvalue())
    flow = {
        "1": node("LoadImage", "In", image="not_there.png"),
        "2": node("SaveImage", images=["1", 0], filename_prefix="u"),
    }
    async with DemoServer(legacy=legacy) as server:
        assert (await run(server, flow))[0] == 1
        code, out, err = await run(server, flow, "--image", "mine.png", "--output", tmp_path / "out")
        assert code == 0, err
        assert Image.open(out.strip()).size == (5, 3)
        flow["3"] = node("LoadImage", "Second", image="not_there.png")
        flow["4"] = node("SaveImage", images=["3", 0], filename_prefix="v")
        server.faults.forget()
        code, _, err = await run(server, flow, "--image", "mine.png")
        assert code == 2
        assert "several nodes load a file" in err
        code, _, err = await run(server, flow, "--image", "In=mine.png", "--image", "3=nope.png")
        assert code == 1
        assert "nope.png" in err
        assert server.faults.count("/upload/image") == 0
        assert (await run(server, flow, "--image", "In=mine.png", "--image", "3=mine.png"))[0] == 0
        assert server.faults.count("/upload/image") == 1


# -- what goes wrong ---------------------------------------------------------------------------


async def test_what_would_be_refused_is_not_sent_but_when_told_to(run: Call) -> None:
    flow = picture()
    flow["1"]["inputs"]["width"] = 0
    async with DemoServer() as server:
        code, out, err = await run(server, flow)
        assert (code, out) == (1, "")
        assert "EmptyImage.width" in err
        assert "--anyway" in err
        assert server.faults.count("/prompt", "POST") == 0
        code, out, err = await run(server, flow, "--anyway", "--json")
        assert code == 1
        [event] = events(out)
        assert (event["event"], event["state"]) == ("ended", "rejected")
        assert "Value 0 smaller than min" in event["error"]["message"]


async def test_what_breaks_the_server_is_never_sent(run: Call) -> None:
    flow = picture()
    flow["9"] = {"class_type": "EmptyImage"}
    async with DemoServer() as server:
        code, _, err = await run(server, flow, "--anyway")
        assert server.faults.count("/prompt", "POST") == 0
    assert code == 1
    assert "would break the server" in err


async def test_files_that_are_no_workflow(run: Call, tmp_path: Path) -> None:
    async with DemoServer() as server:
        assert (await run(server, tmp_path / "nope.json"))[0] == 1
        assert (await run(server, {"a": 1}))[0] == 1
        assert server.faults.count("/prompt", "POST") == 0


@LEGACY
async def test_a_node_that_fails_is_named(run: Call, legacy: bool) -> None:
    flow = picture(through=node("DemoError", "The bad one", message="out\x1b[31m of luck", kind="ValueError"))
    async with DemoServer(legacy=legacy) as server:
        code, _, err = await run(server, flow)
        assert code == 1
        assert 'node 2 DemoError "The bad one": ValueError: out' in err
        assert not HARMFUL.search(err)
        code, out, _ = await run(server, flow, "--json")
    last = events(out)[-1]
    assert (code, last["state"], last["error"]["node_id"]) == (1, "failed", "2")
    assert last["error"]["title"] == "The bad one"


@LEGACY
async def test_an_interruption_elsewhere_is_told(run: Call, legacy: bool) -> None:
    async with DemoServer(legacy=legacy, speed=10) as server:
        task = asyncio.create_task(run(server, sleeping()))
        await until_running(server)
        async with httpx.AsyncClient() as client:
            await client.post(server.url + "/interrupt")
        code, _, err = await task
    assert code == 1
    assert "interrupted on the server, not from here" in err


async def test_a_job_that_is_taken_out_of_the_queue_is_lost(run: Call) -> None:
    async with DemoServer(speed=10) as server, httpx.AsyncClient() as client:
        await client.post(server.url + "/prompt", json={"prompt": sleeping(), "client_id": "other"})
        task = asyncio.create_task(run(server, picture()))
        await until(server.state.queue.pending, "a waiting job")
        await asyncio.sleep(0.3)
        await client.post(server.url + "/queue", json={"clear": True})
        code, _, err = await task
    assert code == 1
    assert "waits behind 1 job" in err
    assert "Lost: It was taken out of the queue" in err


async def test_nobody_there_is_3(run: Call) -> None:
    code, out, err = await run("http://127.0.0.1:9", picture())
    assert (code, out) == (3, "")
    assert "Start ComfyUI" in err


async def test_a_server_that_dies_is_3_and_the_job_is_named(
    run: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "GIVE_UP_S", 0.3)
    server = DemoServer(speed=10)
    async with server:
        task = asyncio.create_task(run(server, sleeping(), "--json"))
        prompt_id = await until_running(server)
        await asyncio.sleep(0.3)
    code, out, err = await task
    assert code == 3
    assert "asking again" in err
    assert f"the job {prompt_id} goes on on the server, if it can" in err
    assert events(out)[-1]["state"] == "left"


async def test_a_server_that_was_restarted_has_lost_the_job(run: Call) -> None:
    server = DemoServer(speed=10)
    async with server:
        task = asyncio.create_task(run(server, sleeping()))
        await until_running(server)
        await asyncio.sleep(0.3)
    await asyncio.sleep(0.3)
    async with server:
        code, _, err = await task
    assert code == 1
    assert "Lost: The server was away meanwhile: it was restarted" in err


async def test_no_answer_to_the_submit_says_so(run: Call) -> None:
    async with DemoServer() as server:
        server.faults.set("/prompt", close=True, method="POST")
        code, out, err = await run(server, picture(), "--json")
        assert server.faults.count("/prompt", "POST") == 1
    [event] = events(out)
    assert (code, event["state"]) == (1, "unknown")
    assert "it does not have it now" in event["error"]["message"]
    code, _, err = await _unanswered(run)
    assert code == 1
    assert re.search(r"[0-9a-f-]{36}: it is not known whether it is queued", err)


async def _unanswered(run: Call) -> tuple[int, str, str]:
    async with DemoServer() as server:
        server.faults.set("/prompt", close=True, method="POST")
        server.faults.set("/queue", status=502)
        return await run(server, picture())


async def test_a_lost_answer_is_found_and_followed(run: Call) -> None:
    async with DemoServer(speed=20) as server:
        proxy, port = await answers_lost(server)
        code, out, err = await run(f"http://127.0.0.1:{port}", sleeping(seconds=5, steps=2), "--json")
        proxy.close()
        assert server.faults.count("/prompt", "POST") == 1
    assert code == 0, err
    assert events(out)[0]["event"] == "queued"
    assert events(out)[0]["number"] is None


async def test_after_the_first_that_is_not_taken_nothing_is_sent(
    run: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent, real = [], submit_module.Outbox.submit

    async def submit(self: Any, submission: Any) -> Any:
        sent.append(submission)
        if len(sent) == 3:
            raise ServerError("The server failed", "500")
        return await real(self, submission)

    monkeypatch.setattr(submit_module.Outbox, "submit", submit)
    async with DemoServer() as server:
        code, out, err = await run(server, picture(), "--count", 5, "--json")
    assert (code, len(sent)) == (1, 3)
    states = [event["state"] for event in events(out) if event["event"] == "ended"]
    assert states == ["rejected", "completed", "completed"]
    assert "2 of 5 copies queued, then it stopped" in err


async def test_readonly_is_respected(run: Call, config_file: Path) -> None:
    config_file.write_text("readonly = true\n")
    async with DemoServer() as server:
        code, _, err = await run(server, picture())
        assert server.requests == []
    assert code == 2
    assert "Read-only" in err


async def test_hostile_words_do_no_harm(run: Call, tmp_path: Path) -> None:
    async with DemoServer(hostile=True) as server:
        flow = json.loads((SHIPPED / "text_to_image.json").read_text())
        for more in ((), ("--json",), ("--output", tmp_path / "out"), ("--set", "nope.x=1")):
            _, out, err = await run(server, flow, *more)
            assert not HARMFUL.search(out + err), (more, out + err)
        bad = picture(through=node("DemoError", "x\x1b]0;y\x07", message="\u202eabc\x9b31m"))
        code, out, err = await run(server, bad)
        assert code == 1
        assert not HARMFUL.search(out + err)


# -- the process -------------------------------------------------------------------------------


def test_stdin_and_no_terminal_library(tmp_path: Path) -> None:
    script = (
        "import sys; from comfy_tui.cli import main\n"
        "code = main(['run', '-', '--server', sys.argv[1], '--output', sys.argv[2]])\n"
        "heavy = {name.partition('.')[0] for name in sys.modules} & {'textual', 'aiohttp'}\n"
        "sys.exit(f'imported {heavy}' if heavy else code)"
    )
    with spawn_demo(speed=1000, warm_up=False) as url:
        done = subprocess.run(
            [sys.executable, "-c", script, url, str(tmp_path)],
            input=json.dumps(picture()),
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).parent == tmp_path
