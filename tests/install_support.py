"""What the tests of installing share: advice, a server with a Manager, and the end of a run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.config import profile_from_url
from comfy_tui.demo.server import DemoServer
from comfy_tui.monitor.install import Installer, InstallProgress, InstallResult
from comfy_tui.monitor.install_plan import InstallPlan
from comfy_tui.monitor.live import Live
from comfy_tui.workflow.advice import Advice, AdviceKind, Pack
from comfy_tui.workflow.diagnostic import Severity

KINDS = ("v3", "v3-old", "v4", "v4-legacy")
LISTED_URL = "https://example.invalid/demo/demo_soft_light.safetensors"


def pack(id: str | None = "demo-extra-nodes", **about: Any) -> Advice:
    return Advice(
        AdviceKind.INSTALL_PACK,
        "x",
        Severity.ERROR,
        "m",
        classes=("DemoExtraInvert",),
        pack=Pack(id=id, **about),
    )


def model(what: str = "demo/demo_soft_light.safetensors", url: str = LISTED_URL, **about: Any) -> Advice:
    values: dict[str, Any] = {"folder": "loras", "file_name": what.rpartition("/")[2], **about}
    return Advice(AdviceKind.DOWNLOAD_MODEL, what, Severity.ERROR, "m", url=url, **values)


@asynccontextmanager
async def installing(kind: str, readonly: bool = False, **options: Any) -> AsyncIterator[Any]:
    async with (
        DemoServer(manager=kind, **options) as server,
        ComfyClient(profile_from_url(server.url), timeout_s=5, readonly=readonly) as client,
    ):
        manager = await client.manager()
        assert manager is not None
        live = Live(
            client, on_event=lambda _: None, on_change=lambda *_: None, on_gap=lambda: None, reconnect_s=0.05
        )
        listening = asyncio.create_task(live.run())
        try:
            yield server, Installer(client, manager, live, step_s=0.02, patience_s=20)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


async def finish(values: Any) -> tuple[list[Any], Any]:
    """Progress and the result."""
    found = [value async for value in values]
    return found[:-1], found[-1]


async def install(installer: Installer, plan: InstallPlan) -> InstallResult:
    progress, result = await finish(installer.run(plan))
    assert all(isinstance(value, InstallProgress) for value in progress)
    assert isinstance(result, InstallResult)
    return result
