"""A restart is believed in when it was seen, and a pack when its nodes are there."""

from __future__ import annotations

import asyncio

import pytest

from comfy_tui.comfy.manager import Manager
from comfy_tui.monitor.restart import RestartOutcome
from install_support import finish, install, installing, pack


async def test_a_restart_names_the_jobs_that_it_hits() -> None:
    async with installing("v4", speed=1) as (_, installer):
        prompt = {
            "1": {
                "class_type": "EmptyImage",
                "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 1},
            },
            "2": {"class_type": "DemoHang", "inputs": {"image": ["1", 0]}},
            "3": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}},
        }
        for number in range(3):
            await installer.client.submit(
                prompt,
                prompt_id=f"11111111-2222-4333-8444-00000000000{number}",
                client_id="c",
                extra_data={},
            )
        async with asyncio.timeout(10):
            while True:
                plan = await installer.plan_restart()
                if plan.running:
                    break
        assert (plan.running, plan.waiting) == (1, 2)
        assert "security_level" in plan.rule


async def test_a_server_that_does_not_restart() -> None:
    async with installing("v4") as (server, installer):
        server.faults.set("/v2/manager/reboot", body="", status=200)
        _, result = await finish(installer.restart(unseen_s=0.1))
        assert result.outcome is RestartOutcome.NOT_SEEN


async def test_a_server_that_does_not_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async with installing("v4") as (_, installer):
        monkeypatch.setattr("comfy_tui.demo.server._LEAST_DOWN_S", 60.0)
        _, result = await finish(installer.restart(patience_s=0.5))
        assert result.outcome is RestartOutcome.NOT_BACK


async def test_a_restart_behind_a_proxy() -> None:
    async with installing("v4") as (server, installer):
        server.faults.set("/v2/manager/reboot", status=502)
        server.faults.set("/system_stats", status=502, times=3)
        steps, result = await finish(installer.restart())
        assert result.outcome is RestartOutcome.READY
        assert any(step.down for step in steps)


async def test_a_restart_too_quick_to_be_seen() -> None:
    async with installing("v4") as (server, installer):
        assert (await install(installer, await installer.plan(pack()))).ok
        server.faults.set("/v2/manager/reboot", body="", status=200)
        run = installer.restart(["DemoExtraInvert"])
        await anext(run)
        manager = server.state.manager
        manager.imported = dict(manager.disk.packs)
        values = [value async for value in run]
        assert values[-1].outcome is RestartOutcome.READY


def test_generations_differ_in_what_they_keep() -> None:
    assert Manager(4, "4.3").keeps_history
    assert not Manager(4, "4.3", legacy_ui=True).keeps_history
    assert not Manager(3, "3.41").keeps_history
    assert Manager(3, "3.41.1-beta").release == (3, 41, 1)
