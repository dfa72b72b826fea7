"""A watched server: what is kept, what is sent once, what is told."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from comfy_tui.comfy.types import JobState
from comfy_tui.config import profile_from_url
from comfy_tui.demo.server import DemoServer
from comfy_tui.errors import ApiError, ComfyError, TimedOut, Unreachable
from comfy_tui.monitor import submit as submit_module
from comfy_tui.monitor.identity import read_install_id
from comfy_tui.monitor.session import Session
from comfy_tui.monitor.state import Link, Notice, Update
from comfy_tui.monitor.submit import Submission
from support import answers_lost, until

LEGACY = pytest.mark.parametrize("legacy", [False, True], ids=["0.26.0", "0.3.64"])


def picture(color: int = 1) -> dict[str, Any]:
    return {
        "1": {
            "class_type": "EmptyImage",
            "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": color},
        },
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "t"}},
    }


def slow(color: int = 1, seconds: float = 3600.0) -> dict[str, Any]:
    prompt = picture(color)
    prompt["s"] = {
        "class_type": "DemoSleep",
        "inputs": {"seconds": seconds, "steps": 3600, "image": ["1", 0]},
        "_meta": {"title": "A long rest"},
    }
    prompt["2"]["inputs"]["images"] = ["s", 0]
    return prompt


class Watched:
    """A session that runs, with everything that it published."""

    def __init__(self, session: Session, updates: list[Update]) -> None:
        self.session = session
        self.updates = updates

    @property
    def notices(self) -> list[Notice]:
        return [update for update in self.updates if isinstance(update, Notice)]


@asynccontextmanager
async def watched(url: str, **options: Any) -> AsyncIterator[Watched]:
    updates: list[Update] = []
    values = {"install_id": "me", "interval_s": 0.1, **options}
    session = Session(profile_from_url(url), updates.append, **values)
    task = asyncio.create_task(session.run())
    try:
        yield Watched(session, updates)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@LEGACY
async def test_jobs_of_both_versions_look_the_same(legacy: bool) -> None:
    async with DemoServer(legacy=legacy, speed=20) as server, watched(server.url) as w:
        running = await w.session.submit(Submission(slow(), "A slow one"))
        waiting = await w.session.submit(Submission(picture(2), "Another"))
        jobs = await until(lambda: w.session.jobs.running and w.session.jobs.pending and w.session.jobs)
        assert [(job.prompt_id, job.title, job.ours) for job in jobs.running] == [
            (running.prompt_id, "A slow one", True)
        ]
        assert [job.prompt_id for job in jobs.pending] == [waiting.prompt_id]
        await w.session.control.cancel([running.prompt_id])
        w.session.poke()
        ended = await until(lambda: len(w.session.jobs.ended) == 2 and w.session.jobs.ended)
        assert [job.state for job in ended] == [JobState.COMPLETED, JobState.CANCELLED]
        assert ended[0].outputs
        assert ended[0].elapsed_s(0) is not None


@LEGACY
async def test_a_foreign_job_is_named_by_what_it_makes(legacy: bool) -> None:
    async with DemoServer(legacy=legacy) as server, watched(server.url) as w:
        await w.session.client.submit(
            picture(), prompt_id=str(uuid.uuid4()), client_id="browser", extra_data={}
        )
        [job] = await until(lambda: w.session.jobs.ended)
        assert (job.title, job.ours) == ("SaveImage (2 nodes)", False)


async def test_polls_are_light_where_the_server_has_the_jobs_api() -> None:
    async with DemoServer() as server, watched(server.url) as w:
        await w.session.submit(Submission(picture(), "x"))
        await until(lambda: w.session.jobs.ended)
        server.faults.forget()
        await until(lambda: server.faults.count("/api/jobs") >= 6)
        assert server.faults.count("/history") == 0
        assert server.faults.count("/queue") == 0


async def test_history_is_never_asked_for_without_a_limit() -> None:
    async with DemoServer(legacy=True) as server, watched(server.url) as w:
        for color in range(5):
            await w.session.submit(Submission(picture(color), "x"))
        await until(lambda: len(w.session.jobs.ended) == 5)
        asked = [seen for seen in server.seen if seen.path == "/history"]
        assert asked
        assert all("max_items" in seen.query for seen in asked)


async def test_one_broken_route_leaves_the_rest() -> None:
    async with DemoServer() as server, watched(server.url) as w:
        await until(lambda: w.session.jobs.read_at_s)
        server.faults.set("/system_stats", status=500)
        await until(lambda: w.session.health.problem)
        assert w.session.health.stats is not None
        assert w.session.jobs.problem is None
        assert w.session.connection.link is Link.ONLINE
        server.faults.clear()
        await until(lambda: w.session.health.problem is None)


async def test_a_failing_jobs_api_falls_back_to_queue_and_history() -> None:
    async with DemoServer() as server, watched(server.url) as w:
        server.faults.set("/api/jobs", status=500)
        await w.session.submit(Submission(picture(), "x"))
        await until(lambda: w.session.jobs.ended)
        assert w.session.jobs.problem is None


async def test_something_else_at_the_address_is_trouble_not_offline() -> None:
    async with DemoServer() as server:
        server.faults.set("*", body="<html>hello</html>")
        async with watched(server.url) as w:
            await until(lambda: w.session.connection.link is Link.FAULTY)
            assert w.session.connection.problem is not None
            assert "not ComfyUI" in w.session.connection.problem.title


async def test_progress_comes_by_the_socket() -> None:
    async with DemoServer(speed=100) as server, watched(server.url) as w:
        await until(lambda: ("GET", "/ws") in server.requests)
        await w.session.submit(Submission(slow(seconds=300.0), "x"))
        update = await until(
            lambda: next(
                (u for u in w.updates if getattr(u, "node_title", "") == "A long rest" and u.max), None
            )  # type: ignore[union-attr]
        )
        assert update.nodes_total == 3
        assert 0 <= update.value <= update.max


async def test_no_socket_is_no_trouble() -> None:
    async with DemoServer() as server:
        server.faults.set("/ws", status=403)
        async with watched(server.url) as w:
            await w.session.submit(Submission(picture(), "x"))
            await until(lambda: w.session.jobs.ended)
            assert w.session.connection.link is Link.ONLINE


# -- once, and never lost ----------------------------------------------------------------------


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submit_module, "LOOK_DELAYS_S", (0.0, 0.05, 0.05))


@LEGACY
async def test_a_submit_that_arrived_without_an_answer_is_found(legacy: bool) -> None:
    async with DemoServer(legacy=legacy, speed=20) as server, watched(server.url) as w:
        lying_proxy = await answers_lost(server)
        async with watched(f"http://127.0.0.1:{lying_proxy[1]}") as lossy:
            sent = await lossy.session.submit(Submission(slow(), "x"))
        await until(lambda: w.session.jobs.running)
        assert w.session.jobs.running[0].prompt_id == sent.prompt_id
        assert server.faults.count("/prompt", "POST") == 1
        lying_proxy[0].close()


async def test_a_submit_that_did_not_arrive_is_kept_and_sent_again_when_told() -> None:
    async with DemoServer() as server, watched(server.url) as w:
        server.faults.set("/prompt", close=True, times=1)
        with pytest.raises(ApiError):
            await w.session.submit(Submission(picture(), "Precious"))
        [entry] = w.session.jobs.unsent
        assert (entry.title, entry.surely_unsent) == ("Precious", False)
        await w.session.send_again(entry.prompt_id)
        await until(lambda: w.session.jobs.ended)
        assert w.session.jobs.unsent == ()
        assert [job.prompt_id for job in w.session.jobs.ended] == [entry.prompt_id]


async def test_sending_again_looks_first() -> None:
    """The answer to the first attempt was lost, and the looks after it failed as well."""
    async with DemoServer(speed=20) as server, watched(server.url) as w:
        submission = Submission(slow(), "x")
        await w.session.client.submit(
            submission.prompt, prompt_id=submission.prompt_id, client_id="c", extra_data={}
        )
        await w.session.keep(lambda keeping: keeping.keep(submission, TimedOut("x")))
        await w.session.send_again(submission.prompt_id)
        assert server.faults.count("/prompt", "POST") == 1
        assert w.session.jobs.unsent == ()


async def test_an_unconfirmed_submit_that_turns_up_is_told() -> None:
    async with DemoServer(speed=20) as server, watched(server.url) as w:
        submission = Submission(slow(), "Lost and found")
        await w.session.keep(lambda keeping: keeping.keep(submission, TimedOut("x")))
        await until(lambda: w.session.jobs.unsent)
        await w.session.client.submit(
            submission.prompt, prompt_id=submission.prompt_id, client_id="c", extra_data={}
        )
        await until(lambda: not w.session.jobs.unsent)
        assert any("Lost and found" in notice.message for notice in w.notices)


async def test_a_submit_to_nobody_is_kept_as_surely_unsent() -> None:
    async with watched("http://127.0.0.1:9") as w:
        with pytest.raises(Unreachable):
            await w.session.submit(Submission(picture(), "x"))
        assert w.session.jobs.unsent[0].surely_unsent
        await w.session.discard_unsent(w.session.jobs.unsent[0].prompt_id)
        assert w.session.jobs.unsent == ()


# -- acting on jobs ----------------------------------------------------------------------------


@LEGACY
async def test_cancel_hits_only_what_was_named(legacy: bool) -> None:
    async with DemoServer(legacy=legacy, speed=20) as server, watched(server.url) as w:
        ids = [(await w.session.submit(Submission(slow(n), f"job {n}"))).prompt_id for n in range(4)]
        await until(lambda: len(w.session.jobs.pending) == 3)
        gone = str(uuid.uuid4())
        result = await w.session.control.cancel([ids[2], gone])
        assert (result.removed, result.interrupted, result.gone) == ((ids[2],), (), (gone,))
        w.session.poke()
        await until(lambda: [job.prompt_id for job in w.session.jobs.pending] == [ids[1], ids[3]])
        assert w.session.jobs.running[0].prompt_id == ids[0]
        result = await w.session.control.cancel([ids[0]])
        assert result.interrupted == (ids[0],)
        await until(lambda: w.session.jobs.running and w.session.jobs.running[0].prompt_id == ids[1])
        assert await w.session.control.clear_pending() == 1


@LEGACY
async def test_move_to_the_front_keeps_the_job(legacy: bool) -> None:
    async with DemoServer(legacy=legacy, speed=20) as server, watched(server.url) as w:
        ids = [(await w.session.submit(Submission(slow(n), f"job {n}"))).prompt_id for n in range(4)]
        await until(lambda: len(w.session.jobs.pending) == 3)
        assert await w.session.control.move_to_front(ids[3], "job 3")
        w.session.poke()
        await until(lambda: [job.prompt_id for job in w.session.jobs.pending] == [ids[3], ids[1], ids[2]])
        assert [job.title for job in w.session.jobs.pending] == ["job 3", "job 1", "job 2"]
        assert not await w.session.control.move_to_front(ids[0], "job 0")


@pytest.mark.parametrize("route", ["/prompt", "/history/*", "/queue"])
async def test_a_job_that_cannot_be_put_back_is_kept(route: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with DemoServer(speed=20) as server, watched(server.url) as w:
        ids = [(await w.session.submit(Submission(slow(n), f"job {n}"))).prompt_id for n in range(3)]
        await until(lambda: len(w.session.jobs.pending) == 2)
        delete = w.session.client.delete_pending

        async def delete_then_fail(prompt_ids: Sequence[str]) -> None:
            await delete(prompt_ids)
            server.faults.set(route, status=500)

        monkeypatch.setattr(w.session.client, "delete_pending", delete_then_fail)
        with pytest.raises(ApiError):
            await w.session.control.move_to_front(ids[2], "job 2")
        server.faults.clear()
        w.session.poke()
        await until(lambda: [entry.prompt_id for entry in w.session.jobs.unsent] == [ids[2]])


@LEGACY
async def test_requeue_with_a_new_seed_changes_only_the_seed(legacy: bool) -> None:
    async with DemoServer(legacy=legacy) as server, watched(server.url) as w:
        prompt = picture()
        prompt["1"]["inputs"]["seed"] = 7
        sent = await w.session.submit(Submission(prompt, "x", workflow={"id": "w", "nodes": []}))
        await until(lambda: w.session.jobs.ended)
        again = await w.session.control.requeue(sent.prompt_id, "x", new_seed=True)
        await until(lambda: len(w.session.jobs.ended) == 2)
        first = await w.session.control.record(sent.prompt_id)
        second = await w.session.control.record(again)
        assert first.prompt is not None
        assert second.prompt is not None
        assert second.workflow == first.workflow
        changed = {
            (node, name)
            for node, body in second.prompt.items()
            for name, value in body["inputs"].items()
            if value != first.prompt[node]["inputs"][name]
        }
        assert changed <= {("1", "seed")}


async def test_a_job_that_is_gone_is_said_to_be() -> None:
    async with DemoServer() as server, watched(server.url) as w:
        with pytest.raises(ComfyError, match="does not have"):
            await w.session.control.record(str(uuid.uuid4()))


async def test_free_reads_memory_again() -> None:
    async with DemoServer(warm_up=True) as server, watched(server.url) as w:
        await until(lambda: w.session.health.stats)
        words = await w.session.free(unload_models=True, free_memory=True)
        assert "VRAM" in words


async def test_free_waits_for_the_running_job_and_then_tells() -> None:
    async with DemoServer(speed=20) as server, watched(server.url) as w:
        sent = await w.session.submit(Submission(slow(), "x"))
        await until(lambda: w.session.jobs.running)
        assert "when the running job ends" in await w.session.free(unload_models=True, free_memory=False)
        await w.session.control.cancel([sent.prompt_id])
        notice = await until(lambda: next((n for n in w.notices if "Memory" in n.title), None))
        assert "VRAM" in notice.message


async def test_pause_asks_nothing_until_told() -> None:
    async with DemoServer() as server, watched(server.url) as w:
        await until(lambda: w.session.jobs.read_at_s)
        w.session.pause(True)
        w.session.poke()
        count = server.faults.count("/system_stats")
        await until(lambda: server.faults.count("/system_stats") > count)
        w.session.pause(False)
        await until(lambda: server.faults.count("/system_stats") > count + 2)


def test_the_install_id_lasts() -> None:
    assert read_install_id() == read_install_id()
    assert len(read_install_id()) == 32


async def test_jobs_that_a_restarted_server_has_forgotten_are_lost_and_told_once() -> None:
    server = DemoServer(speed=1)
    await server.start()
    async with watched(server.url) as w:
        await w.session.submit(Submission(slow(), "A slow one"))
        await w.session.submit(Submission(picture(2), "Another"))
        await until(lambda: w.session.jobs.running and w.session.jobs.pending)
        await server.stop()
        await until(lambda: w.session.connection.link is Link.OFFLINE)
        async with DemoServer(port=server.port):
            await until(lambda: w.session.connection.link is Link.ONLINE)
            (notice,) = w.notices
            assert notice.title == "Lost: 2 jobs"
            assert "A slow one (" in notice.message
            assert "Another (" in notice.message
            assert notice.severity == "warning"


async def test_jobs_that_outlive_a_broken_line_are_not_called_lost() -> None:
    async with DemoServer(speed=1) as server, watched(server.url) as w:
        await w.session.submit(Submission(slow(), "A slow one"))
        await until(lambda: w.session.jobs.running)
        w.session._lost(Unreachable("Gone", "", ""))
        await until(lambda: w.session.connection.link is Link.ONLINE)
        assert w.notices == []
