"""Pictures in real terminals, as a screenshot shows them, against their source."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from real_terminal import RealTerminal, display, gallery_command, lacking, picture_in, until

from emulated import region_errors
from test_picture_terminal import source

pytestmark = [pytest.mark.terminals, pytest.mark.xdist_group("terminals")]
#: The mean colour of each of 64 regions is not further off than this, of 255: pixels, and characters.
BOUND, BLOCK_BOUND = 10.0, 24.0
_NEEDED = ("Xvfb", "import", "xdotool")
_DELAY = """
import asyncio, sys
async def pipe(reader, writer):
    queue = asyncio.Queue()
    async def later():
        while True:
            due, data = await queue.get()
            await asyncio.sleep(max(0, due - loop.time()))
            writer.write(data); await writer.drain()
    task = asyncio.create_task(later())
    while data := await reader.read(65536):
        queue.put_nowait((loop.time() + 0.1, data))
async def main():
    global loop
    loop = asyncio.get_running_loop()
    far = await asyncio.open_connection("127.0.0.1", int(sys.argv[1]))
    near = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(near), sys.stdin.buffer)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, sys.stdout.buffer)
    out = asyncio.StreamWriter(transport, protocol, None, loop)
    await asyncio.wait([asyncio.create_task(pipe(near, far[1])), asyncio.create_task(pipe(far[0], out))],
                       return_when=asyncio.FIRST_COMPLETED)
asyncio.run(main())
"""


@pytest.fixture(scope="module")
def where() -> Iterator[str]:
    if names := lacking(*_NEEDED):
        pytest.skip(f"not installed: {names}")
    with display() as name:
        yield name


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    file = tmp_path / "picture.png"
    source().save(file)
    return file


class Shown:
    """The gallery in a terminal."""

    def __init__(self, terminal: RealTerminal, bound: float) -> None:
        self.terminal = terminal
        self.bound = bound
        self.last: Image.Image | None = None

    def error(self, wanted: Image.Image) -> float:
        self.last = self.terminal.shot()
        found = picture_in(self.last)
        if found is None or min(found.size) < 100 or not 0.8 < found.width / found.height < 1.25:
            return 255.0
        return max(region_errors(found, wanted))

    def shows(self, name: str, wanted: Image.Image | None = None) -> None:
        wanted = wanted or source()
        errors: list[float] = []

        def right() -> bool:
            errors.append(self.error(wanted))
            return errors[-1] < self.bound

        try:
            until(right, f"{name}: the picture, whole and right")
        finally:
            self.keep(name)
        assert self.bound > errors[-1]

    def lacks(self, name: str) -> None:
        until(lambda: self.error(source()) > self.bound, f"{name}: something over the picture")
        self.keep(name)

    def shows_a_small_one(self, name: str) -> None:
        def right() -> bool:
            self.last = self.terminal.shot()
            found = picture_in(self.last)
            if found is None or found.height < 2 * found.width:
                return False
            return max(region_errors(found.crop((0, 0, found.width, found.width)), source())) < 3 * self.bound

        try:
            until(right, f"{name}: the first of the small pictures")
        finally:
            self.keep(name)

    def settles(self, name: str) -> None:
        seen: list[Image.Image] = [self.terminal.shot()]

        def still() -> bool:
            seen.append(self.terminal.shot())
            time.sleep(0.2)
            return seen[-1] == seen[-2]

        until(still, f"{name}: nothing moves")
        self.last = self.terminal.shot()
        self.keep(name)

    def keep(self, name: str) -> None:
        """Where COMFY_TUI_SHOTS names a folder, screenshots stay there to be looked at."""
        if self.last is not None and (folder := os.environ.get("PICTURE_SHOTS")):
            self.last.save(Path(folder) / f"{name}.png")


@pytest.fixture
def opened(where: str) -> Iterator[Callable[..., Shown]]:
    made: list[RealTerminal] = []

    def make(terminal: list[str], command: list[str], bound: float = BOUND, **environ: Any) -> Shown:
        if names := lacking(terminal[0]):
            pytest.skip(f"not installed: {names}")
        made.append(RealTerminal(where, [*terminal, *command], environ))
        return Shown(made[-1], bound)

    yield make
    for terminal in made:
        terminal.close()


XTERM = ["xterm", "-ti", "vt340", "-geometry", "80x24+0+0", "-b", "0", "-bw", "0", "-fa", "monospace"]
XTERM += ["-fs", "9", "-e"]
MLTERM = ["mlterm", "-g", "80x24", "--sb=false", "--borderless", "-e"]


def said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_xterm(opened: Callable[..., Shown], picture: Path) -> None:
    shown = opened(XTERM, gallery_command(picture))
    shown.shows("xterm")
    shown.terminal.press("d")
    shown.lacks("xterm-dialog")
    shown.terminal.press("Escape")
    shown.shows("xterm-dialog-closed")
    shown.terminal.press("t")
    shown.lacks("xterm-toast")
    shown.shows("xterm-toast-gone")
    shown.terminal.press("w")
    shown.lacks("xterm-other-screen")
    shown.terminal.press("Escape")
    shown.shows("xterm-other-screen-closed")
    shown.terminal.press("n")
    shown.shows("xterm-second", source().rotate(180))
    shown.terminal.press("m")
    shown.shows_a_small_one("xterm-many")
    shown.terminal.press("Down", "Down", "Down")
    shown.settles("xterm-many-scrolled")
    shown.terminal.press("m")
    shown.shows("xterm-many-gone", source().rotate(180))
    shown.terminal.resize(500, 300)
    shown.shows("xterm-resized", source().rotate(180))


def test_mlterm(opened: Callable[..., Shown], picture: Path) -> None:
    shown = opened(MLTERM, gallery_command(picture))
    shown.shows("mlterm")
    shown.terminal.press("d")
    shown.lacks("mlterm-dialog")
    shown.terminal.press("Escape")
    shown.shows("mlterm-dialog-closed")
    shown.terminal.press("t")
    shown.lacks("mlterm-toast")
    shown.shows("mlterm-toast-gone")


def test_a_kitty_too_old_for_placeholders_gets_blocks(opened: Callable[..., Shown], picture: Path) -> None:
    if names := lacking("kitty"):
        pytest.skip(f"not installed: {names}")
    version = said("kitty", "--version").split()[1]
    new = tuple(int(part) for part in version.split(".")[:2]) >= (0, 28)
    kitty = ["kitty", "-c", "NONE", "-o", "remember_window_size=no", "-o", "initial_window_width=720"]
    kitty += ["-o", "initial_window_height=480", "-o", "window_padding_width=0"]
    shown = opened(kitty, gallery_command(picture), BOUND if new else BLOCK_BOUND)
    shown.shows(f"kitty-{version}")


def test_in_tmux(opened: Callable[..., Shown], picture: Path, tmp_path: Path) -> None:
    if names := lacking("tmux"):
        pytest.skip(f"not installed: {names}")
    name = f"pictures-{uuid.uuid4().hex[:8]}"
    tmux = ["tmux", "-L", name, "-f", "/dev/null"]
    try:
        shown = opened(XTERM, [*tmux, "new-session", *gallery_command(picture)], BLOCK_BOUND)
        shown.shows("xterm-tmux")
        assert "Gi=" not in said(*tmux, "display-message", "-p", "#{pane_title}")
    finally:
        subprocess.run([*tmux, "kill-server"], check=False, stderr=subprocess.DEVNULL)


@pytest.fixture
def ssh(tmp_path: Path) -> Iterator[list[str]]:
    """The start of a command line for this machine by SSH with 200 ms round trips."""
    if names := lacking("sshd", "ssh", "ssh-keygen"):
        pytest.skip(f"not installed: {names}")
    if os.geteuid():
        pytest.skip("a login by SSH needs root here")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for key in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / key)], check=True)
    shutil.copy(tmp_path / "user.pub", tmp_path / "authorized")
    (tmp_path / "sshd").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {tmp_path}/host\n"
        f"AuthorizedKeysFile {tmp_path}/authorized\n"
        f"StrictModes no\nUsePAM no\nPermitRootLogin yes\nPidFile none\nPrintMotd no\nPrintLastLog no\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    daemon = shutil.which("sshd", path="/usr/sbin:/sbin:/usr/bin") or "sshd"
    server = subprocess.Popen([daemon, "-D", "-f", str(tmp_path / "sshd")], stderr=subprocess.DEVNULL)
    proxy = tmp_path / "delay.py"
    proxy.write_text(_DELAY)
    try:
        yield [
            *("ssh", "-tt", "-i", str(tmp_path / "user"), "-o", "StrictHostKeyChecking=no"),
            *("-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"),
            *("-o", f"ProxyCommand={sys.executable} {proxy} {port}", "root@127.0.0.1"),
        ]
    finally:
        server.terminate()
        server.wait()


def test_by_ssh_with_200_ms(opened: Callable[..., Shown], picture: Path, ssh: list[str]) -> None:
    shown = opened(XTERM, [*ssh, " ".join(gallery_command(picture))])
    shown.shows("xterm-ssh")
    shown.terminal.press("d")
    shown.lacks("xterm-ssh-dialog")
    shown.terminal.press("Escape")
    shown.shows("xterm-ssh-dialog-closed")
