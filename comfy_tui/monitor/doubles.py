"""Takes out of the queue what came there twice: a request that was held up on its way, and was sent again.

A job of ours that waits although it runs, or has ended, under the same id: the second one would do the same
work again.  Only the waiting one is touched, and deleting it twice hits nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.errors import ApiError
from comfy_tui.monitor.state import Jobs, Notice, Update
from comfy_tui.text import clean


class Doubles:
    """Watches one server's queue for them.

    Args:
        client: the server.
        publish: takes what a person is to hear.
    """

    def __init__(self, client: ComfyClient, publish: Callable[[Update], None]) -> None:
        self._client = client
        self._publish = publish

    async def take_out(self, jobs: Jobs, twice: Iterable[str]) -> None:
        """Delete the waiting one of each; what the server does not answer is tried with the next poll."""
        waiting = {job.prompt_id: job for job in jobs.pending}
        for prompt_id in twice:
            job = waiting.get(prompt_id)
            if job is None or not job.ours or self._client.readonly:
                continue
            try:
                await self._client.delete_pending([prompt_id])
            except ApiError:
                return
            words = (
                f"{clean(job.title, 60)} ({prompt_id[:8]}) came to the server twice under one id, as happens "
                "where a request is held up on its way. The one that waited was taken out; the other counts."
            )
            self._publish(Notice("Queued twice, one taken out", words, "warning", "note", (prompt_id,)))
