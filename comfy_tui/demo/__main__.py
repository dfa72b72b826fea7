"""``python -m comfy_tui.demo``: run the demo server until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from .process import READY
from .server import DemoServer


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Understand the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m comfy_tui.demo",
        description="A small ComfyUI of our own on a loopback port. It simulates models and says so.",
    )
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    parser.add_argument("--legacy", action="store_true", help="behave as 0.3.64 instead of 0.26.0")
    parser.add_argument("--speed", type=float, default=1.0, help="how much faster than a real GPU")
    parser.add_argument(
        "--dir", type=Path, default=None, help="folder for its files; default: a temporary one"
    )
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="the device to pretend")
    parser.add_argument("--hostile", action="store_true", help="put escape sequences into every text")
    kinds = ("v3", "v3-old", "v4", "v4-legacy")
    parser.add_argument("--manager", choices=kinds, default=None, help="pretend a ComfyUI-Manager")
    parser.add_argument("--warm-up", action="store_true", help="run three short workflows first")
    parser.add_argument("--parent-pipe", action="store_true", help="end when standard input closes")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run until interrupted, terminated, or (with ``--parent-pipe``) orphaned."""
    options = parse(argv)
    if options.speed <= 0:
        sys.stderr.write("--speed must be more than 0\n")
        return 2
    with contextlib.suppress(KeyboardInterrupt):
        return asyncio.run(_serve(options))
    return 130


async def _serve(options: argparse.Namespace) -> int:
    server = DemoServer(
        port=options.port,
        legacy=options.legacy,
        speed=options.speed,
        folder=options.dir,
        device=options.device,
        hostile=options.hostile,
        warm_up=options.warm_up,
        manager=options.manager,
    )
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(getattr(signal, name), over.set)
    if options.parent_pipe:
        threading.Thread(target=_watch_parent, args=(loop, over), daemon=True).start()
    try:
        url = await server.start()
    except OSError as error:
        sys.stderr.write(f"cannot listen on port {options.port}: {error.strerror}\n")
        return 1
    try:
        sys.stdout.write(f"{READY}{url}\n")
        sys.stdout.flush()
        await over.wait()
    finally:
        await server.stop()
    return 0


def _watch_parent(loop: asyncio.AbstractEventLoop, over: asyncio.Event) -> None:
    """End when the other side of standard input is gone."""
    with contextlib.suppress(OSError, ValueError):
        while os.read(sys.stdin.fileno(), 1024):
            continue
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(over.set)


if __name__ == "__main__":
    sys.exit(main())
