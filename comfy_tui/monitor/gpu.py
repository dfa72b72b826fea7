"""Which programs hold graphics memory, asked of the driver where the console runs on the server's machine.

ComfyUI itself tells only what is in use in all, and what its PyTorch has reserved.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from comfy_tui.monitor.state import GpuProcess, GpuUse
from comfy_tui.text import clean

_MIB = 1024 * 1024
_PATIENCE_S = 5.0
_OUTPUT_LIMIT_BYTES = 256 * 1024
_MOST = 200
_NVIDIA = ("--query-compute-apps=gpu_uuid,pid,process_name,used_gpu_memory", "--format=csv,noheader,nounits")
_ROCM = ("--showpids", "--json")
_NUMBER = re.compile(r"(\d{1,9})\s*(?:MiB)?\s*$")


async def look(argv: Sequence[str], environ: Mapping[str, str] = os.environ) -> GpuUse | None:
    """The programs that hold graphics memory; None where this is not the server's machine, or nobody tells.

    Args:
        argv: how the server says that it was started: a process of that name must run here.
        environ: where the driver's tools are looked for.
    """
    server_pids = await asyncio.to_thread(find_server, argv)
    if not server_pids:
        return None
    found = await asyncio.to_thread(_by_library)
    source = "nvidia-ml-py"
    if found is None:
        path = environ.get("PATH")
        for tool, words, read in (("nvidia-smi", _NVIDIA, read_nvidia), ("rocm-smi", _ROCM, read_rocm)):
            program = shutil.which(tool, path=path)
            text = await _say(program, words) if program else None
            if text is not None:
                found, source = read(text), tool
                break
    if found is None:
        return None
    marked = tuple(
        GpuProcess(item.pid, item.name, item.used_bytes, item.pid in server_pids) for item in found[:_MOST]
    )
    return GpuUse(marked, source)


def find_server(argv: Sequence[str], proc: Path = Path("/proc")) -> frozenset[int]:
    """The processes on this machine that were started with these words; blocks.

    A loopback address proves nothing: it may be the end of a tunnel.
    """
    words = [word for word in argv if word]
    found: set[int] = set()
    if not words:
        return frozenset()
    with contextlib.suppress(OSError):
        for folder in proc.iterdir():
            if not folder.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                line = (folder / "cmdline").read_bytes()[:65536]
                told = [part for part in line.decode("utf-8", "replace").split("\0") if part]
                if len(told) > len(words) and told[-len(words) :] == words:
                    found.add(int(folder.name))
    return frozenset(found)


def read_nvidia(text: str) -> tuple[GpuProcess, ...]:
    """The table of ``nvidia-smi``: card, process id, name, megabytes; a name may hold commas.

    What a driver will not tell stands in brackets (``[N/A]``, ``[Insufficient Permissions]``).
    """
    used: dict[tuple[int, str], int | None] = {}
    for line in text.splitlines():
        head, _, memory = line.rpartition(",")
        parts = head.split(",", 2)
        if len(parts) != 3 or not parts[1].strip().isdecimal():
            continue  # "No running processes found", a warning, half a line
        key = (int(parts[1].strip()[:18]), _name(parts[2]))
        number = _NUMBER.match(memory.strip())
        size = int(number[1]) * _MIB if number else None
        before = used.get(key)
        used[key] = before if size is None else size + (before or 0)
    return _largest_first(GpuProcess(pid, name, size) for (pid, name), size in used.items())


def read_rocm(text: str) -> tuple[GpuProcess, ...]:
    """The object of ``rocm-smi``: ``{"system": {"PID12": "name, cards, bytes, ..."}}``."""
    try:
        data = json.loads(text[text.find("{") :])
    except (ValueError, RecursionError):
        return ()
    table = data.get("system") if isinstance(data, Mapping) else None
    found = []
    for key, value in table.items() if isinstance(table, Mapping) else ():
        pid = str(key).removeprefix("PID")
        parts = str(value).rsplit(",", 4)
        if not pid.isdecimal() or len(parts) != 5:
            continue
        size = parts[2].strip()
        used = int(size) if size.isdecimal() and len(size) < 16 else None
        found.append(GpuProcess(int(pid[:18]), _name(parts[0]), used))
    return _largest_first(found)


def _name(text: str) -> str:
    """A program's name without its folder; what stands in brackets is not told."""
    text = text.strip()
    if not text or (text.startswith("[") and text.endswith("]")):
        return ""
    return clean(re.split(r"[/\\]", text)[-1].strip() or text, 60)


def _largest_first(processes: Any) -> tuple[GpuProcess, ...]:
    return tuple(sorted(processes, key=lambda item: (-(item.used_bytes or 0), item.pid)))


def _by_library() -> tuple[GpuProcess, ...] | None:
    """By nvidia-ml-py, where that is installed (the extra ``gpu``) and finds a driver; blocks."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    try:
        used: dict[int, int | None] = {}
        for number in range(pynvml.nvmlDeviceGetCount()):
            card = pynvml.nvmlDeviceGetHandleByIndex(number)
            for process in pynvml.nvmlDeviceGetComputeRunningProcesses(card):
                size = process.usedGpuMemory
                before = used.get(process.pid)
                used[process.pid] = before if size is None else size + (before or 0)
        return _largest_first(GpuProcess(pid, _nvml_name(pynvml, pid), size) for pid, size in used.items())
    except pynvml.NVMLError:
        return None
    finally:
        with contextlib.suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


def _nvml_name(pynvml: Any, pid: int) -> str:
    try:
        name = pynvml.nvmlSystemGetProcessName(pid)
    except pynvml.NVMLError:
        return ""
    return _name(name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name))


async def _say(program: str, words: Sequence[str]) -> str | None:
    """What a tool prints; None where it fails, or takes too long."""
    try:
        process = await asyncio.create_subprocess_exec(
            program,
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError):
        return None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_PATIENCE_S):
            out = b""
            while chunk := await process.stdout.read(65536):
                out += chunk
                if len(out) > _OUTPUT_LIMIT_BYTES:
                    return None
            code = await process.wait()
    except TimeoutError:
        return None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)  # with its children, which may hold the pipe
            await process.wait()
    return out.decode("utf-8", "replace") if code == 0 else None
