"""A server's Manager as a client sees it: what is sent, what refusals mean, what a task's end is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.events import ManagerStatus, read_event
from comfy_tui.comfy.http import WEB_PAGE
from comfy_tui.comfy.manager import Manager
from comfy_tui.comfy.manager_queue import (
    ModelTask,
    PackTask,
    TaskEnd,
    TaskState,
    read_ends,
    read_history,
)
from comfy_tui.comfy.manager_rules import Action, Allowed, explain, foresee, listens_beyond, rule_for
from comfy_tui.config import profile_from_url
from comfy_tui.demo.server import DemoServer
from comfy_tui.errors import ReadOnlyError, Refused

RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "recordings" / "manager"
V3, V4, V42 = Manager(3, "3.41"), Manager(4, "4.3"), Manager(4, "4.2.2")
LEGACY = Manager(4, "4.3", legacy_ui=True)
PACK = PackTask("demo-extra-nodes")
MODEL = ModelTask(
    "Demo soft light (demo)",
    "lora",
    "SDXL",
    "loras/demo",
    "demo_soft_light.safetensors",
    "https://example.invalid/demo/demo_soft_light.safetensors",
)
recorded = pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recordings are not on this machine")


def recording(name: str) -> Any:
    return json.loads((RECORDINGS / name).read_text("utf-8"))


def answer_of(name: str) -> tuple[int, str]:
    """The status and the text of a recorded refusal."""
    found = recording(name)
    return found["status"], json.dumps(found["json"]) if "json" in found else found["text"]


def sent(name: str) -> dict[str, Any]:
    body: dict[str, Any] = recording(name)["request"]["body"]
    return body


# -- what is sent ------------------------------------------------------------------------------


@recorded
@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("v3.41/install_cnr.json", PackTask("comfyui-kjnodes")),
        (
            "v3.41/install_nightly_known.json",
            PackTask("comfyui-kjnodes", "nightly", "https://github.com/kijai/ComfyUI-KJNodes"),
        ),
        (
            "v3.41/install_unknown_known.json",
            PackTask(None, "unknown", "https://github.com/Carasibana/ComfyUI-SimpleFloatSlider"),
        ),
        (
            "v3.41/install_model_ok.json",
            ModelTask(
                "TAEF1 Decoder",
                "TAESD",
                "FLUX.1",
                "vae_approx",
                "taef1_decoder.pth",
                "https://github.com/madebyollin/taesd/raw/main/taef1_decoder.pth",
            ),
        ),
    ],
)
def test_fields_are_those_that_real_ones_took(name: str, task: PackTask | ModelTask) -> None:
    ours, theirs = task.params(), sent(name)
    for key, value in ours.items():
        if key in theirs and key != "version":  # any version but "unknown" is the same to it
            assert theirs[key] == value
    assert set(theirs) - set(ours) <= {"ui_id", "skip_post_install"}
    assert (ours.get("version") == "unknown") == (theirs.get("version") == "unknown")


@recorded
def test_a_task_of_version_4_is_the_one_that_was_taken() -> None:
    assert PackTask("comfyui-kjnodes").params() == sent("v4.3/task_install_cnr.json")["params"]


# -- what an answer means ----------------------------------------------------------------------


@recorded
def test_the_history_tells_the_truth() -> None:
    answer = recording("v4.3/history_final.json")
    assert read_history(answer, "m1") == TaskEnd(TaskState.SUCCESS)
    unresolved = read_history(answer, "t1")
    assert unresolved is not None
    assert unresolved.state is TaskState.ERROR
    assert "Cannot resolve install target" in unresolved.message
    assert read_history(answer, "nobody") is None


@recorded
@pytest.mark.parametrize(("folder", "ui_id"), [("v4.3/strong", "s2"), ("v4.3/nonlocal", "n2")])
def test_the_word_failed_is_a_refusal(folder: str, ui_id: str) -> None:
    end = read_history(recording(f"{folder}/history.json"), ui_id)
    assert end is not None
    assert end.forbidden


@recorded
def test_results_of_version_3_come_on_the_socket() -> None:
    frames = [json.dumps(entry["msg"]) for entry in recording("v3.41/ws_events.json")]
    told = [event for event in map(read_event, frames) if isinstance(event, ManagerStatus)]
    assert told[0].target == "i1"
    assert told[-1].target == ""
    ended = read_ends(told[-1])
    assert ended["m3"] == TaskEnd(TaskState.SUCCESS)
    assert ended["m1"].state is TaskState.ERROR
    assert "Cannot resolve" in ended["i1"].message


@pytest.mark.parametrize(
    "answer",
    [None, [], {}, {"history": []}, {"history": {"u": None}}, {"history": {}}],
)
def test_no_entry_is_no_result(answer: Any) -> None:
    assert read_history(answer, "u") is None


@pytest.mark.parametrize(
    ("entry", "state"),
    [
        ({"result": "success", "status": {"status_str": "success"}}, TaskState.SUCCESS),
        ({"result": "skip", "status": {"status_str": "skip"}}, TaskState.SKIPPED),
        ({"result": "failed", "status": {"status_str": "success"}}, TaskState.ERROR),
        ({"result": "success", "status": {"status_str": "error"}}, TaskState.ERROR),
        ({"result": 7, "status": {"status_str": 7, "messages": [1, "a"]}}, TaskState.ERROR),
        ({}, TaskState.ERROR),
    ],
)
def test_only_success_is_success(entry: dict[str, Any], state: TaskState) -> None:
    end = read_history({"history": {"u": entry}}, "u")
    assert end is not None
    assert end.state is state


@pytest.mark.parametrize(
    "frame",
    ["", "{", "[]", '"cm-queue-status"', '{"type": "cm-queue-status"}', '{"type": "status", "data": {}}'],
)
def test_other_frames_are_not_the_managers(frame: str) -> None:
    assert not isinstance(read_event(frame), ManagerStatus)


def test_odd_results_are_errors() -> None:
    data = {"status": "done", "nodepack_result": {"a": 1, "b": {"msg": "skip"}}, "model_result": []}
    told = read_event(json.dumps({"type": "cm-queue-status", "data": data}))
    assert isinstance(told, ManagerStatus)
    assert read_ends(told) == {"a": TaskEnd(TaskState.ERROR), "b": TaskEnd(TaskState.SKIPPED)}


# -- rules and refusals ------------------------------------------------------------------------


@recorded
@pytest.mark.parametrize(
    ("name", "manager", "action", "words"),
    [
        ("v3.41-on-0.3.64/install_cnr.json", V3, Action.INSTALL_VERSION, "security_level"),
        ("v3.41-on-0.3.64/install_model.json", V3, Action.INSTALL_MODEL, "security_level"),
        ("v3.41-on-0.3.64/reboot.json", V3, Action.RESTART, "too old"),
        ("v3.41/install_unknown_url.json", V3, Action.INSTALL_GIT, "allow_git_url_install"),
        ("v3.41/git_url.json", V3, Action.INSTALL_GIT, "allow_git_url_install"),
        ("v3.41/install_model_notlisted.json", V3, Action.INSTALL_MODEL, "its own list"),
        ("v3.41/install_invalid.json", V3, Action.INSTALL_VERSION, "Invalid installation request"),
        ("v4.3/strong/strong_reboot.json", V4, Action.RESTART, "security_level"),
        ("v4.3-legacy-ui/install_model_notwhitelisted.json", LEGACY, Action.INSTALL_MODEL, "its own list"),
        ("v4.3-legacy-ui/task.json", LEGACY, Action.INSTALL_VERSION, "no such route"),
    ],
)
def test_recorded_refusals_are_explained(name: str, manager: Manager, action: Action, words: str) -> None:
    status, said = answer_of(name)
    error = explain(Refused("x", "m", "h", status=status, said=said), manager, action)
    assert words in f"{error.title} {error.message}"
    assert error.hint
    assert error.status == status


@pytest.mark.parametrize(("status", "said"), [(403, WEB_PAGE), (401, ""), (413, "")])
def test_what_is_not_the_managers_stays(status: int, said: str) -> None:
    error = Refused("No access", "m", "h", status=status, said=said)
    assert explain(error, V3, Action.INSTALL_VERSION) is error


@pytest.mark.parametrize(
    ("argv", "beyond"),
    [
        (("main.py",), False),
        (("main.py", "--listen"), True),
        (("main.py", "--listen", "--port", "1"), True),
        (("main.py", "--listen", "127.0.0.1"), False),
        (("main.py", "--listen=::1"), False),
        (("main.py", "--listen", "127.0.0.1,::1"), True),
        (("main.py", "--listen=0.0.0.0"), True),
    ],
)
def test_loopback_is_judged_on_the_literal_text(argv: tuple[str, ...], beyond: bool) -> None:
    assert listens_beyond(argv) is beyond


def test_what_is_foreseen_follows_the_version() -> None:
    open_to_all = ("main.py", "--listen")
    assert foresee(V3, Action.INSTALL_MODEL, open_to_all) is Allowed.BY_DEFAULT
    assert foresee(V4, Action.INSTALL_VERSION, open_to_all) is Allowed.BY_DEFAULT
    assert foresee(V42, Action.INSTALL_VERSION, open_to_all) is Allowed.DOUBTFUL
    assert foresee(V4, Action.INSTALL_MODEL, open_to_all) is Allowed.DOUBTFUL
    assert foresee(V4, Action.INSTALL_MODEL, ("main.py",)) is Allowed.BY_DEFAULT
    assert foresee(V4, Action.RESTART, open_to_all) is Allowed.BY_DEFAULT
    assert "loopback" in rule_for(V4, Action.INSTALL_MODEL)
    assert "loopback" not in rule_for(V4, Action.INSTALL_VERSION)
    assert "allow_git_url_install" in rule_for(V3, Action.INSTALL_GIT)


# -- over real sockets -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["v3", "v3-old", "v4", "v4-legacy"])
async def test_readonly_sends_nothing_that_changes(kind: str) -> None:
    async with (
        DemoServer(manager=kind) as server,
        ComfyClient(profile_from_url(server.url), readonly=True) as client,
    ):
        manager = await client.manager()
        assert manager is not None
        queue = client.manager_queue(manager, "c")
        before = len(server.requests)
        for change in (queue.install("u", PACK), queue.start(), queue.reboot()):
            with pytest.raises(ReadOnlyError):
                await change
        with pytest.raises(ReadOnlyError):
            await client._http.change_by_get("/manager/reboot")
        assert len(server.requests) == before


@pytest.mark.parametrize(
    ("kind", "generation", "legacy"),
    [("v3", 3, False), ("v3-old", 3, False), ("v4", 4, False), ("v4-legacy", 4, True)],
)
async def test_each_is_asked_in_its_own_way(kind: str, generation: int, legacy: bool) -> None:
    async with DemoServer(manager=kind) as server, ComfyClient(profile_from_url(server.url)) as client:
        manager = await client.manager()
        assert manager is not None
        assert (manager.generation, manager.legacy_ui) == (generation, legacy)
        queue = client.manager_queue(manager, "c")
        await queue.install("u", PACK)
        counts = await queue.counts()
        assert counts.processing
        assert (counts.waiting is None) == (kind != "v4")
        changes = [
            request for request in server.requests if "queue" in request[1] and "status" not in request[1]
        ]
    assert (
        changes
        == {
            "v3": [("POST", "/manager/queue/install"), ("POST", "/manager/queue/start")],
            "v3-old": [
                ("POST", "/manager/queue/install"),
                ("POST", "/manager/queue/start"),
                ("GET", "/manager/queue/start"),
            ],
            "v4": [("POST", "/v2/manager/queue/task"), ("POST", "/v2/manager/queue/start")],
            "v4-legacy": [("POST", "/v2/manager/queue/batch")],
        }[kind]
    )


@pytest.mark.parametrize("kind", ["v3", "v4-legacy"])
@pytest.mark.parametrize("task", [PACK, MODEL])
async def test_a_refusal_has_the_rule_and_a_way_around(kind: str, task: PackTask | ModelTask) -> None:
    async with (
        DemoServer(manager=kind, manager_level="strong") as server,
        ComfyClient(profile_from_url(server.url)) as client,
    ):
        manager = await client.manager()
        assert manager is not None
        with pytest.raises(Refused, match="security_level") as caught:
            await client.manager_queue(manager, "c").install("u", task)
        assert "command on the machine" in caught.value.hint


async def test_a_proxys_refusal_is_not_the_managers() -> None:
    async with DemoServer(manager="v3") as server, ComfyClient(profile_from_url(server.url)) as client:
        server.faults.set("/manager/queue/install", status=403)
        with pytest.raises(Refused) as caught:
            await client.manager_queue(V3, "c").install("u", PACK)
        assert caught.value.title == "No access"


@pytest.mark.parametrize("kind", ["v3", "v3-old", "v4"])
async def test_a_reboot_without_an_answer_is_no_error(kind: str) -> None:
    async with DemoServer(manager=kind) as server, ComfyClient(profile_from_url(server.url)) as client:
        manager = await client.manager()
        assert manager is not None
        await client.manager_queue(manager, "c").reboot()
