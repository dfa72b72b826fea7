"""Installing through a Manager: what is asked beforehand, and that only the truth is called success."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from comfy_tui.comfy.manager_queue import ModelTask, PackTask
from comfy_tui.comfy.manager_rules import Action, Allowed
from comfy_tui.errors import ApiError, ReadOnlyError, Refused
from comfy_tui.monitor import install as install_module
from comfy_tui.monitor.install import Installer, InstallResult, Outcome, can_install
from comfy_tui.monitor.restart import RestartOutcome, RestartProgress, RestartResult
from comfy_tui.workflow.advice import Advice, AdviceKind
from comfy_tui.workflow.diagnostic import Severity
from install_support import KINDS, LISTED_URL, finish, install, installing, model, pack

# -- the plan ----------------------------------------------------------------------------------


async def test_a_plan_names_what_a_person_agrees_to() -> None:
    async with installing("v4") as (server, installer):
        plan = await installer.plan(replace(pack(), doubt="nobody knows it"))
        assert all(method == "GET" for method, _ in server.requests)
    assert (plan.what, plan.version, plan.target) == ("demo-extra-nodes", "latest", "custom_nodes")
    assert plan.source == "https://registry.comfy.org/nodes/demo-extra-nodes"
    assert "security_level" in plan.rule
    assert plan.allowed is Allowed.BY_DEFAULT
    assert plan.possible
    assert plan.needs_restart
    assert any("nobody knows it" in note for note in plan.notes)


async def test_a_version_is_the_persons_choice() -> None:
    async with installing("v4") as (_, installer):
        assert (await installer.plan(pack(), "1.2.3")).task == PackTask("demo-extra-nodes", "1.2.3")
        nightly = await installer.plan(pack(repository="https://github.com/demo/x"), "nightly")
        assert nightly.action is Action.INSTALL_GIT
        assert nightly.source == "https://github.com/demo/x"
        assert not (await installer.plan(pack(), "nightly")).possible
        with pytest.raises(ValueError, match="not a version"):
            await installer.plan(pack(), "1; rm")


async def test_version_4_installs_no_bare_repository() -> None:
    async with installing("v4") as (_, installer):
        plan = await installer.plan(pack(None, repository="https://github.com/demo/x"))
        assert plan.allowed is Allowed.NO
        assert "registry" in plan.why_not
        result = await install(installer, plan)
        assert result.outcome is Outcome.REFUSED
        assert "command" in result.hint


@pytest.mark.parametrize("advice", [pack("bad id;"), pack(None, repository="ext::sh -c x")])
async def test_what_is_no_id_and_no_address_is_not_sent(advice: Advice) -> None:
    async with installing("v3") as (_, installer):
        assert not (await installer.plan(advice)).possible


@pytest.mark.parametrize("kind", ["v3", "v4-legacy"])
async def test_only_listed_models_where_a_list_is_asked_for(kind: str) -> None:
    async with installing(kind) as (_, installer):
        plan = await installer.plan(model())
        assert isinstance(plan.task, ModelTask)
        assert plan.task.base == "SDXL"
        assert plan.target == "models/loras/demo"
        elsewhere = await installer.plan(model(url="https://huggingface.co/a/b/resolve/main/c.safetensors"))
        assert elsewhere.source == LISTED_URL
        assert any("huggingface.co" in note for note in elsewhere.notes)
        for other in (model("demo_soft_light.safetensors"), model("other.safetensors")):
            assert "its own list" in (await installer.plan(other)).why_not


async def test_any_address_where_there_is_no_list() -> None:
    async with installing("v4") as (_, installer):
        url = "https://example.com/a.safetensors"
        plan = await installer.plan(model("sub/a.safetensors", url, sha256="0"))
        task = plan.task
        assert isinstance(task, ModelTask)
        assert (task.save_path, task.filename, task.url) == ("loras/sub", "a.safetensors", url)
        assert any("memory" in note for note in plan.notes)
        assert any("checksum" in note for note in plan.notes)
        for bad in (
            model("../a.safetensors", url),
            model("a.safetensors", url, folder="custom_nodes"),
            model("a.safetensors", url, folder=None),
            model("a.safetensors", "ftp://x/a"),
        ):
            assert not (await installer.plan(bad)).possible


async def test_a_server_that_listens_to_all_is_doubtful(monkeypatch: pytest.MonkeyPatch) -> None:
    async with installing("v4") as (_, installer):
        stats = await installer.client.system_stats()

        async def listening() -> Any:
            return replace(stats, argv=("main.py", "--listen"))

        monkeypatch.setattr(installer.client, "system_stats", listening)
        plan = await installer.plan(model())
        assert plan.allowed is Allowed.DOUBTFUL
        assert plan.possible
        assert "loopback" in plan.notes[0]


async def test_an_old_comfyui_installs_nothing() -> None:
    async with installing("v3", legacy=True) as (_, installer):
        plan = await installer.plan(pack())
        assert plan.allowed is Allowed.NO
        assert "outdated" in plan.why_not


async def test_readonly_is_said_before_it_is_tried() -> None:
    async with installing("v4", readonly=True) as (server, installer):
        plan = await installer.plan(pack())
        assert "Read-only" in plan.why_not
        assert (await install(installer, plan)).outcome is Outcome.REFUSED
        assert (await installer.plan_restart()).allowed is Allowed.NO
        with pytest.raises(ReadOnlyError):
            await finish(installer.restart())
        assert all(method == "GET" for method, _ in server.requests)


async def test_only_some_advice_can_be_installed() -> None:
    other = Advice(AdviceKind.UPLOAD_FILE, "x", Severity.ERROR, "m")
    assert can_install(pack())
    assert can_install(model())
    assert not can_install(other)
    async with installing("v4") as (_, installer):
        with pytest.raises(ValueError, match="nothing to install"):
            await installer.plan(other)


# -- the run -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
async def test_a_pack_counts_after_the_restart(kind: str) -> None:
    async with installing(kind) as (server, installer):
        progress, result = await finish(installer.run(await installer.plan(pack())))
        assert progress
        assert result.outcome is Outcome.NEEDS_RESTART, result
        assert result.ok
        assert result.offers_restart
        assert server.requests.count(("GET", "/ws")) == 1, "the console's socket is the only one"
        assert await installer.client.node_definition("DemoExtraInvert") is None
        steps, back = await finish(installer.restart(["DemoExtraInvert"]))
        assert any(isinstance(step, RestartProgress) and step.down for step in steps)
        assert isinstance(back, RestartResult)
        assert back.outcome is RestartOutcome.READY, back
        assert await installer.client.node_definition("DemoExtraInvert") is not None


@pytest.mark.parametrize("kind", KINDS)
async def test_a_pack_that_does_not_load_is_not_installed(kind: str) -> None:
    async with installing(kind) as (_, installer):
        assert (await install(installer, await installer.plan(pack("demo-broken-pack")))).ok
        _, back = await finish(installer.restart(["DemoBroken", "EmptyImage"]))
        assert back.outcome is RestartOutcome.NODES_MISSING
        assert back.missing == ("DemoBroken",)
        assert not back.ok


@pytest.mark.parametrize("kind", KINDS)
async def test_a_failure_is_the_managers_word(kind: str) -> None:
    async with installing(kind) as (_, installer):
        result = await install(installer, await installer.plan(pack("nobody-knows")))
        assert result.outcome is Outcome.FAILED
        assert "Cannot resolve install target" in result.message
        assert "registry" in result.hint


@pytest.mark.parametrize("kind", KINDS)
async def test_a_strong_level_is_a_refusal(kind: str) -> None:
    async with installing(kind, manager_level="strong") as (_, installer):
        for advice in (pack(), model()):
            result = await install(installer, await installer.plan(advice))
            assert result.outcome is Outcome.REFUSED, result
            assert "security_level" in result.message
            assert "command on the machine" in result.hint
        with pytest.raises(Refused, match="security_level"):
            await finish(installer.restart())


async def test_a_repository_that_is_not_listed() -> None:
    async with installing("v3") as (_, installer):
        listed = pack(None, repository="https://github.com/demo/demo-extra-nodes")
        assert (await install(installer, await installer.plan(listed))).ok
        other = await installer.plan(pack(None, repository="https://github.com/nobody/never-heard"))
        result = await install(installer, other)
        assert result.outcome is Outcome.REFUSED
        assert "allow_git_url_install" in result.message


@pytest.mark.parametrize("kind", KINDS)
async def test_a_model_is_installed_when_the_server_lists_it(kind: str) -> None:
    async with installing(kind) as (_, installer):
        result = await install(installer, await installer.plan(model()))
        assert result.outcome is Outcome.INSTALLED, result
        assert "demo/demo_soft_light.safetensors" in (await installer.client.models("loras") or ())


async def test_a_model_that_cannot_be_had() -> None:
    async with installing("v4") as (_, installer):
        url = "https://example.com/missing.safetensors"
        result = await install(installer, await installer.plan(model("missing.safetensors", url)))
        assert result.outcome is Outcome.FAILED
        assert "Model installation error" in result.message
        assert not result.offers_restart


async def test_success_without_the_file_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with installing("v4") as (server, installer):
        plan = await installer.plan(model())
        server.faults.set("/models/loras", body="[]", content_type="application/json")
        result = await install(installer, plan)
        assert result.outcome is Outcome.UNKNOWN
        assert "does not list" in result.message


async def test_a_dead_worker_is_started_again() -> None:
    async with installing("v4", speed=20) as (server, installer):
        queue = installer.client.manager_queue(installer.manager, "somebody")
        # Somebody else's task, without a place to save to, ends the worker while ours waits.
        broken = ModelTask("x", "lora", "", "", "x.safetensors", "https://x/y")
        body = {"kind": "install-model", "ui_id": "z", "client_id": "somebody"}
        params = {key: value for key, value in broken.params().items() if key != "save_path"}
        await installer.client._http.send_json("/v2/manager/queue/task", {**body, "params": params})
        await queue.start()
        result = await install(installer, await installer.plan(pack()))
        assert result.outcome is Outcome.NEEDS_RESTART, result
        assert server.requests.count(("POST", "/v2/manager/queue/start")) >= 3


@pytest.mark.parametrize("kind", ["v3", "v4"])
async def test_a_task_that_nobody_knows_any_more(kind: str) -> None:
    async with installing(kind, speed=2) as (server, installer):
        run = installer.run(await installer.plan(pack()))
        await anext(run)
        manager = server.state.manager
        await manager.stop()
        manager.pending.clear()
        manager.running = None
        await server.drop_sockets()
        values = [value async for value in run]
        assert values[-1].outcome is Outcome.UNKNOWN
        assert values[-1].offers_restart
        assert not values[-1].ok
        assert ("the socket broke" in values[-1].message) == (kind == "v3")


async def test_without_a_socket_success_is_not_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with installing("v3") as (server, installer):
        monkeypatch.setattr(install_module, "_CONNECT_S", 0.1)
        server.faults.set("/ws", status=403)
        await server.drop_sockets()
        result = await install(installer, await installer.plan(pack()))
        assert result.outcome is Outcome.UNKNOWN
        assert "socket" in result.message
        model_result = await install(installer, await installer.plan(model()))
        assert model_result.outcome is Outcome.UNKNOWN
        assert "lists the file" in model_result.message


async def test_trouble_on_the_way_is_waited_out() -> None:
    async with installing("v4") as (server, installer):
        plan = await installer.plan(pack())
        server.faults.set("/v2/manager/queue/status", status=502, times=3)
        progress, result = await finish(installer.run(plan))
        assert any("does not tell" in value.text for value in progress)
        assert result.outcome is Outcome.NEEDS_RESTART


async def test_an_answer_that_is_lost_is_followed_all_the_same() -> None:
    async with installing("v4") as (server, installer):
        plan = await installer.plan(pack())
        server.faults.set("/v2/manager/queue/start", close=True, times=1)
        result = await install(installer, plan)
        assert result.outcome is Outcome.NEEDS_RESTART, result
        assert server.requests.count(("POST", "/v2/manager/queue/task")) == 1
        server.faults.set("/v2/manager/queue/task", close=True, times=1)
        assert (await install(installer, plan)).outcome is Outcome.UNKNOWN


async def test_patience_ends() -> None:
    async with installing("v4", speed=0.01) as (_, installer):
        impatient = Installer(
            installer.client, installer.manager, installer._live, step_s=0.02, patience_s=0.1
        )
        result = await install(impatient, await impatient.plan(pack()))
        assert result.outcome is Outcome.UNKNOWN


async def test_leaving_ends_the_waiting_at_once() -> None:
    async with installing("v4", speed=0.01) as (_, installer):
        patient = Installer(installer.client, installer.manager, installer._live, step_s=60)
        leave = asyncio.Event()
        run = patient.run(await patient.plan(pack()), leave)
        await anext(run)
        asyncio.get_running_loop().call_later(0.05, leave.set)
        async with asyncio.timeout(5):
            values = [value async for value in run]
        assert values[-1].outcome is Outcome.LEFT


async def test_a_server_that_is_gone_is_an_error_before_anything_began() -> None:
    async with installing("v4") as (server, installer):
        plan = await installer.plan(pack())
        await server.stop()
        with pytest.raises(ApiError):
            await finish(installer.run(plan))
        with pytest.raises(ApiError):
            await finish(installer.restart())


def test_skipped_offers_a_restart() -> None:
    assert InstallResult(Outcome.SKIPPED, "x").offers_restart
    assert not InstallResult(Outcome.SKIPPED, "x").ok
    assert install_module.PATIENCE_S > 60
