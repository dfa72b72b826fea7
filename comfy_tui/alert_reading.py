"""Reads the table ``[alerts]``: every key is checked, and the nearest valid one is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from comfy_tui.alert_settings import RULES, AlertSettings, Body, Osc, Rule, Way, Webhook
from comfy_tui.settings import Key, Own, Reader, nearest


def alert_keys() -> tuple[Key, ...]:
    """The keys of ``[alerts]`` itself."""
    return (
        Key("by", "own", AlertSettings().by, "How alerts reach you, for rules that do not say.", own=_WAYS),
        Key("title", "bool", True, "Tell in the terminal's title how much is left."),
        Key(
            "notification",
            "choice",
            Osc.AUTO,
            "Which sequence asks the terminal for a notification; `auto` goes by the terminal.",
            choices=Osc,
        ),
        Key("command", "command", "", "Run for alerts that go by `command`: text on stdin and in variables."),
        Key("webhook", "own", None, "Where alerts that go by `webhook` are posted.", own=_WEBHOOK),
        *(Key(name, "own", None, info.help, own=_RULE) for name, info in RULES.items()),
    )


def webhook_keys() -> tuple[Key, ...]:
    """The keys of ``[alerts.webhook]``."""
    return (
        Key("url", "secret", None, "The address, such as `https://ntfy.sh/your-topic`. Required."),
        Key("headers", "secrets", (), "Headers for it: name to value."),
        Key("body", "choice", Body.TEXT, "Plain text (ntfy and like), or a JSON object.", choices=Body),
    )


def rule_keys(name: str) -> tuple[Key, ...]:
    """The keys of ``[alerts.NAME]``."""
    info = RULES[name]
    return (
        Key("on", "bool", True, "Whether the rule holds."),
        Key("by", "own", None, "How its alerts reach you.", own=_WAYS),
        *(
            Key(number, "number", default, words, low, high)
            for number, (default, low, high, words) in info.numbers.items()
        ),
        *(
            (Key("folder", "path", None, "A folder on that disk; without it, the server's own."),)
            * info.has_folder
        ),
    )


def read_alerts(reader: Reader, data: Mapping[str, Any], place: str) -> AlertSettings:
    """The table as values.

    Raises:
        ConfigError: names the key, and what is expected there.
    """
    values = reader.table(data, alert_keys(), f"{place}.")
    rules = {name: values.pop(name) for name in RULES if name in values}
    settings = AlertSettings(**values, rules=rules)
    used = {way for name in RULES if settings.rule(name).on for way in settings.ways(name)}
    if Way.COMMAND in used and not settings.command:
        raise reader.bad(f"{place}.command", "is missing: a rule goes by it", 'Write command = "..."')
    if Way.WEBHOOK in used and settings.webhook is None:
        raise reader.bad(
            f"{place}.webhook", "is missing: a rule goes by it", f"Write [{place}.webhook] and url."
        )
    return settings


def read_rule(reader: Reader, data: Mapping[str, Any], place: str) -> Rule:
    """The table of one rule."""
    name = place.rpartition(".")[2]
    values = reader.table(data, rule_keys(name), f"{place}.")
    numbers = {key: values.pop(key) for key in RULES[name].numbers if key in values}
    return Rule(**values, numbers=numbers)


def read_webhook(reader: Reader, data: Mapping[str, Any], place: str) -> Webhook:
    """The table of the webhook."""
    values = reader.table(data, webhook_keys(), f"{place}.")
    url = values.get("url")
    if url is None:
        raise reader.bad(f"{place}.url", "is missing", 'Write url = "https://ntfy.sh/your-topic".')
    if url.kind == "value" and not is_address(url.text.reveal()):
        raise reader.bad(f"{place}.url", "expected an address that begins with https:// or http://")
    return Webhook(**values)


def is_address(text: str) -> bool:
    """Whether something can be posted there."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def read_ways(reader: Reader, value: list[Any], place: str) -> tuple[Way, ...]:
    """A list of ways."""
    for item in value:
        if not isinstance(item, str) or item not in list(Way):
            shown = item if isinstance(item, str) else "one of them"
            raise reader.bad(
                place, f"{shown!r} is no way of alerting"[:80], nearest(str(item)[:40], list(Way))
            )
    return tuple(dict.fromkeys(Way(item) for item in value))


_WAYS = Own(list, read_ways, "a list of " + ", ".join(Way))
_RULE = Own(dict, read_rule, "a table, as in [alerts.done]")
_WEBHOOK = Own(dict, read_webhook, "a table, as in [alerts.webhook]")
ALERTS_KEY = Key(
    "alerts",
    "own",
    AlertSettings(),
    "What you are alerted of, and how.",
    own=Own(dict, read_alerts, "a table, as in [alerts]"),
)
