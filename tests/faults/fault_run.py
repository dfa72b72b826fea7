"""One seeded run: a real console behind a proxy that misbehaves, keys by dice, and the account afterwards.

The account is held against the demo server's own record (:mod:`comfy_tui.demo.record`): every prompt it
ever took, by its id and by a mark in the prompt that belongs to one workflow.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from textual import events

from comfy_tui.app import ComfyApp
from comfy_tui.comfy.types import JobState
from comfy_tui.demo.record import Fate, Taken
from comfy_tui.demo.server import DemoServer
from comfy_tui.errors import ComfyError, Refused
from comfy_tui.monitor.journal.row import Fate as Known
from comfy_tui.monitor.keeping import Keeping
from comfy_tui.monitor.session import Session
from comfy_tui.monitor.state import Job, Kept, Link, Unsent
from comfy_tui.monitor.submit import Submission
from comfy_tui.options import Pace
from comfy_tui.screens.queue import QueueScreen
from comfy_tui.widgets.row_list import RowList
from fault_proxy import HTTP_FAULTS, SOCKET_FAULTS, FaultProxy, Storm
from support import Console, options_for, until

PACE = Pace(look_delays_s=(0.0, 0.03, 0.06), reconnect_s=0.05, deaf_s=0.2)
#: A call may take so many times what one takes without a proxy, on a machine as busy as it is.
_TIMES, _LEAST_S = 6.0, 0.2
#: Longer than most runs: what polls is what the console itself finds worth a poll, and the keys.
INTERVAL_S = 1.0
_FATES = {
    JobState.COMPLETED: Fate.COMPLETED,
    JobState.FAILED: Fate.FAILED,
    JobState.CANCELLED: Fate.CANCELLED,
}
_WAIT_S = 60.0
#: So many runs share a console; what opens it costs more than a run.
GROUP = 10


class Faulty(AssertionError):
    """A promise that the console did not keep."""


class WatchedApp(ComfyApp):
    """The console, with everything that it told."""

    told: list[tuple[str, str, str]]

    def __init__(self, options: Any) -> None:
        self.told = []
        super().__init__(options)

    def tell(self, title: str, message: str, *, severity: str = "information", **how: Any) -> None:
        self.told.append((severity, title, message))
        super().tell(title, message, severity=severity, **how)


def prompt(kind: str, mark: int) -> dict[str, Any]:
    """A workflow of a kind, with its mark as a colour."""
    found: dict[str, Any] = {
        "1": {
            "class_type": "EmptyImage",
            "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": mark},
            "_meta": {"title": "Paper"},
        },
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["3", 0]}, "_meta": {"title": "Show"}},
    }
    node: dict[str, Any] = {
        "quick": {"class_type": "DemoSleep", "inputs": {"seconds": 20.0, "steps": 4}},
        "endless": {"class_type": "DemoHang", "inputs": {}},
        "failing": {"class_type": "DemoError", "inputs": {"message": "as asked"}},
    }[kind]
    node["inputs"]["image"] = ["1", 0]
    found["3"] = node
    return found


def mark_of(taken: dict[str, Any]) -> int:
    """The mark of a prompt."""
    return int(taken["1"]["inputs"]["color"])


class Runs:
    """Plays some seeds, one after the other in one console, and checks the account after each.

    The server is started again before each: what was left on it is lost then, and stays in the account.

    Args:
        seeds: each decides everything that is decided by dice in its run.
        folder: an empty one, for workflows.
        monkeypatch: to look over the console's shoulder.
    """

    def __init__(self, seeds: Sequence[int], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._seeds = seeds
        self.seed = seeds[0]
        self.dice = random.Random(f"group {self.seed // GROUP}")
        self._folder = folder
        self._patch = monkeypatch
        self.story: list[str] = []
        #: How many submissions of a mark were asked for, by whoever it was.
        self.asked: Counter[int] = Counter()
        #: Prompts that a key of ours took out of the queue, or asked to.
        self.dropped: set[str] = set()
        #: Unconfirmed submissions that a key discarded, or sent again.
        self.discarded: set[str] = set()
        #: Lost and gone jobs for which a key asked: each is queued again once, however often that is.
        self.requeued: set[str] = set()
        #: What the console handed to its session, and how that ended.
        self.submitted: dict[str, tuple[int, list[str]]] = {}
        self.escaped: list[str] = []
        self._marks = iter(range(1, 10_000))
        self._files: list[int] = []

    def say(self, words: str) -> None:
        """A line of the story that a failure prints."""
        self.story.append(words)

    # -- the stage -----------------------------------------------------------------------------

    async def play(self) -> None:
        """Set the stage, press the keys, heal everything, and check."""
        loop = asyncio.get_running_loop()
        before = asyncio.all_tasks()
        loop.set_exception_handler(lambda _, context: self.escaped.append(str(context)))
        listener = _Errors(self.escaped)
        logging.getLogger("asyncio").addHandler(listener)
        try:
            async with DemoServer(legacy=self.dice.random() < 0.4, previews=False) as server:
                self.server = server
                async with FaultProxy(server.port, self.seed) as proxy:
                    self.proxy = proxy
                    await self._with_console(proxy.url)
            await until(
                lambda: not (asyncio.all_tasks() - before),
                f"tasks to end: {[t for t in asyncio.all_tasks() - before]}",
                _WAIT_S,
            )
        finally:
            logging.getLogger("asyncio").removeHandler(listener)
            loop.set_exception_handler(None)
        if self.escaped:
            raise Faulty(f"escaped: {self.escaped[:3]}")

    async def _with_console(self, url: str) -> None:
        began = time.monotonic()
        await self._post("quick")
        pace = replace(PACE, timeout_s=max(_LEAST_S, _TIMES * (time.monotonic() - began)))
        project = self._make_project()
        self._watch()
        app = WatchedApp(
            options_for(url, interval_s=INTERVAL_S, pace=pace, **({"project": project} if project else {}))
        )
        self.app = app
        async with app.run_test(size=(80, 24), notifications=True) as pilot:
            self.ui = Console(app, pilot)
            await self.ui.online()
            await self._press("3")
            for seed in self._seeds:
                self.seed = seed
                self.dice = random.Random(seed)
                self.story.append(f"seed {seed}")
                await self._run()
                if self.escaped:
                    raise Faulty(f"escaped: {self.escaped[:3]}")

    async def _run(self) -> None:
        self.proxy.begin(self.seed)
        if self.seed != self._seeds[0]:
            await self.server.stop()
            await self.server.start()
        for kind in self.dice.choices(("quick", "failing", "endless"), (4, 1, 1), k=2):
            await self._post(kind)
        await self._polled()
        for step in range(self.dice.randrange(6, 11)):
            await self._step(step)
        await self.settle()
        await self.account()

    def _make_project(self) -> Path | None:
        """In some of the groups workflows are queued from their screen, which costs time to open."""
        if self.dice.random() < 0.75:
            return None
        folder = self._folder / "project" / "workflows"
        folder.mkdir(parents=True)
        for _ in range(3):
            mark = next(self._marks)
            self._files.append(mark)
            kind = self.dice.choice(("quick", "quick", "endless"))
            (folder / f"job-{mark}.json").write_text(json.dumps(prompt(kind, mark)))
        return folder.parent

    async def _post(self, kind: str) -> None:
        """A prompt of somebody else, without the proxy."""
        mark = next(self._marks)
        self.asked[mark] += 1
        body = {"prompt": prompt(kind, mark), "prompt_id": str(uuid.uuid4()), "client_id": "someone"}
        async with httpx.AsyncClient(base_url=self.server.url, trust_env=False, verify=False) as client:
            answer = await client.post("/prompt", json=body)
        assert answer.status_code == 200, answer.text

    def _watch(self) -> None:
        """Note what the keys act on, what is submitted, and what is told."""
        run = self
        real_chosen, real_submit = QueueScreen.chosen_entries, Session.submit

        def chosen(screen: QueueScreen) -> tuple[Any, ...]:
            run.chosen = real_chosen(screen)
            return run.chosen

        async def submit(session: Session, submission: Submission) -> Any:
            ends = run.submitted.setdefault(submission.prompt_id, (mark_of(dict(submission.prompt)), []))[1]
            try:
                sent = await real_submit(session, submission)
            except Refused:
                ends.append("refused")
                raise
            except ComfyError as error:
                ends.append(f"unknown: {error.title}")
                raise
            except asyncio.CancelledError:
                ends.append("interrupted")
                raise
            ends.append("taken")
            if not run.taken(submission.prompt_id):
                run.escaped.append(f"told as queued, but the server never took {submission.prompt_id}")
            return sent

        real_again = Keeping.queue_again

        async def queue_again(keeping: Keeping, prompt_ids: Sequence[str]) -> Any:
            run._ask_once(prompt_ids)
            return await real_again(keeping, prompt_ids)

        self.chosen: tuple[Any, ...] = ()
        self._patch.setattr(Keeping, "queue_again", queue_again)
        self._patch.setattr(QueueScreen, "chosen_entries", chosen)
        self._patch.setattr(Session, "submit", submit)

    def taken(self, prompt_id: str) -> list[Taken]:
        """The server's record of an id."""
        return [taken for taken in self.server.record.taken if taken.prompt_id == prompt_id]

    # -- steps ---------------------------------------------------------------------------------

    async def _step(self, number: int) -> None:
        steps: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (5, self._brew),
            (2, self._calm),
            (6, self._again),
            (3, self._cancel),
            (1, self._clear),
            (2, self._front),
            (2, self._unsent),
            (2, self._hold),
            (2, self._resume),
            (2, self._lost),
            (2, self._kept),
            (2, self._somebody),
            (2, self._restart),
            (1, self._refuse),
            (1, self._cut),
            (1, self._refresh),
        ]
        if self._files:
            steps.append((5, self._queue_file))
        weights = [weight for weight, _ in steps]
        act = self._brew if number == 0 else self.dice.choices([step for _, step in steps], weights)[0]
        self.say(f"{number}: {getattr(act, '__name__', act)}")
        await act()
        # Sometimes the next key comes before anything of this one has come back, or was seen by a poll.
        patience = self.dice.random()
        if patience < 0.6:
            await self._quiet()
        if patience < 0.3:
            await self._polled()

    async def _quiet(self) -> None:
        """Wait until no action is under way."""
        await until(lambda: not self.app.actions_under_way, "actions to end", _WAIT_S)

    async def _polled(self) -> None:
        """Wait for a poll, whether it works or not."""
        before = (self.app.jobs, self.app.connection)
        if self.app.session is not None:
            self.app.session.poke()
        with contextlib.suppress(AssertionError):
            await until(lambda: (self.app.jobs, self.app.connection) != before, "", 0.5)

    async def _brew(self) -> None:
        likely = self.dice.choice((0.1, 0.3, 0.6, 1.0))
        chosen = tuple(self.dice.sample(HTTP_FAULTS, self.dice.randrange(1, 5)))
        sockets = (self.dice.choice((0.0, 0.5, 1.0)), SOCKET_FAULTS)
        where = self.dice.choice(("all", "writes", "reads"))
        writes = ("POST /prompt", "POST /queue", "POST /interrupt", "POST /jobs")
        faults: dict[str, tuple[float, Any]] = {"GET /ws": sockets}
        if where == "all":
            faults["*"] = (likely, chosen)
        elif where == "writes":
            faults |= {route: (likely, chosen) for route in writes}
        else:
            faults |= {route: (0.0, ()) for route in writes} | {"*": (likely, chosen)}
        self.say(f"   {where} {likely} {[fault.value for fault in chosen]} sockets {sockets[0]}")
        self.proxy.brew(Storm(faults))

    async def _calm(self) -> None:
        await self.proxy.calm()

    async def _refuse(self) -> None:
        await self.proxy.refuse()
        await self.proxy.cut()

    async def _cut(self) -> None:
        await self.proxy.cut_sockets()

    async def _refresh(self) -> None:
        await self._press("r")

    async def _somebody(self) -> None:
        await self._post(self.dice.choice(("quick", "quick", "failing", "endless")))

    async def _restart(self) -> None:
        """The server ends and comes back with an empty queue, an empty history and its counter at 0."""
        await self.server.stop()
        if self.dice.random() < 0.5:
            await self._press("r")
        await self.server.start()

    async def _choose(self, wanted: Callable[[Any], bool]) -> Any | None:
        """Put the cursor on a row by dice; None where there is none of that kind."""
        if not isinstance(self.app.screen, QueueScreen):
            await self._press("3")
        screen = self.app.screen
        if not isinstance(screen, QueueScreen):
            return None
        jobs = self.app.jobs
        everything = (*jobs.unsent, *jobs.kept, *jobs.running, *jobs.pending, *jobs.ended)
        entries = [entry for entry in everything if wanted(entry)]
        if not entries:
            return None
        entry = self.dice.choice(entries)
        return entry if screen.query_one("#jobs", RowList).select(entry.prompt_id) else None

    async def _act(self, key: str) -> tuple[Any, ...]:
        """Press a key on the row, and yes to what is asked; gives what it acted on."""
        self.chosen = ()
        await self._press(key)
        chosen = self.chosen
        self.say(
            f"   {key} on {[(type(e).__name__, e.prompt_id[:8], getattr(e, 'state', '')) for e in chosen]}"
        )
        return chosen

    async def _press(self, key: str) -> None:
        """A key, and its way through the console's queues.

        The pilot's own press waits until the processor is idle, which it is not beside a busy server.
        """
        self.app.post_message(events.Key(key, key if len(key) == 1 else None))
        for _ in range(3):
            for pump in (self.app, self.app.focused or self.app.screen, self.app.screen):
                passed = asyncio.Event()
                pump.call_later(passed.set)
                await until(lambda p=pump, e=passed: e.is_set() or not p.is_running, "the key", _WAIT_S)

    async def _yes(self) -> bool:
        """Answer a question, if there is one."""
        if isinstance(self.app.screen, QueueScreen):
            return False
        await self._press("y")
        return True

    async def _again(self) -> None:
        if await self._choose(lambda entry: isinstance(entry, Job)) is None:
            return
        for entry in await self._act(self.dice.choice("uU")):
            if isinstance(entry, Job):
                self._ask_for(entry.prompt_id)

    def _ask_for(self, prompt_id: str) -> None:
        """A key asked for one more of the workflow behind this job."""
        for mark in {mark_of(taken.prompt) for taken in self.taken(prompt_id)}:
            self.asked[mark] += 1

    def _ask_once(self, prompt_ids: Iterable[str]) -> None:
        """Lost jobs were to be queued again."""
        for prompt_id in set(prompt_ids) - self.requeued:
            self.requeued.add(prompt_id)
            self._ask_for(prompt_id)

    async def _cancel(self) -> None:
        if await self._choose(lambda entry: isinstance(entry, Job) and not entry.state.ended) is None:
            return
        chosen = await self._act("x")
        if await self._yes():
            for entry in chosen:
                (self.dropped if isinstance(entry, Job) else self.discarded).add(entry.prompt_id)

    async def _clear(self) -> None:
        if await self._choose(lambda entry: True) is None:
            return
        pending = {job.prompt_id for job in self.app.jobs.pending}
        await self._act("X")
        if await self._yes():
            self.dropped |= pending | {job.prompt_id for job in self.app.jobs.pending}

    async def _front(self) -> None:
        def waits(entry: Any) -> bool:
            return isinstance(entry, Job) and entry.state is JobState.PENDING

        if await self._choose(waits) is not None:
            await self._act("t")
            await self._yes()

    async def _unsent(self) -> None:
        """One that was not confirmed: send it, or discard it."""
        await self._offered(Unsent)

    async def _offered(self, kind: type) -> None:
        if await self._choose(lambda entry: isinstance(entry, kind)) is None:
            return
        key = self.dice.choice("uuux")
        chosen = await self._act(key)
        for entry in chosen if key == "u" else ():
            if isinstance(entry, Job):  # the row under the cursor has become one
                self._ask_for(entry.prompt_id)
        if key == "x" and await self._yes():
            for entry in chosen:
                (self.dropped if isinstance(entry, Job) else self.discarded).add(entry.prompt_id)

    async def _hold(self) -> None:
        if await self._choose(lambda entry: True) is not None:
            await self._act("H")
            await self._yes()

    async def _resume(self) -> None:
        if await self._choose(lambda entry: True) is not None:
            await self._act("R")

    async def _lost(self) -> None:
        if await self._choose(lambda entry: True) is not None:
            await self._act("L")

    async def _kept(self) -> None:
        """One that the journal keeps: queue it again, or put it away."""
        await self._offered(Kept)

    async def _queue_file(self) -> None:
        mark = self.dice.choice(self._files)
        await self._press("2")
        if not self.app.screen.query("#entries"):
            return  # a question is open
        entries = self.app.screen.query_one("#entries", RowList)
        row = await until(
            lambda: next((r for r in entries.rows if not r.heading and r.cells[0] == f"job-{mark}"), None),
            f"job-{mark}",
            _WAIT_S,
        )
        entries.select(row.key)
        await self._press("Q")
        self.asked[mark] += 1
        self.say(f"   Q on job-{mark}")

    # -- the end -------------------------------------------------------------------------------

    async def settle(self) -> None:
        """Calm, and wait until the console shows what the server has."""
        self.say("settling")
        while not isinstance(self.app.screen, QueueScreen):
            await self._press("escape" if len(self.app.screen_stack) > 1 else "3")
        await self.proxy.calm()
        await self._quiet()
        await self.proxy.calm()
        await self._press("r")

        def settled() -> bool:
            if self.app.connection.link is not Link.ONLINE and self.app.session is not None:
                self.app.session.poke()
            return not self.difference()

        try:
            await until(settled, "", _WAIT_S)
        except AssertionError:
            raise Faulty(
                f"the console does not come to show what the server has: {self.difference()}"
            ) from None

    def difference(self) -> str:
        """What the console shows and the server does not have, or the other way round."""
        queue, jobs = self.server.state.queue, self.app.jobs
        running = [queue.running.prompt_id] if queue.running else []
        pending = [job.prompt_id for job in sorted(queue.pending())]
        ended = set(queue.history())
        states = {
            taken.prompt_id: taken.fate
            for taken in self.server.record.taken
            if taken.life == self.server.record.life and taken.prompt_id in ended
        }
        shown = {job.prompt_id: _FATES.get(job.state) for job in jobs.ended}
        pairs: dict[str, tuple[object, object]] = {
            "link": (self.app.connection.link, Link.ONLINE),
            "problem": (jobs.problem, None),
            "running": ([job.prompt_id for job in jobs.running], running),
            "pending": ([job.prompt_id for job in jobs.pending], pending),
            "ended": (shown, states),
            "actions": (self.app.actions_under_way, 0),
        }
        return "; ".join(f"{name}: {is_!r}, not {be!r}" for name, (is_, be) in pairs.items() if is_ != be)

    async def account(self) -> None:
        """No job queued twice, none lost without a word, every final state right."""
        record = self.server.record.taken
        unsent = {entry.prompt_id for entry in self.app.jobs.unsent}
        ids_of: dict[int, set[str]] = {}
        lives_of: dict[str, list[Taken]] = {}
        for taken in record:
            ids_of.setdefault(mark_of(taken.prompt), set()).add(taken.prompt_id)
            lives_of.setdefault(taken.prompt_id, []).append(taken)
        for mark, ids in ids_of.items():
            if len(ids) > self.asked[mark]:
                raise Faulty(f"queued twice: mark {mark} was asked for {self.asked[mark]}x, taken as {ids}")
        for prompt_id, lives in lives_of.items():
            counts = Counter(taken.life for taken in lives if taken.fate is not Fate.REMOVED)
            if any(count > 1 for count in counts.values()):
                raise Faulty(f"the same job twice in one life of the server: {lives}")
            if prompt_id in self.submitted:
                await self._wait_for_journal(lives[-1])
        for prompt_id, (mark, ends) in self.submitted.items():
            if ends and ends[-1].startswith(("unknown", "interrupted")):
                known = prompt_id in unsent | self.discarded or self.taken(prompt_id)
                if not known:
                    raise Faulty(f"mark {mark}: {ends}, and neither sent nor kept: {prompt_id}")
        missing = sum(self.asked.values()) - sum(len(ids) for ids in ids_of.values()) - len(unsent)
        errors = sum(1 for severity, _, _ in self.app.told if severity in ("error", "warning"))
        if missing > errors + len(self.discarded):
            raise Faulty(f"{missing} submissions never came to anything, and {errors} errors were told")

    async def _wait_for_journal(self, last: Taken) -> None:
        """An answer that was asked for before something else was written counts with the next one."""
        end = time.monotonic() + _WAIT_S
        while True:
            try:
                await self._check_known(last)
            except Faulty:
                if time.monotonic() > end or self.app.session is None:
                    raise
                self.app.session.poke()
                await asyncio.sleep(0.05)
            else:
                return

    async def _check_known(self, last: Taken) -> None:
        """What the journal says of a job of ours is what became of it."""
        assert self.app.session is not None
        row = await self.app.session.shelf.one(last.prompt_id)
        if row is None:
            raise Faulty(f"not in the journal: {last}")
        open_ends = {Known.UNKNOWN, Known.UNSENT, Known.LOST}
        may = {
            **{fate: {Known(fate.value)} for fate in _FATES.values()},
            Fate.WAITING: {Known.PENDING},
            Fate.RUNNING: {Known.RUNNING},
            Fate.REMOVED: {Known.CANCELLED, Known.HELD, *open_ends},
            Fate.FORGOTTEN: {*open_ends, *([Known.CANCELLED] if last.prompt_id in self.dropped else [])},
        }[last.fate]
        if last.prompt_id in self.discarded:
            may |= {Known.REFUSED, *open_ends}
        if last.fate in _FATES.values() and last.life < self.server.record.life:
            may = {*may, *open_ends}
        if last.fate is Fate.REMOVED and last.prompt_id not in self.dropped:
            may -= {Known.CANCELLED}
        if row.fate not in may:
            raise Faulty(f"{last}: the journal says {row.fate.value!r}: {row.evidence!r}")
        shown = {entry.prompt_id for entry in (*self.app.jobs.kept, *self.app.jobs.unsent)}
        waits = row.fate in open_ends | {Known.HELD} and not row.dismissed and not row.again_as
        if waits and last.prompt_id not in shown:
            raise Faulty(f"{last}: {row.fate.value} in the journal, and not shown")


class _Errors(logging.Handler):
    """What asyncio logs instead of raising."""

    def __init__(self, found: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._found = found

    def emit(self, record: logging.LogRecord) -> None:
        self._found.append(record.getMessage())
