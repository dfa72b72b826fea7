"""The demo server as an object: started and stopped in any event loop."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from .execution import Worker
from .faults import Faults, Seen
from .manager import Disk
from .middleware import make_middleware
from .options import GIB, MAX_UPLOAD_BYTES, DemoOptions
from .record import Record
from .routes import add_routes
from .seed import seed_folders, warm_up_prompts
from .state import STATE, DemoState

_WARM_UP_SPEED = 1000.0
#: How long a restart takes, at speed 1 and at least.
_DOWN_S, _LEAST_DOWN_S = 5.0, 0.3


class DemoServer:
    """A ComfyUI server of our own on a loopback port.

    ``async with DemoServer() as server:`` starts it in the running event loop; ``server.url`` is its address.
    The arguments are those of :class:`~comfy_tui.demo.options.DemoOptions`, with a high speed by default
    (for a person, use 1).
    """

    def __init__(
        self,
        *,
        legacy: bool = False,
        speed: float = 1000.0,
        port: int = 0,
        folder: Path | None = None,
        device: str = "cuda",
        hostile: bool = False,
        require_auth: str = "",
        prefix: str = "",
        previews: bool = True,
        warm_up: bool = False,
        vram_bytes: int = 24 * GIB,
        manager: str | None = None,
        manager_level: str = "normal",
    ) -> None:
        self.options = DemoOptions(
            port=port,
            legacy=legacy,
            speed=speed,
            folder=folder,
            device=device,
            hostile=hostile,
            require_auth=require_auth,
            prefix=prefix.rstrip("/"),
            previews=previews,
            warm_up=warm_up,
            vram_bytes=vram_bytes,
            manager=manager or "",
            manager_level=manager_level,
        )
        self._disk = Disk()
        #: Every prompt that was ever taken, by this server and by those before its restarts.
        self.record = Record()
        self._restarting: asyncio.Task[None] | None = None
        self.faults = Faults()
        self.port = 0
        self._state: DemoState | None = None
        self._worker: Worker | None = None
        self._runner: web.AppRunner | None = None

    @property
    def state(self) -> DemoState:
        """The inside of a server that was started: folders, memory, queue, logs, sockets."""
        if self._state is None:
            raise RuntimeError("the demo server is not running")
        return self._state

    @property
    def url(self) -> str:
        """The address, with the prefix, without a slash at the end."""
        return f"http://{self.options.host}:{self.port}{self.options.prefix}"

    @property
    def requests(self) -> list[tuple[str, str]]:
        """Requests so far as ``(method, path)``, without prefix and ``/api``."""
        return self.faults.requests

    @property
    def seen(self) -> list[Seen]:
        """Requests so far with queries and headers."""
        return self.faults.seen

    async def start(self) -> str:
        """Listen, and return the address. A server that was stopped starts anew, on the same port."""
        state = self._state = await asyncio.to_thread(DemoState, self.options, self._disk, self.record)
        self.record.life += 1
        try:
            await self._open(state)
        except BaseException:
            await self._shut()
            raise
        return self.url

    async def _open(self, state: DemoState) -> None:
        await asyncio.to_thread(seed_folders, state)
        self.faults.start()
        app = web.Application(
            client_max_size=MAX_UPLOAD_BYTES, middlewares=[make_middleware(state, self.faults)]
        )
        app[STATE] = state
        add_routes(app, state)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2, handle_signals=False)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.options.host, self.port or self.options.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        state.port = self.port
        state.hub.start()
        if state.manager is not None:
            state.manager.reboot = self._reboot
        self._worker = Worker(state)
        self._worker.start()
        state.logs.write(f"comfy-tui demo server, as version {self.options.version}")
        state.logs.write(f"To see it go to: {self.url}")
        if self.options.warm_up:
            await self._warm_up()

    def _reboot(self) -> None:
        self._restarting = asyncio.get_running_loop().create_task(self.restart())

    async def restart(self) -> None:
        """Go away and come back after a while, as after a Manager's reboot; what was installed stays."""
        await self._shut()
        await asyncio.sleep(_LEAST_DOWN_S + _DOWN_S / self.options.speed)
        await self.start()

    async def stop(self) -> None:
        """End everything at once: waiting requests, sockets, the running prompt."""
        if self._restarting is not None:
            self._restarting.cancel()
            await asyncio.gather(self._restarting, return_exceptions=True)
        await self._shut()

    async def _shut(self) -> None:
        state = self._state
        if state is None:
            return
        self._state = None
        state.queue.stop()
        self.faults.stop()
        if state.manager is not None:
            await state.manager.stop()
        await state.hub.stop()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._worker is not None:
            await asyncio.to_thread(self._worker.join, 5)
        await asyncio.to_thread(state.folders.remove)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def wait_idle(self, timeout_s: float = 10.0) -> None:
        """Wait until nothing runs and nothing waits."""
        if not await asyncio.to_thread(self.state.queue.wait_idle, timeout_s):
            raise TimeoutError(f"the demo server is still busy after {timeout_s} s")

    def dead_worker(self) -> None:
        """From the next prompt on, behave like a server whose worker has died: it stays running for ever."""
        self.state.worker_dies = True

    def deafen_sockets(self) -> None:
        """Forget every socket and leave it open, as after the end of an older one with the same id."""
        self.state.hub.forget_all()

    async def drop_sockets(self) -> None:
        """Cut all websockets, as a broken link would."""
        await self.state.hub.drop()

    def send_raw(self, message: str | bytes | dict[str, Any], client_id: str | None = None) -> None:
        """Send any websocket message, to one client or to all."""
        raw = json.dumps(message) if isinstance(message, dict) else message
        self.state.hub.send_raw(raw, client_id)

    async def _warm_up(self) -> None:
        self.state.speed = max(self.options.speed, _WARM_UP_SPEED)
        await asyncio.to_thread(warm_up_prompts, self.state)
        await self.wait_idle(60)
        self.state.speed = self.options.speed
