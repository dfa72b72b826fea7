"""A console without a screen, in a process of its own, that submits until it is killed.

Arguments: the server's address and how many to submit.  It writes each prompt id before it submits it.
"""

from __future__ import annotations

import asyncio
import sys

from comfy_tui import paths
from comfy_tui.monitor.identity import read_install_id
from comfy_tui.monitor.journal import Journal
from comfy_tui.monitor.session import Session
from comfy_tui.monitor.submit import Submission
from comfy_tui.profile import profile_from_url


async def main(url: str, count: int) -> None:
    journal = Journal(paths.journal_file())
    session = Session(
        profile_from_url(url),
        lambda update: None,
        install_id=read_install_id(),
        interval_s=0.2,
        journal=journal,
    )
    running = asyncio.create_task(session.run())
    await session.shelf.open()
    print("ready", flush=True)  # noqa: T201
    for number in range(count):
        prompt = {
            "1": {
                "class_type": "EmptyImage",
                "inputs": {"width": 16, "height": 8, "batch_size": 1, "color": number},
            },
            "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
        }
        submission = Submission(prompt, f"number {number}")
        print(submission.prompt_id, flush=True)  # noqa: T201
        await session.submit(submission)
    running.cancel()


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
