"""What ``comfy-tui run`` is to queue: a workflow read, converted, changed as asked, and checked."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.commands.common import say
from comfy_tui.commands.run_values import Key, assignments, changed_prompt
from comfy_tui.errors import WorkflowError
from comfy_tui.inventory.file_look import look_for_files
from comfy_tui.inventory.keeper import InventoryKeeper
from comfy_tui.inventory.nodes import NodeInfo
from comfy_tui.inventory.prepare import Prepared, judge, prepare, replaced_prompt
from comfy_tui.text import clean, count_of
from comfy_tui.workflow.diagnostic import Diagnostic, Severity
from comfy_tui.workflow.edits import Copy, Edits, copies
from comfy_tui.workflow.formats import WorkflowFile, WorkflowKind
from comfy_tui.workflow.parameters import SeedMode

_NOT_QUEUED = "Not queued"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asks for.

    Attributes:
        sets: of ``--set``, as typed.
        images: of ``--image``, as typed.
        seed: a number, ``"random"``, or None where the workflow says what happens.
        count: how many copies.
        anyway: send what the server would refuse.
    """

    sets: Sequence[str] = ()
    images: Sequence[str] = ()
    seed: int | str | None = None
    count: int = 1
    anyway: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """A workflow that may be queued."""

    ready: Prepared
    info: NodeInfo
    values: Mapping[Key, Any]
    seed: SeedMode | None
    count: int
    limits: Mapping[Key, int]

    def copies(self, rng: random.Random | None = None) -> Iterator[Copy]:
        """The prompts to queue, each following from the one before.

        A workflow of the editor is converted for each copy, as the browser does: texts that leave a
        choice are chosen anew. The workflow that travels along says what the prompt says, as far as the
        editor can; what it cannot is told on stderr, once.
        """
        told: set[tuple[str | None, str | None]] = set()
        edits, first = Edits(seed=self.seed), None
        draw = rng or random.SystemRandom()
        prompt, workflow, controls = self.ready.prompt or {}, self.ready.workflow, self.ready.controls
        for number in range(self.count):
            if number and self.ready.file.kind is WorkflowKind.EDITOR:
                made = self.info.converter.convert(self.ready.file.graph or {})
                prompt = changed_prompt(replaced_prompt(made.prompt, self.info)[0], self.values, self.info)
            made_copies = copies(
                prompt,
                workflow,
                controls,
                edits,
                limits=self.limits,
                rng=draw,
                converter=self.info.converter,
                given=self.values,
            )
            copy = next(made_copies)
            edits, first = copy.after, first or copy.prompt
            if number == 1 and copy.prompt == first:
                say("copy 2 is the same as copy 1: nothing in the workflow changes by itself; see --seed")
            _tell_unwritten(copy.unwritten, told)
            yield copy


def _tell_unwritten(found: Sequence[Diagnostic], told: set[tuple[str | None, str | None]]) -> None:
    """Say once of each value that it is not in the workflow that is sent along."""
    for one in found:
        if (one.node_id, one.input) not in told:
            told.add((one.node_id, one.input))
            place, why = clean(f"{one.node_id}.{one.input}", 120), clean(one.message, 300)
            say(f"warning: {place} is queued, but not in the workflow that is sent along: {why}")


class Planner:
    """Makes the plan, with the server's help.

    Args:
        client: of the server.
        name: what to call the file.
    """

    def __init__(self, client: ComfyClient, name: str) -> None:
        self._client = client
        self._keeper = InventoryKeeper(client)
        self._name = name

    async def plan(self, file: WorkflowFile, wishes: Wishes) -> Plan:
        """Convert, change and check; files are uploaded when everything else is well.

        Raises:
            ConfigError: the command line names what is not in the workflow.
            WorkflowError: it cannot be queued; why was told.
            ApiError: the server does not say what it has, or does not take an upload.
        """
        for note in file.notes:
            say(f"{self._name}: warning: {note}")
        info = await self._nodes()
        ready = await asyncio.to_thread(prepare, file, info)
        if not ready.prompt:
            raise WorkflowError(_NOT_QUEUED, f"{self._name}: {ready.why_not or 'it has no nodes'}")
        values, targets = assignments(ready.prompt, info, wishes.sets)
        uploads = dict(targets.upload(text) for text in wishes.images)
        if isinstance(wishes.seed, int):
            values |= dict.fromkeys(targets.seeds(), wishes.seed)
        elif wishes.seed is not None:
            targets.seeds()
        mode = {int: SeedMode.INCREMENT, str: SeedMode.RANDOM}.get(type(wishes.seed))
        ready = await self._look_for_files(ready, info, values)
        judged = self._judge(ready, info, values, wishes, upload_keys=frozenset(uploads))
        if uploads:
            values |= await self._upload(uploads)
            self._keeper.forget()  # the lists of input files have changed
            info = await self._nodes()
            judged = self._judge(ready, info, values, wishes, quiet=judged.diagnostics)
        return Plan(judged, info, values, mode, wishes.count, targets.limits())

    async def _look_for_files(self, ready: Prepared, info: NodeInfo, values: Mapping[Key, Any]) -> Prepared:
        """Learn of files that the node definitions do not list; the prompt stays as it is."""
        wanted = judge(replace(ready, prompt=changed_prompt(ready.prompt or {}, values, info)), info)
        await look_for_files(self._client, wanted, info)
        return ready

    async def _nodes(self) -> NodeInfo:
        found = await self._keeper.get(with_models=False)
        return await asyncio.to_thread(NodeInfo.from_inventory, found)

    def _judge(
        self,
        ready: Prepared,
        info: NodeInfo,
        values: Mapping[Key, Any],
        wishes: Wishes,
        *,
        upload_keys: frozenset[Key] = frozenset(),
        quiet: Sequence[Diagnostic] = (),
    ) -> Prepared:
        """Check with the values in place, say what is found, and stop where it must not be sent."""
        judged = judge(replace(ready, prompt=changed_prompt(ready.prompt or {}, values, info)), info)
        found = [one for one in judged.diagnostics if (one.node_id, one.input) not in upload_keys]
        errors = [one for one in found if one.severity is Severity.ERROR]
        self._tell([one for one in found if one not in quiet])
        if any(one.code == "breaks_server" for one in errors):
            raise WorkflowError(_NOT_QUEUED, f"{self._name}: it would break the server", "It is never sent.")
        if errors and not wishes.anyway:
            what = f"{self._name}: the server would refuse it: {count_of(len(errors), 'error')}"
            raise WorkflowError(_NOT_QUEUED, what, "Mend it, or send it all the same with --anyway.")
        return judged

    def _tell(self, found: Sequence[Diagnostic]) -> None:
        import sys

        from comfy_tui.commands.diagnostic_text import lines_of

        ordered = sorted(found, key=lambda one: list(Severity).index(one.severity))
        for line in (line for one in ordered for line in lines_of(one)):
            sys.stderr.write(f"{line}\n")

    async def _upload(self, uploads: Mapping[Key, Path]) -> dict[Key, str]:
        from comfy_tui.library.picture import read_picture

        # All are read before the first is sent: a path that is wrong leaves nothing on the server.
        read = {path: await asyncio.to_thread(read_picture, path) for path in uploads.values()}
        references: dict[Path, str] = {}
        for path, (name, content) in read.items():
            sent = await self._client.upload_image(name, content)
            references[path] = sent.reference
            say(f"{path} is {sent.reference} on the server")
        return {key: references[path] for key, path in uploads.items()}
