"""Hands alerts to the ways of the config, and not more of them than a person can bear."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from comfy_tui.alert_settings import AlertSettings, Way
from comfy_tui.monitor.alerts.alert import Alert
from comfy_tui.monitor.alerts.outbound import Outbound

#: So many alerts go out in a minute; the others are in the list of events.
_BURST = 6
_BURST_S = 60.0


class Voice(Protocol):
    """How the console itself speaks to a person."""

    def toast(self, title: str, message: str, severity: str) -> None:
        """Show a toast."""

    def ring(self) -> None:
        """Ring the terminal's bell."""

    def notify_desktop(self, title: str, message: str) -> None:
        """Ask the terminal for a notification."""


class AlertDesk:
    """Sends alerts out.

    Args:
        settings: the ways.
        voice: the console.
        clock: the time in Unix seconds.
    """

    def __init__(
        self, settings: AlertSettings, voice: Voice, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._voice = voice
        self._clock = clock
        self._sent: deque[float] = deque(maxlen=_BURST)
        self._said_burst = False
        self.outbound = Outbound(settings, self._problem)

    def send(self, alert: Alert) -> None:
        """Send an alert by the ways of its rule."""
        now = self._clock()
        if len(self._sent) == _BURST and now - self._sent[0] < _BURST_S:
            if not self._said_burst:
                self._said_burst = True
                words = f"More than {_BURST} in a minute: the list of events (5) has them all."
                self._out(Alert("many", "", "Many alerts", words, "warning", alert.server), self._settings.by)
            return
        self._said_burst = False
        self._sent.append(now)
        self._out(alert, self._settings.ways(alert.rule))

    def _out(self, alert: Alert, ways: tuple[Way, ...]) -> None:
        for way in ways:
            match way:
                case Way.TOAST:
                    if not alert.toasted:
                        self._voice.toast(alert.title, alert.message, alert.severity)
                case Way.BELL:
                    self._voice.ring()
                case Way.NOTIFICATION:
                    self._voice.notify_desktop(alert.title, alert.message)
                case Way.COMMAND | Way.WEBHOOK:
                    self.outbound.send(alert, way)

    def _problem(self, title: str, why: str) -> None:
        self._voice.toast(f"{title} does not work", f"{why}. Look at [alerts] in the config.", "warning")

    async def close(self) -> None:
        """End what is under way."""
        await self.outbound.close()


def disk_folder(argv: tuple[str, ...]) -> Path | None:
    """Where a server on this machine writes, by its arguments; None where they do not tell."""
    told: Mapping[str, str] = _options(argv)
    for option in ("--output-directory", "--base-directory"):
        if option in told and Path(told[option]).is_absolute():
            return Path(told[option])
    script = Path(argv[0]) if argv else Path()
    return script.parent if script.is_absolute() else None


def _options(argv: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for position, word in enumerate(argv):
        name, equals, value = word.partition("=")
        if name.startswith("--"):
            found[name] = value if equals else "".join(argv[position + 1 : position + 2])
    return found


async def free_gb(folder: Path) -> float | None:
    """Gigabytes that are free where that folder lies; None where it is not here."""
    import shutil

    try:
        usage = await asyncio.to_thread(shutil.disk_usage, folder)
    except (OSError, ValueError):
        return None
    return usage.free / 1e9
