"""Whether the server answers, what it is, and what of it can be used."""

from __future__ import annotations

import asyncio
import time
import uuid

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.comfy.reach import is_loopback
from comfy_tui.comfy.socket import greet
from comfy_tui.comfy.types import JobState, SystemStats
from comfy_tui.config import ServerProfile
from comfy_tui.doctor.check import Check, Section, State
from comfy_tui.errors import ComfyError
from comfy_tui.text import count_of, format_duration

_SLOW_MS = 1500.0
_TIMEOUT_S = 8.0
#: A difference of clocks that is not told: the date of an answer is only known to a second.
_SAME_CLOCK_S = 2.5
#: From here on the ages of jobs are visibly wrong.
_OTHER_CLOCK_S = 60.0
#: What nginx lacks where HTTP gets through and the websocket does not.
_NGINX = (
    "proxy_http_version 1.1;",
    "proxy_set_header Upgrade $http_upgrade;",
    'proxy_set_header Connection "upgrade";',
)


async def server_section(profile: ServerProfile, source: str) -> Section:
    """Ask the server what it is; it is only read."""
    checks = [Check("server", "Server", State.NOTE, f"{profile.name}: {profile.url} ({source})")]
    if profile.url.startswith("http://") and profile.headers and not is_loopback(profile.url):
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
        checks.append(_answers((time.monotonic() - began) * 1000))
        clock = _clock(client.clock_ahead_s)
        checks += _versions(stats)
        parts = await asyncio.gather(_socket(profile), _jobs_api(client), _log(client), _manager(client))
    return Section("server", "Server", (*checks, *parts, clock))


def _answers(took_ms: float) -> Check:
    slow = took_ms > _SLOW_MS
    return Check(
        "answers",
        "Answers",
        State.WARN if slow else State.OK,
        f"in {took_ms:.0f} ms",
        "It is busy, or the line is slow: a larger interval_s asks it less." if slow else "",
    )


def _versions(stats: SystemStats) -> list[Check]:
    versions = [
        f"{name} {version or 'unknown'}"
        for name, version in (
            ("ComfyUI", stats.comfyui_version),
            ("Python", stats.python_version.split()[0] if stats.python_version else None),
            ("PyTorch", stats.pytorch_version),
        )
    ]
    versions += [f"{package.name} {package.installed}" for package in stats.packages if package.installed]
    checks = [Check("versions", "Versions", State.NOTE, ", ".join(versions))]
    for package in stats.packages:
        if package.differs:
            words = f"{package.name} {package.installed} is installed, {package.required} is asked for"
            remedy = "On the server: pip install -r requirements.txt"
            checks.append(Check("package", "Versions", State.WARN, words, remedy))
    devices = ", ".join(device.name for device in stats.devices) or "none told"
    return [*checks, Check("devices", "Devices", State.NOTE, devices)]


async def _socket(profile: ServerProfile) -> Check:
    why = await greet(profile, f"comfy-tui-doctor-{uuid.uuid4().hex}", _TIMEOUT_S)
    if not why:
        return Check("websocket", "Websocket", State.OK, "open: steps, previews and ends come at once")
    refused = "perhaps by a proxy" in why
    remedy = (
        "A proxy must let websockets through, with the same credentials. For nginx, in its location:"
        if refused
        else "Jobs are still followed, by polling; without steps, previews and a live log."
    )
    return Check(
        "websocket",
        "Websocket",
        State.WARN,
        f"polling only: {why}",
        remedy,
        _NGINX if refused else (),
    )


async def _jobs_api(client: ComfyClient) -> Check:
    try:
        listed = await client.jobs((JobState.RUNNING,), 1)
    except ComfyError as error:
        return Check("jobs_api", "Jobs API", State.WARN, str(error), error.hint)
    if listed is None:
        return Check("jobs_api", "Jobs API", State.NOTE, "none: queue and history are asked instead")
    return Check("jobs_api", "Jobs API", State.OK, "there: polls are small")


async def _log(client: ComfyClient) -> Check:
    try:
        entries = await client.log_entries()
    except ComfyError as error:
        remedy = "Without it failures have no log lines, and a restart is harder to tell (5)."
        return Check("log", "Its log", State.WARN, f"cannot be read: {error}", remedy)
    return Check("log", "Its log", State.OK, f"can be read: {count_of(len(entries), 'write')} kept")


async def _manager(client: ComfyClient) -> Check:
    try:
        manager = await client.manager()
    except ComfyError as error:
        return Check("manager", "Manager", State.WARN, str(error), error.hint)
    if manager is None:
        words = "none: what a workflow lacks is named, with the command that installs it"
        return Check("manager", "Manager", State.NOTE, words)
    look = ", with its old user interface" if manager.legacy_ui else ""
    return Check("manager", "Manager", State.OK, f"ComfyUI-Manager {manager.version}{look}")


def _clock(ahead_s: float | None) -> Check:
    if ahead_s is None:
        return Check("clock", "Clock", State.NOTE, "not known: its answers have no date")
    if abs(ahead_s) <= _SAME_CLOCK_S:
        return Check("clock", "Clock", State.OK, "as here, to about two seconds")
    words = f"{format_duration(abs(ahead_s))} {'ahead of' if ahead_s > 0 else 'behind'} the one here"
    if abs(ahead_s) < _OTHER_CLOCK_S:
        return Check("clock", "Clock", State.NOTE, words)
    remedy = "Ages of jobs are wrong by as much: set both clocks by NTP."
    return Check("clock", "Clock", State.WARN, words, remedy)
