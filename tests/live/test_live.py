"""A real server, named by ``COMFY_TUI_LIVE_URL``: submit, watch, cancel, free, view, save.

Run by hand: ``COMFY_TUI_LIVE_URL=http://127.0.0.1:8188 python -m pytest -m live -n0 tests/live``.
Only core nodes are used, and only our own jobs are touched.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from comfy_tui.comfy.types import JobState
from comfy_tui.monitor.submit import Submission
from monitor.test_session import watched
from support import console, until

URL = os.environ.get("COMFY_TUI_LIVE_URL", "")
pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not URL, reason="COMFY_TUI_LIVE_URL does not name a server"),
]


def picture(color: int, *, blur: int = 0) -> dict[str, Any]:
    """A picture; with ``blur`` one that takes a CPU some seconds."""
    size, batch = (2048, 8) if blur else (64, 1)
    prompt = {
        "1": {
            "class_type": "EmptyImage",
            "inputs": {"width": size, "height": size, "batch_size": batch, "color": color},
        },
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "comfy-tui-live"}},
    }
    for number in range(blur):
        source = f"b{number - 1}" if number else "1"
        inputs = {"image": [source, 0], "blur_radius": 31, "sigma": 10.0}
        prompt[f"b{number}"] = {"class_type": "ImageBlur", "inputs": inputs}
        prompt["2"]["inputs"]["images"] = [f"b{number}", 0]  # type: ignore[index]
    return prompt


async def test_the_whole_way() -> None:
    async with watched(URL, interval_s=0.5) as w:
        await until(lambda: w.session.health.stats)
        colour = int.from_bytes(os.urandom(3), "big")
        slow = await w.session.submit(Submission(picture(colour, blur=12), "live: slow"))
        never = await w.session.submit(Submission(picture(colour + 1), "live: cancelled while it waits"))
        quick = await w.session.submit(Submission(picture(colour + 2), "live: quick"))
        await until(lambda: w.session.jobs.find(slow.prompt_id), patience_s=60)
        result = await w.session.control.cancel([never.prompt_id])
        assert result.removed == (never.prompt_id,)
        await until(lambda: any(job.prompt_id == slow.prompt_id for job in w.session.jobs.running))
        await w.session.control.cancel([slow.prompt_id])

        def ended(prompt_id: str) -> Any:
            return next((job for job in w.session.jobs.ended if job.prompt_id == prompt_id), None)

        stopped = await until(lambda: ended(slow.prompt_id), patience_s=120)
        assert stopped.state is JobState.CANCELLED
        done = await until(lambda: ended(quick.prompt_id), patience_s=60)
        assert done.state is JobState.COMPLETED
        assert done.ours
        assert ended(never.prompt_id) is None
        content = await w.session.client.view_bytes(done.outputs[0], limit_bytes=10**7)
        assert content.startswith(b"\x89PNG")
        assert await w.session.free(unload_models=True, free_memory=True)


async def test_the_console_sees_it(tmp_path: Path) -> None:
    async with console(URL, interval_s=1.0) as ui:
        await ui.online()
        await ui.see("Started as", "as of")
        await ui.press("3")
        await ui.see("Done (", "live: quick")
        await ui.press("4")
        await ui.see("comfy-tui-live")
