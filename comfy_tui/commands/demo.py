"""``comfy-tui demo``: the console on an embedded server of its own, which ends with it."""

from __future__ import annotations

import argparse
from dataclasses import replace

from comfy_tui.commands.common import Command, add_appearance, has_terminal, settle


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_appearance(parser)
    parser.add_argument("--legacy", action="store_true", help="behave like ComfyUI 0.3.64, not 0.26.0")
    parser.add_argument(
        "--speed", type=_speed, default=1.0, metavar="X", help="how many times faster it works"
    )
    parser.add_argument(
        "--port", type=_port, default=0, metavar="N", help="its port (default: any that is free)"
    )
    parser.add_argument("--serve", action="store_true", help="only run the server, until ctrl+c")


def _speed(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.01 <= value <= 1000:
        raise argparse.ArgumentTypeError("expected a number from 0.01 to 1000")
    return value


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 <= int(text[:6]) < 65536:
        raise argparse.ArgumentTypeError("expected a port from 0 to 65535")
    return int(text)


def _run(args: argparse.Namespace) -> int:
    if args.serve:
        from comfy_tui.demo.__main__ import main as serve

        options = ["--port", str(args.port), "--speed", str(args.speed), "--warm-up"]
        return serve([*options, "--legacy"] if args.legacy else options)
    from comfy_tui.demo.process import spawn_demo

    with spawn_demo(legacy=args.legacy, speed=args.speed, port=args.port) as url:
        settings = settle(args, server=url, demo=True)
        settings = replace(settings, server=replace(settings.server, name="demo"))
        if not has_terminal():
            from comfy_tui.commands.status import print_status

            return print_status(settings.server, settings.server_source)
        from comfy_tui.commands.console import open_console

        return open_console(settings)


COMMAND = Command(
    "demo",
    "open the console on an embedded demo server; no ComfyUI, no GPU needed",
    _add_arguments,
    _run,
)
