"""Who holds graphics memory, as the tools of drivers print it; the tools are played by scripts on PATH."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from comfy_tui.monitor import gpu
from comfy_tui.monitor.gpu import find_server, look, read_nvidia, read_rocm
from comfy_tui.monitor.gpu_watch import others_words
from comfy_tui.monitor.state import GpuProcess, GpuUse

MIB = 1024 * 1024
#: Like no other process here, not even of another run of the tests.
ARGV = ("main.py", "--port", "45678", "--listen", f"::{os.getpid():x}")

NVIDIA = """\
GPU-5f2c8b1e-aaaa-bbbb-cccc-000000000001, 4321, /opt/venv/bin/python3, 8192
GPU-5f2c8b1e-aaaa-bbbb-cccc-000000000001, 77, /opt/a, b/odd name, with commas, 512
GPU-5f2c8b1e-aaaa-bbbb-cccc-000000000002, 4321, /opt/venv/bin/python3, 1024
GPU-5f2c8b1e-aaaa-bbbb-cccc-000000000001, 88, [Insufficient Permissions], [N/A]
GPU-5f2c8b1e-aaaa-bbbb-cccc-000000000001, 99, C:\\Program Files\\App\\app.exe, 100 MiB
"""


def test_the_table_of_nvidia_smi_is_read() -> None:
    assert read_nvidia(NVIDIA) == (
        GpuProcess(4321, "python3", 9216 * MIB),
        GpuProcess(77, "odd name, with commas", 512 * MIB),
        GpuProcess(99, "app.exe", 100 * MIB),
        GpuProcess(88, "", None),
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "No running processes found\n",
        "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.",
        "gpu_uuid, pid, process_name, used_gpu_memory [MiB]",
        "GPU-1, twelve, python, 5",
        "GPU-1, 12",
        ",,,",
        "GPU-1, ²³, x, 5",
        "\x00" * 1000,
    ],
)
def test_what_is_no_row_is_left_out(text: str) -> None:
    assert read_nvidia(text) == ()
    assert read_rocm(text) == ()


def test_names_never_act_on_a_terminal() -> None:
    [process] = read_nvidia("GPU-1, 5, /opt/\x1b[31mred\x9b, 5")
    assert process.name.isprintable()


def test_the_object_of_rocm_smi_is_read() -> None:
    system = {
        "PID4321": "python3, 1, 8589934592, 0, unknown",
        "PID77": "a, b, 2, UNKNOWN, 0, 0",
        "PIDx": "a, 1, 1, 1, 1",
        "PID5": "short",
    }
    text = "WARNING: something\n" + json.dumps({"system": system})
    assert read_rocm(text) == (GpuProcess(4321, "python3", 8 * 1024 * MIB), GpuProcess(77, "a, b", None))
    for odd in ("{", "[]", '{"system": []}', '{"system": {"PID1": null}}'):
        assert read_rocm(odd) == ()


def script(folder: Path, name: str, body: str) -> dict[str, str]:
    """A program on a PATH of its own."""
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin"}


@asynccontextmanager
async def server_process() -> AsyncIterator[int]:
    """A process that was started as the server says of itself."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import time; print(1, flush=True); time.sleep(60)",
        *ARGV,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        await process.stdout.readline()
        yield process.pid
    finally:
        process.kill()
        await process.wait()


@pytest.fixture(autouse=True)
def no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is installed here, the tools are asked."""
    monkeypatch.setattr(gpu, "_by_library", lambda: None)


async def test_the_server_is_told_from_the_others(tmp_path: Path) -> None:
    async with server_process() as pid:
        body = 'test "$1" = --query-compute-apps=gpu_uuid,pid,process_name,used_gpu_memory || exit 9\n'
        body += f"printf 'GPU-1, {pid}, python3, 8000\\nGPU-1, 1, /usr/bin/blender, 2048\\n'"
        found = await look(ARGV, script(tmp_path / "bin", "nvidia-smi", body))
        assert found == GpuUse(
            (GpuProcess(pid, "python3", 8000 * MIB, True), GpuProcess(1, "blender", 2048 * MIB)), "nvidia-smi"
        )
        assert others_words(found) == " Other programs on the card, by nvidia-smi: blender 2.0 GB."
        rocm = script(tmp_path / "rocm", "rocm-smi", """echo '{"system": {"PID1": "x, 1, 1, 0, 0"}}'""")
        found = await look(ARGV, rocm)
        assert found is not None
        assert (found.source, found.others) == ("rocm-smi", (GpuProcess(1, "x", 1),))


async def test_a_tunnels_end_is_not_the_servers_machine(tmp_path: Path) -> None:
    mark = tmp_path / "asked"
    tools = script(tmp_path / "bin", "nvidia-smi", f"touch {mark}; echo GPU-1, 1, blender, 5")
    assert await look(ARGV, tools) is None
    assert not mark.exists()
    assert find_server(()) == frozenset()


@pytest.mark.parametrize("body", ["exit 6", "yes x | head -c 900000", "sleep 60"])
async def test_a_tool_that_fails_floods_or_hangs_tells_nothing(
    tmp_path: Path, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu, "_PATIENCE_S", 0.5)
    async with server_process():
        assert await look(ARGV, script(tmp_path / "bin", "nvidia-smi", body)) is None
        assert await look(ARGV, {"PATH": str(tmp_path / "empty")}) is None


def test_nothing_is_said_where_nothing_is_known() -> None:
    assert others_words(None) == ""
    assert others_words(GpuUse((GpuProcess(1, "x", 5, True),), "nvidia-smi")) == ""
    many = GpuUse(tuple(GpuProcess(n, "", None) for n in range(5)), "nvidia-smi")
    words = " Other programs on the card, by nvidia-smi: process 0, process 1, process 2 and 2 more."
    assert others_words(many) == words
