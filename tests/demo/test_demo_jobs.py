"""The jobs API of the new version."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from demo_support import graph, post, run, started, through

from comfy_tui.demo.server import DemoServer


async def _jobs(client: httpx.AsyncClient, query: str = "") -> Any:
    answer = await client.get(f"/api/jobs{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _some(server: DemoServer, client: httpx.AsyncClient) -> list[str]:
    """A completed, a failed, a running and a pending job."""
    png = {"extra_pnginfo": {"workflow": {"id": "wf-1"}}}
    done = (await run(server, client, graph(), extra_data=png))["prompt"][1]
    failed = (await run(server, client, through("DemoError", message="m")))["prompt"][1]
    running = await post(client, through("DemoHang"))
    await started(client, running)
    pending = await post(client, graph(color=5))
    return [done, failed, running, pending]


async def test_statuses_and_fields(server: DemoServer, client: httpx.AsyncClient) -> None:
    done, failed, running, pending = await _some(server, client)
    jobs = {job["id"]: job for job in (await _jobs(client))["jobs"]}
    assert {key: job["status"] for key, job in jobs.items()} == {
        done: "completed",
        failed: "failed",
        running: "in_progress",
        pending: "pending",
    }
    assert jobs[done]["workflow_id"] == "wf-1"
    assert jobs[done]["outputs_count"] == 1
    assert jobs[done]["preview_output"]["nodeId"] == "2"
    assert jobs[done]["preview_output"]["mediaType"] == "images"
    assert jobs[failed]["execution_error"]["exception_message"] == "m\n"
    assert jobs[pending].keys() == {"id", "status", "priority", "create_time", "outputs_count"}
    await client.post(f"/api/jobs/{running}/cancel")
    await server.wait_idle()
    assert (await client.get(f"/api/jobs/{running}")).json()["status"] == "cancelled"


async def test_one_job(server: DemoServer, client: httpx.AsyncClient) -> None:
    done, _, running, _ = await _some(server, client)
    found = (await client.get(f"/api/jobs/{done}")).json()
    assert list(found["outputs"]) == ["2"]
    assert found["execution_status"]["status_str"] == "success"
    assert found["workflow"]["prompt"] == graph()
    assert "workflow" not in (await client.get(f"/api/jobs/{running}")).json()
    unknown = await client.get("/api/jobs/zzz")
    assert (unknown.status_code, unknown.json()) == (404, {"error": "Job not found"})


async def test_filters_and_pages(server: DemoServer, client: httpx.AsyncClient) -> None:
    done, failed, _, _ = await _some(server, client)
    assert [job["id"] for job in (await _jobs(client, "?status=failed"))["jobs"]] == [failed]
    assert [job["id"] for job in (await _jobs(client, "?workflow_id=wf-1"))["jobs"]] == [done]
    page = await _jobs(client, "?limit=1&offset=1")
    assert page["pagination"] == {"offset": 1, "limit": 1, "total": 4, "has_more": True}
    assert (await _jobs(client, "?offset=-4"))["pagination"]["offset"] == 0
    assert len((await _jobs(client, "?sort_by=execution_duration&sort_order=asc"))["jobs"]) == 4


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("limit=0", "limit must be a positive integer"),
        ("limit=x", "limit must be an integer"),
        ("offset=x", "offset must be an integer"),
        ("sort_by=x", "sort_by must be 'created_at' or 'execution_duration'"),
        ("sort_order=up", "sort_order must be 'asc' or 'desc'"),
        (
            "status=nope",
            "Invalid status value(s): nope. Valid values: pending, in_progress, completed, failed, cancelled",
        ),
    ],
)
async def test_bad_queries(client: httpx.AsyncClient, query: str, words: str) -> None:
    answer = await client.get(f"/api/jobs?{query}")
    assert (answer.status_code, answer.json()) == (400, {"error": words})


async def test_cancelling(server: DemoServer, client: httpx.AsyncClient) -> None:
    done, _, running, pending = await _some(server, client)

    async def cancel(one: str) -> Any:
        return (await client.post(f"/api/jobs/{one}/cancel")).json()["cancelled"]

    assert [await cancel(one) for one in (pending, done, "unknown", running)] == [True, False, False, True]
    await server.wait_idle()
    assert (await client.get(f"/api/jobs/{pending}")).status_code == 404


async def test_cancelling_many(server: DemoServer, client: httpx.AsyncClient) -> None:
    _, _, running, pending = await _some(server, client)
    bad = await client.post("/api/jobs/cancel", json={"job_ids": [pending, "x", 5]})
    assert bad.json() == {"error": "job_ids contains invalid id(s)", "invalid_ids": ["x", "5"]}
    assert (await client.get(f"/api/jobs/{pending}")).json()["status"] == "pending"
    assert (await client.post("/api/jobs/cancel", json={"job_ids": "x"})).status_code == 400
    assert (await client.post("/api/jobs/cancel", content="{")).status_code == 400
    both = await client.post("/api/jobs/cancel", json={"job_ids": [running, pending]})
    assert both.json() == {"cancelled": True}
    assert (await client.post("/api/jobs/cancel", json={"job_ids": []})).json() == {"cancelled": False}
    await server.wait_idle()


async def test_a_null_workflow_breaks_the_list(server: DemoServer, client: httpx.AsyncClient) -> None:
    await run(server, client, graph(), extra_data={"extra_pnginfo": {"workflow": None}})
    assert (await client.get("/api/jobs")).status_code == 500
    await client.post("/history", json={"clear": True})
    assert (await client.get("/api/jobs")).status_code == 200


async def test_only_the_new_version_and_only_under_api(
    client: httpx.AsyncClient, old_client: httpx.AsyncClient
) -> None:
    assert (await client.get("/jobs")).status_code == 404
    missing = await old_client.get("/api/jobs")
    assert (missing.status_code, missing.content) == (404, b"")
    disabled = await client.get("/api/assets")
    assert (disabled.status_code, disabled.json()["error"]["code"]) == (503, "SERVICE_DISABLED")
    assert (await old_client.get("/api/assets")).status_code == 404
