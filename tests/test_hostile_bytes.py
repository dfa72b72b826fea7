"""A server whose every word attacks the terminal: what reaches the terminal is looked at byte by byte."""

from __future__ import annotations

import asyncio
import re
import sys
import uuid
from typing import Any

import httpx
import pytest

from comfy_tui.demo.server import DemoServer
from terminal import Terminal

#: Sequences that a Textual program writes itself: colours, cursor, modes, keyboard protocol, sync.
_OURS = re.compile(
    rb"\x1b\[[0-9;:?>=<]*[A-Za-z~@`$pquhlm]|\x1b\[\?[0-9;]*\$p|\x1b[=>78M]|\x1b\(B|\x1b\]22;[a-z]*(?:\x1b\\|\x07)"
    # Links: plain ASCII, of the web or to a file, and their ends.
    rb"|\x1b\]8;[a-z0-9=;.-]*(?:https?|file)://[!-~]+\x1b\\|\x1b\]8;;\x1b\\"
    # The title, which holds the server's name and a count.
    rb"|\x1b\]2;127\.0\.0\.1:\d+: [a-z0-9 ,]*\x07"
)
#: The questions to the terminal at the start, byte by byte, and a sixel picture: nothing but sixels.
_PICTURES = re.compile(
    rb"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\|\x1bP\$qm\x1b\\"
    rb"|\x1bP0;1;0q\"1;1;\d+;\d+(?:#\d+(?:;2;\d+;\d+;\d+)?|!\d+|[?-~$-])*\x1b\\"
)
#: What a screen is left with at the very end.
_WIPED = b"\x1b[0m\x1b[2J\x1b[H"
_NASTY_SEQUENCES = (b"\x1b]52", b"\x1b]0;", b"\x1b[2J", b"hacked\x07", "\u202e".encode(), "\u2066".encode())


def prompt_with(text: str) -> dict[str, Any]:
    return {
        "1": {
            "class_type": "EmptyImage",
            "inputs": {"width": 32, "height": 32, "batch_size": 1, "color": 255},
            "_meta": {"title": text},
        },
        "2": {
            "class_type": "SaveImage",
            "inputs": {"images": ["1", 0], "filename_prefix": "ok"},
            "_meta": {"title": text},
        },
        "3": {"class_type": "DemoError", "inputs": {"message": text, "image": ["1", 0]}},
    }


NASTY = (
    "evil [bold red]x[/]y [/nope] [@click=app.quit]z[/] \x1b]52;c;aGFja2Vk\x07 \x1b]0;hacked\x07 \x1b[2J"
    " \x9b31m\x85 \u202egnp.exe\u202c \u2066q\u2069\u200f \x00 \x08\x7f"
)


async def submit(url: str, prompt: dict[str, Any]) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        extra = {"extra_pnginfo": {"workflow": {"name": NASTY, "nodes": []}}, "comfy_tui": {"name": NASTY}}
        await client.post(
            url + "/prompt",
            json={
                "prompt": prompt,
                "prompt_id": str(uuid.uuid4()),
                "client_id": NASTY,
                "extra_data": extra,
            },
        )


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_nothing_of_a_hostile_server_reaches_the_terminal(size: tuple[int, int]) -> None:
    async with DemoServer(hostile=True) as server:
        await submit(server.url, prompt_with(NASTY))
        failing = prompt_with(NASTY)
        del failing["2"]
        await submit(server.url, failing)
        await server.wait_idle()
        terminal = Terminal([sys.executable, "-m", "comfy_tui", server.url, "--interval", "1"], size=size)
        try:
            await asyncio.to_thread(terminal.read_until, b"online")
            for keys in (
                b"1",
                b"?",
                b"\x1b",
                b"2",
                b"j",
                b"j",
                b"j",
                b"G",
                b"\x1b",
                b"3",
                b"j",
                b"\r",
                b"\x1b",
                b"k",
                b"y",
                b"\x1b",
                b"x",
                b"n",
                b"4",
                b"j",
                b"\r",
                b"\x1b",
                b"y",
                b"\x1b",
                b"w",
                b"w",
                b"\x1b",
                b"7",
                b"G",
                b"5",
                b"k",
                b"e",
                b"e",
                b"\x10",
                b"\x1b",
                b"f",
                b"\x1b",
                b"1",
            ):
                terminal.write(keys)
                await asyncio.to_thread(terminal.read, 0.35)
            assert not terminal.ended, bytes(terminal.output[-2000:])
            assert b"\x1b]8;" in terminal.output, "no link was written: the keys went elsewhere"
            assert server.faults.count("/view"), "no picture was asked for: the keys went elsewhere"
            terminal.write(b"q")
            await asyncio.to_thread(terminal.read, 3.0)
            assert terminal.ended
        finally:
            terminal.close()
    # The start and the end of a Textual program set and reset modes; between them only these remain.
    rest = _OURS.sub(b"", _PICTURES.sub(b"", bytes(terminal.output)))
    said = bytes(terminal.output).replace(_WIPED, b"", 1)
    for sequence in _NASTY_SEQUENCES:
        assert sequence not in said, sequence
    text = rest.decode("utf-8")
    allowed = {"\r", "\n"}
    assert {ch for ch in text if (ord(ch) < 32 or 0x7F <= ord(ch) < 0xA0) and ch not in allowed} == set(), [
        text[max(0, match.start() - 30) : match.end() + 30]
        for match in re.finditer(r"[\x00-\x09\x0b-\x0c\x0e-\x1f\x7f-\x9f]", text)
    ][:5]
