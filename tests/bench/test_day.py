"""A day of a console that is left open: 10,000 polls, 2,000 jobs, 200 reconnects, in simulated time.

The session, its journal on a disk, and all that looks at what it publishes are the real ones; the server is
a few dictionaries behind the client's HTTP connection.  After the first hours nothing may grow but the
journal's file, and that only up to its bound.
"""

from __future__ import annotations

import gc
import json
import time
import tracemalloc
import types
import uuid
from collections import Counter, OrderedDict, deque
from pathlib import Path
from typing import Any

import pytest

from comfy_tui.alert_settings import AlertSettings
from comfy_tui.comfy.events import Executing, Greeted, NodeProgress, ProgressState, QueueChanged, Started
from comfy_tui.config import profile_from_url
from comfy_tui.errors import ComfyError, Unreachable
from comfy_tui.monitor.attendant import Attendant
from comfy_tui.monitor.journal import Journal
from comfy_tui.monitor.session import Session
from comfy_tui.monitor.state import Update
from comfy_tui.monitor.submit import Submission
from comfy_tui.options import Pace

POLLS, JOBS, RECONNECTS = 10_000, 2_000, 200
DAY_S = 24 * 3600.0
_HISTORY = 300
_JOURNAL_BYTES = 4 * 1024 * 1024
#: What fills up slowly to a bound of its own: alerts that were given, titles of prompts without an end.
_BOUNDED = ("._rules._given", "._tracker._titles")


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


def prompt(number: int) -> dict[str, Any]:
    nodes = {
        str(node): {"class_type": f"Node{node}", "inputs": {"value": number, "text": f"job {number} " * 5}}
        for node in range(1, 21)
    }
    nodes["21"] = {"class_type": "SaveImage", "inputs": {"images": ["1", 0]}}
    return nodes


class Server:
    """A ComfyUI 0.26 of a few dictionaries, as the client's HTTP connection."""

    readonly = False
    response_time_s = 0.01

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.down = False
        self.start()

    def start(self) -> None:
        self.counter = 0
        self.started_s = self.clock()
        self.queue: list[list[Any]] = []
        self.history: OrderedDict[str, Any] = OrderedDict()

    def put(self, body: dict[str, Any]) -> str:
        extra = {
            **body["extra_data"],
            "client_id": body["client_id"],
            "create_time": int(self.clock() * 1000),
        }
        self.queue.append([self.counter, body["prompt_id"], body["prompt"], extra, ["21"]])
        self.counter += 1
        return str(body["prompt_id"])

    def finish(self, *, failed: bool) -> str:
        item = self.queue.pop(0)
        at = {"prompt_id": item[1], "timestamp": int(self.clock() * 1000)}
        last: tuple[str, dict[str, Any]] = ("execution_success", at)
        if failed:
            words = {"exception_type": "ValueError", "exception_message": "no", "traceback": ["a", "b"]}
            last = ("execution_error", {**at, "node_id": "1", "node_type": "Node1", **words})
        image = {"filename": f"{item[0]}.png", "subfolder": "", "type": "output"}
        self.history[item[1]] = {
            "prompt": item,
            "outputs": {"21": {"images": [image]}},
            "status": {
                "status_str": "error" if failed else "success",
                "completed": not failed,
                "messages": [["execution_start", at], list(last)],
            },
        }
        while len(self.history) > _HISTORY:
            self.history.popitem(last=False)
        return str(item[1])

    # -- as an HttpConnection ------------------------------------------------------------------

    async def close(self) -> None:
        pass

    async def read_text(self, path: str, limit_bytes: int) -> bytes:
        return json.dumps(await self.read_json(path)).encode()

    async def read_json(self, path: str, params: dict[str, str] | None = None) -> Any:
        if self.down:
            raise Unreachable("No connection", "the machine is away")
        params = params or {}
        if path == "/system_stats":
            used = (int(self.clock()) % 10) << 30
            gpu = {"name": "cuda:0", "type": "cuda", "index": 0, "vram_total": 24 << 30}
            return {
                "system": {"comfyui_version": "0.26.0", "ram_total": 1 << 36, "ram_free": 1 << 35},
                "devices": [{**gpu, "vram_free": (24 << 30) - used}],
            }
        if path == "/queue":
            return json.loads(json.dumps({"queue_running": self.queue[:1], "queue_pending": self.queue[1:]}))
        if path == "/api/jobs":
            return self._jobs(params)
        if path == "/history":
            wanted = list(self.history.items())[-int(params["max_items"]) :]
            return json.loads(json.dumps(dict(wanted)))
        if path.startswith("/history/"):
            prompt_id = path.removeprefix("/history/")
            found = self.history.get(prompt_id)
            return json.loads(json.dumps({prompt_id: found})) if found else {}
        if path.startswith("/internal/logs"):
            at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self.started_s))
            return {"entries": [{"t": at, "m": "To see the GUI go to: http://127.0.0.1:8188\n"}], "size": {}}
        raise Unreachable("No such route", path)

    def _jobs(self, params: dict[str, str]) -> Any:
        if "pending" in params["status"]:
            jobs = [
                {
                    "id": item[1],
                    "status": "pending" if place else "in_progress",
                    "priority": item[0],
                    "create_time": item[3]["create_time"],
                }
                for place, item in enumerate(self.queue)
            ]
            return {"jobs": jobs[::-1], "pagination": {"total": len(jobs)}}
        ended = []
        for entry in list(self.history.values())[::-1][: int(params["limit"])]:
            number, prompt_id, _, extra, _ = entry["prompt"]
            status = "completed" if entry["status"]["completed"] else "failed"
            end = entry["status"]["messages"][-1][1]["timestamp"]
            ended.append(
                {
                    "id": prompt_id,
                    "status": status,
                    "priority": number,
                    "create_time": extra["create_time"],
                    "execution_start_time": end,
                    "execution_end_time": end,
                }
            )
        return {"jobs": ended, "pagination": {"total": len(self.history)}}

    async def send_json(self, path: str, payload: Any) -> Any:
        if self.down:
            raise Unreachable("No connection", "the machine is away")
        if path == "/prompt":
            prompt_id = self.put(json.loads(json.dumps(payload)))
            return {"prompt_id": prompt_id, "number": self.counter - 1, "node_errors": {}}
        return None


class Silent:
    """A voice that says nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


def sizes(root: object) -> Counter[str]:
    """How many things the containers of our objects hold, by the path to each."""
    found: Counter[str] = Counter()
    seen: set[int] = set()
    todo: list[tuple[str, object]] = [("", root)]
    while todo:
        path, thing = todo.pop()
        if id(thing) in seen or isinstance(thing, type | types.ModuleType | types.FunctionType | str | bytes):
            continue
        seen.add(id(thing))
        if isinstance(thing, types.MethodType):
            todo.append((path, thing.__self__))
        elif isinstance(thing, dict | set | list | deque | tuple | frozenset):
            found[path] += len(thing)
            inner = thing.values() if isinstance(thing, dict) else thing
            todo += [(path + "[]", one) for one in list(inner)[:2000]]
        elif type(thing).__module__.startswith("comfy_tui"):
            names = [*getattr(thing, "__dict__", {}), *getattr(type(thing), "__slots__", ())]
            todo += [(f"{path}.{name}", getattr(thing, name, None)) for name in names]
    return found


class Day:
    """The console and its server, hour by hour."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.server = Server(self.clock)
        self.journal_file = folder / "journal.sqlite3"
        self.journal = Journal(self.journal_file, keep_bytes=_JOURNAL_BYTES, clock=self.clock)
        self.published: Counter[str] = Counter()
        profile = profile_from_url("http://127.0.0.1:9")
        self.session = Session(
            profile,
            self._take,
            install_id="me",
            clock=self.clock,
            journal=self.journal,
            pace=Pace(look_delays_s=(0.0,)),
        )
        self.session.client._http = self.server  # type: ignore[assignment]
        self.attendant = Attendant(
            profile,
            AlertSettings(),
            Silent(),  # type: ignore[arg-type]
            lambda events: None,
            self.journal.add_event,
            clock=self.clock,
        )
        self.submitted = 0

    def _take(self, update: Update) -> None:
        self.published[type(update).__name__] += 1
        self.attendant.take(update)

    async def poll(self, number: int) -> None:
        session, server = self.session, self.server
        self.clock.now_s += DAY_S / POLLS
        if number % (POLLS // RECONNECTS) == 0:
            await self._reconnect(number)
        if number % (POLLS // JOBS) == 0:
            await self._job()
        running = server.queue[0] if server.queue else None
        if running is not None:
            self._events(running)
        if running is not None and number % 4 == 0 and len(server.queue) > 1:
            ended = server.finish(failed=number % 40 == 0)
            session._take_event(Executing(ended, None))
            session._take_event(QueueChanged(len(server.queue)))
        await session._tick()

    async def _job(self) -> None:
        self.submitted += 1
        if self.submitted % 4:
            await self.session.submit(Submission(prompt(self.submitted), f"job {self.submitted % 30}"))
        else:
            body = {"prompt": prompt(self.submitted), "prompt_id": str(uuid.uuid4()), "client_id": "other"}
            self.server.put({**body, "extra_data": {}})

    def _events(self, running: list[Any]) -> None:
        states = (NodeProgress("1", 3.0, 20.0, finished=False),)
        for event in (Started(running[1]), ProgressState(running[1], states)):
            self.session._take_event(event)

    async def _reconnect(self, number: int) -> None:
        """The line breaks for a poll; now and then the server was started again meanwhile."""
        self.server.down = True
        await self.session._tick()
        self.clock.now_s += 2
        if number % (POLLS // 20) == 0:
            self.server.start()
            try:
                await self.session.submit(Submission(prompt(0), "offline"))
            except ComfyError:
                self.submitted += 1
        self.server.down = False
        self.session._gap()
        self.session._take_event(Greeted(len(self.server.queue)))
        for entry in self.session.jobs.kept:
            await self.session.keep(lambda keeping, one=entry.prompt_id: keeping.queue_again([one]))
        for entry in self.session.jobs.unsent:
            await self.session.discard_unsent(entry.prompt_id)


@pytest.mark.bench
async def test_a_day_costs_no_memory(tmp_path: Path) -> None:
    day = Day(tmp_path)
    tracemalloc.start()
    began = time.perf_counter()
    hours: list[tuple[int, int, int]] = []
    held: dict[int, Counter[str]] = {}
    for number in range(1, POLLS + 1):
        await day.poll(number)
        if number % (POLLS // 24) == 0:
            hour = number // (POLLS // 24)
            await day.journal.call(lambda connection: None)  # all that was posted is written
            gc.collect()
            hours.append((hour, tracemalloc.get_traced_memory()[0], len(gc.get_objects())))
            if hour in (12, 24):  # what is kept of it counts as memory, too
                held[hour] = sizes((day.session, day.attendant))
            print(f"hour {hour:2}: {hours[-1][1] / 1e6:7.2f} MB, {hours[-1][2]:7} objects")
    tracemalloc.stop()
    await day.attendant.close()
    await day.journal.aclose()
    assert day.journal.durable
    size = sum(file.stat().st_size for file in tmp_path.iterdir())
    spent = time.perf_counter() - began
    print(f"{POLLS} polls, {day.submitted} jobs in {spent:.0f} s; journal {size / 1e6:.1f} MB")
    print(f"published: {dict(day.published)}")
    # The length of the queue goes up and down with the restarts: the second half day is held to the first.
    before, after = held[12], held[24]
    grown = {
        path: (before[path], now)
        for path, now in after.items()
        if now > before[path] * 1.2 + 60 and not path.rstrip("[]").endswith(_BOUNDED)
    }
    assert not grown, f"grew between hour 12 and hour 24: {grown}"
    early = max(memory for hour, memory, _ in hours if 1 < hour <= 12)
    late = max(memory for hour, memory, _ in hours if hour > 12)
    assert late < early * 1.1 + 200_000, f"{early} bytes in the first half day, {late} in the second"
    assert size < 3 * _JOURNAL_BYTES
