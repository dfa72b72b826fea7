"""Whether the server answers, and what it is."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.types import JobState
from comfy_tui.config import ServerProfile
from comfy_tui.doctor.check import Check, Section, State
from comfy_tui.errors import ComfyError

_SLOW_MS = 1500.0
_TIMEOUT_S = 8.0


async def server_section(profile: ServerProfile, source: str) -> Section:
    """Ask the server what it is; it is only read."""
    checks = [Check("server", "Server", State.NOTE, f"{profile.name}: {profile.url} ({source})")]
    if profile.url.startswith("http://") and profile.headers and not _is_here(profile.url):
        words = "a password or token goes there unencrypted"
        checks.append(Check("plain", "Secrecy", State.WARN, words, "Use https://, or an SSH tunnel."))
    async with ComfyClient(profile, timeout_s=_TIMEOUT_S) as client:
        try:
            await client.system_stats()
            began = time.monotonic()
            stats = await client.system_stats()
        except ComfyError as error:
            bad = Check("answers", "Answers", State.BAD, str(error), error.hint)
            return Section("server", "Server", (*checks, bad))
        took_ms = (time.monotonic() - began) * 1000
        slow = took_ms > _SLOW_MS
        checks.append(
            Check(
                "answers",
                "Answers",
                State.WARN if slow else State.OK,
                f"in {took_ms:.0f} ms",
                "It is busy, or the line is slow: a larger interval_s asks it less." if slow else "",
            )
        )
        versions = [
            f"{name} {version or 'unknown'}"
            for name, version in (
                ("ComfyUI", stats.comfyui_version),
                ("Python", stats.python_version.split()[0] if stats.python_version else None),
                ("PyTorch", stats.pytorch_version),
            )
        ]
        checks.append(Check("versions", "Versions", State.NOTE, ", ".join(versions)))
        for package in stats.packages:
            if package.differs:
                words = f"{package.name} {package.installed} is installed, {package.required} is asked for"
                remedy = "On the server: pip install -r requirements.txt"
                checks.append(Check("package", "Versions", State.WARN, words, remedy))
        devices = ", ".join(device.name for device in stats.devices) or "none told"
        checks.append(Check("devices", "Devices", State.NOTE, devices))
        checks.append(await _jobs_api(client))
    return Section("server", "Server", tuple(checks))


async def _jobs_api(client: ComfyClient) -> Check:
    try:
        listed = await client.jobs((JobState.RUNNING,), 1)
    except ComfyError as error:
        return Check("jobs_api", "Jobs API", State.WARN, str(error), error.hint)
    if listed is None:
        return Check("jobs_api", "Jobs API", State.NOTE, "none: queue and history are asked instead")
    return Check("jobs_api", "Jobs API", State.OK, "there: polls are small")


def _is_here(url: str) -> bool:
    return (urlsplit(url).hostname or "") in ("localhost", "127.0.0.1", "::1")
