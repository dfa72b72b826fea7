"""The one socket: heard, lost, deaf, forbidden; and what a hostile one may do."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from comfy_tui.comfy.events import Event, LogLines
from comfy_tui.config import profile_from_url
from comfy_tui.demo.server import DemoServer
from comfy_tui.monitor import progress_feed
from comfy_tui.monitor.session import Session
from comfy_tui.monitor.state import Connection, Jobs, Progress, Source, Update
from comfy_tui.monitor.submit import Submission
from comfy_tui.options import Pace
from queue_support import graph, post_other, slow
from support import until


class Watched:
    """A session that runs, with all that it published."""

    def __init__(self, session: Session, updates: list[Update]) -> None:
        self.session, self.updates = session, updates

    async def live(self) -> None:
        await until(lambda: self.session.live.source is Source.LIVE, "the socket")

    async def submit(self, prompt: dict[str, Any], name: str = "mine") -> str:
        return (await self.session.submit(Submission(prompt, name))).prompt_id

    @property
    def progress(self) -> list[Progress]:
        return [update for update in self.updates if isinstance(update, Progress)]


@asynccontextmanager
async def watched(url: str, **options: Any) -> AsyncIterator[Watched]:
    updates: list[Update] = []
    values = {"install_id": "me", "interval_s": 0.2, "pace": Pace(reconnect_s=0.05, deaf_s=0.3), **options}
    session = Session(profile_from_url(url), updates.append, **values)
    task = asyncio.create_task(session.run())
    try:
        yield Watched(session, updates)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_one_socket_with_an_id_of_our_own_that_asks_for_previews_with_ids() -> None:
    async with DemoServer(speed=1) as server, watched(server.url) as w:
        await w.live()
        [client_id] = server.state.hub.client_ids
        assert client_id == w.session.live.client_id
        assert client_id.startswith("comfy-tui-")
        await until(lambda: server.state.hub.wants_metadata(client_id))
        assert [update.source for update in w.updates if isinstance(update, Connection)][-1] is Source.LIVE


async def test_steps_speed_cached_nodes_and_a_picture_are_told_of_our_job() -> None:
    async with DemoServer(speed=5) as server, watched(server.url) as w:
        await w.live()
        await w.submit(graph())
        await server.wait_idle()
        prompt_id = await w.submit(slow())
        seen = await until(
            lambda: next((p for p in w.progress if p.steps_left_s and p.preview and p.per_s), None)
        )
        assert (seen.prompt_id, seen.node_title, seen.max) == (prompt_id, "DemoSleep", 600)
        assert (seen.nodes_done, seen.nodes_total, seen.nodes_cached) == (1, 3, 1)
        assert seen.per_s == pytest.approx(50, rel=0.5)
        assert seen.preview.image.startswith(b"\xff\xd8")


async def test_a_burst_of_events_is_shown_at_most_ten_times_a_second() -> None:
    assert progress_feed.PROGRESS_STEP_S >= 0.1
    async with DemoServer(speed=1, legacy=True, previews=False) as server, watched(server.url) as w:
        await w.live()
        await w.submit(graph("DemoHang"))
        await until(lambda: w.progress and w.progress[-1].node_id == "3")
        before, began = len(w.progress), asyncio.get_running_loop().time()
        running = server.state.queue.running
        assert running is not None
        for step in range(2000):
            data = {"value": step, "max": 2000, "prompt_id": running.prompt_id, "node": "3"}
            server.send_raw({"type": "progress", "data": data}, w.session.live.client_id)
        await until(lambda: w.progress[-1].value == 1999)
        spent = asyncio.get_running_loop().time() - began
        assert len(w.progress) - before <= spent / 0.1 + 2


async def test_after_a_broken_link_the_same_id_is_used_and_our_job_goes_on_being_told() -> None:
    async with DemoServer(speed=1, previews=False) as server, watched(server.url) as w:
        await w.live()
        client_id = w.session.live.client_id
        await w.submit(slow())
        await until(lambda: w.progress and w.progress[-1].value)
        await server.drop_sockets()
        await until(lambda: w.session.live.source is Source.POLLING)
        await w.live()
        assert w.session.live.client_id == client_id
        value = w.progress[-1].value
        await until(lambda: w.progress[-1].value > value)


async def test_a_gap_is_closed_by_asking() -> None:
    async with DemoServer(speed=1, previews=False) as server, watched(server.url, interval_s=3600) as w:
        await w.live()
        prompt_id = await w.submit(slow())
        await until(lambda: w.session.jobs.running)
        server.faults.set("/ws", status=503)
        await server.drop_sockets()
        await until(lambda: w.session.live.source is Source.POLLING)
        await until(lambda: w.session.jobs.running)
        async with httpx.AsyncClient(base_url=server.url, trust_env=False) as browser:
            await browser.post("/interrupt")
        await server.wait_idle()
        assert w.session.jobs.find(prompt_id) in w.session.jobs.running
        server.faults.clear()
        await until(lambda: [job.prompt_id for job in w.session.jobs.ended] == [prompt_id])
        assert not w.session.jobs.running


async def test_a_deaf_socket_is_noticed_within_two_polls_and_made_anew() -> None:
    async with DemoServer(speed=1, previews=False) as server, watched(server.url, interval_s=3600) as w:
        await w.live()
        old = w.session.live.client_id
        await until(lambda: w.session.jobs.read_at_s)
        server.deafen_sockets()
        await post_other(server)

        async def poll() -> None:
            read_at_s = w.session.jobs.read_at_s
            w.session.poke()
            await until(lambda: w.session.jobs.read_at_s != read_at_s)

        await poll()  # the one that was under way
        await poll()
        assert w.session.jobs.running
        assert w.session.live.client_id == old
        async with asyncio.timeout(20):
            while w.session.live.client_id == old:
                await poll()
        await w.live()
        assert server.state.hub.client_ids == (w.session.live.client_id,)


async def test_the_end_of_an_older_socket_with_our_id_does_not_leave_us_deaf() -> None:
    async with DemoServer(speed=1, previews=False) as server, watched(server.url) as w:
        await w.live()
        old = w.session.live.client_id
        async with connect(f"{server.url.replace('http', 'ws')}/ws?clientId={old}") as twin:
            await twin.recv()
        await until(lambda: not server.state.hub.client_ids)
        await post_other(server)
        await until(lambda: server.state.hub.client_ids, "the new socket")
        assert w.session.live.client_id != old


async def test_an_idle_server_is_not_taken_for_a_deaf_socket() -> None:
    async with DemoServer(speed=1) as server, watched(server.url) as w:
        await w.live()
        old = w.session.live.client_id
        server.faults.forget()
        await server.faults.arrived("/system_stats", 12)
        assert (w.session.live.client_id, server.faults.count("/ws")) == (old, 0)


async def test_where_a_proxy_forbids_the_socket_everything_works_by_polling() -> None:
    async with DemoServer(speed=50) as server:
        server.faults.set("/ws", status=403)
        async with watched(server.url) as w:
            await until(lambda: w.session.connection.source is Source.POLLING)
            assert "403" in w.session.connection.source_why
            prompt_id = await w.submit(graph())
            await until(lambda: [job.prompt_id for job in w.session.jobs.ended] == [prompt_id])
            assert w.session.connection.source is Source.POLLING


async def test_where_it_is_another_program_that_answers_the_socket_it_is_said() -> None:
    async with DemoServer() as server:
        server.faults.set("/ws", body="<html>hello</html>")
        async with watched(server.url) as w:
            why = await until(lambda: w.session.connection.source_why)
            assert "200" in why


async def test_steps_of_another_persons_job_are_read_from_the_log() -> None:
    async with DemoServer(speed=1, previews=False) as server, watched(server.url) as w:
        await w.live()
        heard: list[Event] = []
        stop = w.session.live.hear(heard.append)
        await until(lambda: w.session.live.hears_logs)
        prompt_id = await post_other(server)
        await until(lambda: w.session.jobs.running)
        server.state.logs.write("\r 35%|###5      | 7/20 [00:03<00:05,  2.31it/s]")
        seen = await until(lambda: next((p for p in w.progress if p.from_log), None))
        assert (seen.prompt_id, seen.value, seen.max, seen.per_s) == (prompt_id, 7, 20, 2.31)
        lines = [event for event in heard if isinstance(event, LogLines)]
        assert any("7/20" in entry.text for event in lines for entry in event.entries)
        stop()


async def test_bars_in_the_log_are_nobodys_where_nothing_runs_and_never_overrule_the_socket() -> None:
    async with DemoServer(speed=1, previews=False) as server, watched(server.url) as w:
        await until(lambda: w.session.live.hears_logs)
        server.state.logs.write("\r 35%|###5      | 7/20 [00:03<00:05,  2.31it/s]")
        await w.submit(slow())
        await until(lambda: w.progress and w.progress[-1].value)
        server.state.logs.write("\r 35%|###5      | 7/20 [00:03<00:05,  2.31it/s]")
        value = w.progress[-1].value
        await until(lambda: w.progress[-1].value > value)
        assert not any(p.from_log for p in w.progress)


async def test_a_readonly_console_changes_nothing_and_hears_no_log() -> None:
    async with DemoServer(speed=1) as server, watched(server.url, readonly=True) as w:
        await w.live()
        await until(lambda: w.session.live.hears_logs is False)
        assert {method for method, _ in server.requests} == {"GET"}


GARBAGE: list[str | bytes] = [
    *(b"", b"\0\0\0\x01", b"\0\0\0\x04\xff\xff\xff\xff{}", struct.pack(">II", 4, 3) + b"[1]" + b"x"),
    *(struct.pack(">II", 1, 1) + b"no picture", struct.pack(">II", 9, 1) + b"x" * 100, b"\xff" * 9_000_000),
    *("", "null", "[]", "{", '{"type": 1}', '{"type": "status", "data": []}', "[" * 100_000, "\ud7ff" * 9),
    '{"type": "progress_state", "data": {"prompt_id": "p", "nodes": {"1": 5, "2": {"value": "x"}}}}',
    '{"type": "progress_state", "data": {"prompt_id": "p", "nodes": []}}',
    '{"type": "logs", "data": {"entries": [1, {"m": 2}, {"t": 3, "m": "x"}]}}',
    '{"type": "executing", "data": {"prompt_id": "p", "node": 7, "display_node": {}}}',
    '{"type": "progress", "data": {"prompt_id": "p", "node": null, "value": NaN, "max": Infinity}}',
    json.dumps({"type": "padding", "data": {"x": "y" * 6_000_000}}),
]


async def test_garbage_on_the_socket_does_no_harm() -> None:
    async with DemoServer(speed=1, previews=False) as server, watched(server.url) as w:
        await w.live()
        for message in GARBAGE:
            server.send_raw(message)
        prompt_id = await w.submit(slow())
        await until(lambda: w.progress and w.progress[-1].prompt_id == prompt_id and w.progress[-1].value)
        assert server.faults.count("/ws") == 1


async def test_a_message_without_end_costs_the_socket_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("comfy_tui.comfy.socket.MESSAGE_LIMIT_BYTES", 1_000_000)
    async with DemoServer(speed=1, previews=False) as server, watched(server.url) as w:
        await w.live()
        prompt_id = await w.submit(slow())
        server.send_raw(b"\0" * 2_000_000)
        await until(lambda: server.faults.count("/ws") == 2)
        await w.live()
        await until(lambda: w.progress and w.progress[-1].prompt_id == prompt_id and w.progress[-1].value)


async def test_what_a_screen_does_never_holds_up_the_reading() -> None:
    """A hundred megabytes are read although nobody takes anything in."""
    done = asyncio.Event()

    async def flood(connection: ServerConnection) -> None:
        for _ in range(100):
            await connection.send(b"\0" * 1_000_000)
        done.set()
        await connection.wait_closed()

    async with serve(flood, "127.0.0.1", 0, compression=None) as server:
        port = server.sockets[0].getsockname()[1]
        async with watched(f"http://127.0.0.1:{port}"):
            await asyncio.wait_for(done.wait(), 20)


async def test_a_second_run_of_a_workflow_is_told_when_it_will_be_done_by_the_first() -> None:
    async with DemoServer(speed=20, previews=False) as server, watched(server.url) as w:
        await w.live()
        await w.submit(graph("DemoSleep", seconds=20.0, steps=20))
        await server.wait_idle()
        first = await until(lambda: w.session.jobs.ended and w.session.jobs.ended[0])
        ran = [job for jobs in w.updates if isinstance(jobs, Jobs) for job in jobs.running]
        assert ran
        assert all(job.usual_s is None for job in ran)
        second = await w.submit(graph("DemoSleep", seconds=20.1, steps=20))
        seen = await until(lambda: next((job for job in w.session.jobs.running if job.usual_s), None))
        assert seen.prompt_id == second
        assert seen.usual_s == pytest.approx(first.elapsed_s(0), abs=0.2)
        other = await w.submit(graph("DemoSleep", seconds=20.2, steps=30))
        [job] = await until(
            lambda: [job for job in w.session.jobs.running if job.prompt_id == other and job.summary]
        )
        assert job.usual_s is None


async def test_a_link_that_has_died_without_a_word_is_noticed_by_our_ping(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The other end may hold our id still, and would drop us with it: the next connection has a new one."""
    monkeypatch.setattr("comfy_tui.comfy.socket.PING_S", 0.3)
    dead = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", server.port)
        is_socket = False

        async def pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            nonlocal is_socket
            while chunk := await source.read(65536):
                is_socket = is_socket or b"GET /ws" in chunk
                if is_socket and dead.is_set() and target is writer:
                    await asyncio.sleep(3600)
                target.write(chunk)
            target.close()

        await asyncio.gather(pass_on(reader, up_writer), pass_on(up_reader, writer), return_exceptions=True)

    async with DemoServer(speed=1, previews=False) as server:
        relay = await asyncio.start_server(handle, "127.0.0.1", 0)
        port = relay.sockets[0].getsockname()[1]
        async with watched(f"http://127.0.0.1:{port}") as w:
            await w.live()
            old = w.session.live.client_id
            dead.set()
            await until(lambda: w.session.live.client_id != old)
            assert "did not answer" in w.session.connection.source_why
            dead.clear()
            await w.live()
        relay.close()


async def test_memory_of_a_job_is_kept_before_at_most_and_after_by_the_polls() -> None:
    async with DemoServer(speed=1, previews=False) as server, watched(server.url) as w:
        await until(lambda: w.session.health.stats and w.session.jobs.read_at_s)
        prompt_id = await w.submit(slow())
        await until(lambda: w.session.register.memory_of(prompt_id))
        server.state.memory.outside_bytes = 2_000_000_000
        await until(lambda: w.session.register.memory_of(prompt_id).peak_bytes > 2_000_000_000)
        server.state.memory.outside_bytes = 1_000_000_000
        server.state.queue.interrupt()
        memory = await until(
            lambda: (found := w.session.register.memory_of(prompt_id)) and found.after_bytes and found
        )
        driver = 400 * 1024**2
        assert memory.before_bytes == driver
        assert memory.peak_bytes == driver + 2_000_000_000
        assert memory.after_bytes == driver + 1_000_000_000
