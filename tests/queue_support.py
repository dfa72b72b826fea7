"""Jobs on a demo server: slow, quick, failing; ours and another's."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from comfy_tui import paths
from comfy_tui.demo.server import DemoServer
from comfy_tui.monitor.journal import Journal
from comfy_tui.monitor.journal.row import Asked
from comfy_tui.monitor.journal.shelf import Shelf
from comfy_tui.monitor.submit import Submission
from comfy_tui.widgets.row_list import RowList
from support import Console, console


def graph(class_type: str = "", **inputs: Any) -> dict[str, Any]:
    """EmptyImage, perhaps a node, PreviewImage."""
    found: dict[str, Any] = {
        "1": {
            "class_type": "EmptyImage",
            "inputs": {"width": 16, "height": 8, "batch_size": 1, "color": 255},
            "_meta": {"title": "A small picture"},
        },
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    }
    if class_type:
        found["3"] = {"class_type": class_type, "inputs": {"image": ["1", 0], **inputs}}
        found["2"]["inputs"]["images"] = ["3", 0]
    return found


def slow() -> dict[str, Any]:
    """A minute in steps of a tenth of a second."""
    return graph("DemoSleep", seconds=60.0, steps=600)


def seeded() -> dict[str, Any]:
    """A prompt with a seed, that the server runs at once."""
    return {
        "1": {
            "class_type": "EmptyImage",
            "inputs": {"width": 16, "height": 8, "batch_size": 1, "color": 255},
        },
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "seeded"}},
        "5": {"class_type": "PrimitiveInt", "inputs": {"value": 5, "seed": 5}},
    }


class Desk:
    """A demo server and a console on its queue screen."""

    def __init__(self, server: DemoServer, ui: Console) -> None:
        self.server = server
        self.ui = ui

    async def ours(self, name: str, prompt: dict[str, Any] | None = None) -> str:
        """Queue a job as this console does."""
        assert self.ui.app.session is not None
        sent = await self.ui.app.session.submit(Submission(prompt or slow(), name))
        return sent.prompt_id

    async def other(self, name: str = "", prompt: dict[str, Any] | None = None) -> str:
        """Queue a job as somebody's browser does."""
        return await post_other(self.server, name, prompt)

    @property
    def rows(self) -> RowList:
        return self.ui.app.screen.query_one("#jobs", RowList)

    def titles(self) -> list[str]:
        """The names in the list, without headings."""
        return [_text(row.cells[2]) for row in self.rows.rows if not row.heading]

    def waiting(self) -> list[str]:
        """The names of the waiting jobs, as the console knows them."""
        return [job.title for job in self.ui.app.jobs.pending]

    def server_has(self) -> set[str]:
        """The ids that run or wait on the server itself."""
        queue = self.server.state.queue
        running = [queue.running] if queue.running else []
        return {job.prompt_id for job in (*running, *queue.pending())}


def _text(cell: Any) -> str:
    return cell if isinstance(cell, str) else str(cell.text)


async def post_other(
    server: DemoServer, name: str = "", prompt: dict[str, Any] | None = None, *, front: bool = False
) -> str:
    """Queue a job as somebody's browser does; the name is the editor's."""
    extra = {"extra_pnginfo": {"workflow": {"name": name, "nodes": []}}} if name else {}
    prompt_id = str(uuid.uuid4())
    body = {"prompt": prompt or slow(), "prompt_id": prompt_id, "client_id": "someone", "extra_data": extra}
    body |= {"front": True} if front else {}
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
        answer = await client.post("/prompt", json=body)
        assert answer.status_code == 200, answer.text
    return prompt_id


async def ran_before(server: DemoServer, prompt: dict[str, Any], ran_s: float) -> None:
    """Have the journal of this person know a run of this workflow, from some earlier day."""
    journal = Journal(paths.journal_file())
    asked = Asked(str(uuid.uuid4()), "earlier", prompt, {})
    await Shelf(journal, server.url).put(asked)
    done = "UPDATE job SET fate = 'completed', ran_s = ? WHERE prompt_id = ?"
    await journal.call(lambda connection: connection.execute(done, (ran_s, asked.prompt_id)).rowcount)
    await journal.close()


@asynccontextmanager
async def desk(
    *, size: tuple[int, int] = (120, 40), readonly: bool = False, **server: Any
) -> AsyncIterator[Desk]:
    """A server at a person's speed and a console that shows its queue."""
    options: dict[str, Any] = {"speed": 1.0, "previews": False, **server}
    async with (
        DemoServer(**options) as demo,
        console(demo.url, size=size, readonly=readonly) as ui,
    ):
        await ui.online()
        await ui.press("3")
        yield Desk(demo, ui)
