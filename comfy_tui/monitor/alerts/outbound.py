"""Alerts that leave the console: a command, a webhook.  Bounded in time and number, never in the way."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shlex
import signal
from collections.abc import Callable

from comfy_tui.alert_reading import is_address
from comfy_tui.alert_settings import AlertSettings, Body, Way, Webhook
from comfy_tui.comfy.reach import is_loopback
from comfy_tui.errors import ComfyError, ConfigError
from comfy_tui.monitor.alerts.alert import Alert

#: A command or a request is ended after so long.
LIMIT_S = 10.0
#: So many alerts wait for their way out; what comes then is dropped, and said.
_WAITING = 20


class Outbound:
    """Sends alerts by one way each, one after the other.

    Args:
        settings: the command and the webhook.
        problem: is told, once for each kind of failure, what does not work.
        limit_s: seconds for each.
    """

    def __init__(
        self, settings: AlertSettings, problem: Callable[[str, str], None], *, limit_s: float = LIMIT_S
    ) -> None:
        self._settings = settings
        self._problem = problem
        self._limit_s = limit_s
        self._queues: dict[Way, asyncio.Queue[Alert]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._said: set[str] = set()

    def send(self, alert: Alert, way: Way) -> None:
        """Send it when it is its turn."""
        queue = self._queues.get(way)
        if queue is None:
            queue = self._queues[way] = asyncio.Queue(_WAITING)
            self._tasks.append(asyncio.create_task(self._work(queue, way)))
        try:
            queue.put_nowait(alert)
        except asyncio.QueueFull:
            self._say(way, "alerts come faster than they can be sent; some are left out")

    async def close(self) -> None:
        """End what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        self._queues.clear()

    async def _work(self, queue: asyncio.Queue[Alert], way: Way) -> None:
        while True:
            alert = await queue.get()
            try:
                async with asyncio.timeout(self._limit_s):
                    if way is Way.COMMAND:
                        why = await run_command(self._settings.command, alert)
                    else:
                        assert self._settings.webhook is not None
                        why = await post(self._settings.webhook, alert, self._limit_s)
            except TimeoutError:
                why = f"it took longer than {self._limit_s:g} s"
            except ComfyError as error:
                why = error.message or error.title
            if why:
                self._say(way, why)

    def _say(self, way: Way, why: str) -> None:
        if why not in self._said and len(self._said) < 20:
            self._said.add(why)
            self._problem(f"The {way} of the alerts", why)


def variables(alert: Alert) -> dict[str, str]:
    """What a command finds in its environment: nothing of it is on its command line."""
    return {
        "COMFY_TUI_ALERT": alert.rule,
        "COMFY_TUI_ALERT_TITLE": alert.title,
        "COMFY_TUI_ALERT_MESSAGE": alert.message,
        "COMFY_TUI_ALERT_SEVERITY": alert.severity,
        "COMFY_TUI_ALERT_SERVER": alert.server,
        "COMFY_TUI_ALERT_PROMPT_ID": alert.prompt_id,
    }


async def run_command(command: str, alert: Alert) -> str:
    """Run it without a shell, the text on its stdin; returns what is wrong, or nothing."""
    words = shlex.split(command)
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, **variables(alert)},
            start_new_session=True,
        )
    except OSError as error:
        return f"{os.path.basename(words[0])} cannot be run: {error.strerror or type(error).__name__}"
    try:
        with contextlib.suppress(OSError):
            await process.communicate(plain_text(alert))
    finally:
        if process.returncode is None:
            _end_group(process.pid)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(process.wait()), 2)
    return f"{os.path.basename(words[0])} ended with {process.returncode}" if process.returncode else ""


def _end_group(pid: int) -> None:
    """End the command with everything that it started."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGTERM)


def plain_text(alert: Alert) -> bytes:
    """Title and message, a line each."""
    return f"{alert.title}\n{alert.message}\n".encode()


def json_body(alert: Alert) -> bytes:
    """An object; ``text`` and ``content`` are what chat services read."""
    line = f"{alert.title}: {alert.message}" if alert.message else alert.title
    data = {
        "rule": alert.rule,
        "title": alert.title,
        "message": alert.message,
        "severity": alert.severity,
        "server": alert.server,
        "prompt_id": alert.prompt_id,
        "text": line,
        "content": line,
    }
    return json.dumps(data).encode()


async def post(webhook: Webhook, alert: Alert, limit_s: float = LIMIT_S) -> str:
    """Post it; returns what is wrong, without the address, or nothing.

    Redirects are not followed: the headers are for the named host only.
    """
    import httpx

    url = (await asyncio.to_thread(webhook.url.read)).reveal()
    if not is_address(url):
        raise ConfigError("The webhook cannot be used", "its url is no address that begins with https://")
    named = await asyncio.to_thread(lambda: [(item.header, item.value()) for item in webhook.headers])
    is_json = webhook.body is Body.JSON
    headers = {
        "Content-Type": "application/json" if is_json else "text/plain; charset=utf-8",
        "User-Agent": "comfy-tui",
        **{name: value.reveal() for name, value in named},
    }
    content = json_body(alert) if is_json else plain_text(alert)
    # Its certificates are read from the disk: not while keys wait.
    client = await asyncio.to_thread(
        lambda: httpx.AsyncClient(follow_redirects=False, timeout=limit_s, trust_env=not is_loopback(url))
    )
    # "from None" and words of our own: an error of the library names the address, which may be a secret.
    try:
        async with (
            client,
            client.stream("POST", url, content=content, headers=headers) as answer,
        ):
            status = answer.status_code
    except httpx.TimeoutException:
        return "no answer in time"
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:
        return f"it cannot be reached ({type(error).__name__})"
    if 300 <= status < 400:
        return f"it answered {status}, a redirect, which is not followed"
    return f"it answered {status}" if status >= 400 else ""
