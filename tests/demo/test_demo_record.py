"""The record that tests hold a client's story against."""

from __future__ import annotations

import httpx
from demo_support import graph, post, run, started, through

from comfy_tui.demo.record import Fate
from comfy_tui.demo.server import DemoServer


async def test_every_prompt_has_its_fate_and_restarts_forget_nothing() -> None:
    async with DemoServer() as server:
        async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
            await run(server, client, graph())
            await run(server, client, through("DemoError", message="no"))
            hangs = await post(client, through("DemoHang"))
            await started(client, hangs)
            await post(client, graph(color=1))
            removed = await post(client, graph(color=2))
            await client.post("/queue", json={"delete": [removed]})
        await server.stop()
        await server.start()
        async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
            assert (await client.get("/queue")).json() == {"queue_running": [], "queue_pending": []}
            assert (await client.get("/history")).json() == {}
            await run(server, client, graph(color=3))
        told = [(taken.life, taken.fate, taken.ran) for taken in server.record.taken]
        assert told == [
            (1, Fate.COMPLETED, True),
            (1, Fate.FAILED, True),
            (1, Fate.FORGOTTEN, True),
            (1, Fate.FORGOTTEN, False),
            (1, Fate.REMOVED, False),
            (2, Fate.COMPLETED, True),
        ]
