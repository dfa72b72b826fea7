"""What a person wants to be alerted of, and how: the table ``[alerts]`` of the config as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from comfy_tui.profile import Credential, SecretSource


class Way(StrEnum):
    """How an alert reaches a person."""

    TOAST = "toast"
    BELL = "bell"
    NOTIFICATION = "notification"
    COMMAND = "command"
    WEBHOOK = "webhook"


class Osc(StrEnum):
    """Which escape sequence asks the terminal for a notification."""

    AUTO = "auto"
    OSC9 = "osc9"
    OSC777 = "osc777"


class Body(StrEnum):
    """What a webhook is sent."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.  ``by`` None: the ways of all rules."""

    on: bool = True
    by: tuple[Way, ...] | None = None
    #: Its numbers by their key: ``after_s``, ``percent``, ``for_s``, ``free_gb``.
    numbers: Mapping[str, float] = field(default_factory=dict)
    #: For the disk: where to look.
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that alerts are posted to.  The address itself may be a secret."""

    url: SecretSource
    headers: tuple[Credential, ...] = ()
    body: Body = Body.TEXT


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """What a rule is about, for reading the config and for the guide."""

    help: str
    #: Numbers with their default, lowest and highest value, and meaning.
    numbers: Mapping[str, tuple[float, float, float, str]] = field(default_factory=dict)
    has_folder: bool = False


#: Every rule, in the order of the guide.
RULES: Mapping[str, RuleInfo] = {
    "done": RuleInfo(
        "A job of ours has ended well.",
        {"after_s": (60.0, 0, 604_800, "only where it ran at least so many seconds")},
    ),
    "failed": RuleInfo("A job of ours has ended with an error."),
    "lost": RuleInfo(
        "Jobs of ours are listed nowhere any more: the server forgot them, or somebody took them out."
    ),
    "long": RuleInfo("A job runs longer than `long_job_minutes`."),
    "queue_empty": RuleInfo(
        "Nothing runs or waits any more.",
        {"after_s": (60.0, 0, 604_800, "only where more than one job ended and it was busy so many seconds")},
    ),
    "server": RuleInfo(
        "The server does not answer any more, or answers again.",
        {"after_s": (15.0, 0, 86_400, "it must be gone so many seconds")},
    ),
    "vram": RuleInfo(
        "The memory of a card is nearly full.",
        {
            "percent": (97.0, 1, 100, "more than this share is in use"),
            "for_s": (60.0, 0, 86_400, "for so many seconds without a break"),
        },
    ),
    "disk": RuleInfo(
        "The disk of the outputs is nearly full; only known where the server is on this machine.",
        {"free_gb": (5.0, 0.01, 100_000, "less than so many gigabytes are free")},
        has_folder=True,
    ),
}


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """The whole table."""

    by: tuple[Way, ...] = (Way.TOAST, Way.NOTIFICATION)
    #: Whether the terminal's title tells how much is left.
    title: bool = True
    notification: Osc = Osc.AUTO
    #: A command line, run without a shell.
    command: str = ""
    webhook: Webhook | None = None
    rules: Mapping[str, Rule] = field(default_factory=dict)

    def rule(self, name: str) -> Rule:
        """A rule, as given or by default."""
        return self.rules.get(name, _DEFAULT)

    def number(self, name: str, key: str) -> float:
        """A number of a rule, as given or by default."""
        return self.rule(name).numbers.get(key, RULES[name].numbers[key][0])

    def ways(self, name: str) -> tuple[Way, ...]:
        """How that rule's alerts go out."""
        by = self.rule(name).by
        return self.by if by is None else by


_DEFAULT = Rule()
