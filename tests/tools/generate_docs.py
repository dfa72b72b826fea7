"""Write the tables of docs/guide from the code: ``python tests/tools/generate_docs.py``.

A table stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``; a test fails when it is old.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from comfy_tui.alert_reading import alert_keys, rule_keys, webhook_keys
from comfy_tui.alert_settings import RULES
from comfy_tui.commands import cancel, doctor, events, free, run, validate, watch
from comfy_tui.commands.diagnostic_text import DIAGNOSTIC_KEYS
from comfy_tui.commands.job_list import JOB_KEYS
from comfy_tui.commands.status import JSON_KEYS
from comfy_tui.config import KEYS, SERVER_KEYS, Key
from comfy_tui.inventory import project_file
from comfy_tui.keymap import AREAS, keys_of
from comfy_tui.monitor.event_kinds import KINDS
from comfy_tui.monitor.troubleshoot.table import CAUSES
from comfy_tui.naming import FIELDS, NameTemplate

GUIDE = Path(__file__).resolve().parent.parent.parent / "docs" / "guide"
_BLOCK = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def default_of(key: Key) -> str:
    """A default as it would be written in the file."""
    if key.kind == "own" and isinstance(key.default, tuple):
        return f"`{json.dumps(list(key.default))}`"
    if key.default in (None, "", ()) or key.kind == "own":
        return ""
    if isinstance(key.default, NameTemplate):
        return f'`"{key.default.text}"`'
    if isinstance(key.default, bool):
        return f"`{str(key.default).lower()}`"
    return f'`"{key.default}"`' if isinstance(key.default, str) else f"`{key.default:g}`"


def config_table() -> str:
    """The keys of the config file."""
    rows = (
        (f"`{key.name}`", key.expected, default_of(key), f"`{key.env}`" if key.env else "", key.help)
        for key in KEYS
    )
    return table(("Key", "Value", "Default", "Environment", "Meaning"), rows)


def server_table() -> str:
    """The keys of a server."""
    return table(
        ("Key", "Value", "Meaning"), ((f"`{key.name}`", key.expected, key.help) for key in SERVER_KEYS)
    )


def alerts_table() -> str:
    """The keys of ``[alerts]`` itself."""
    keys = [key for key in alert_keys() if key.name not in RULES]
    rows = ((f"`{key.name}`", key.expected, default_of(key), key.help) for key in keys)
    return table(("Key", "Value", "Default", "Meaning"), rows)


def rules_table() -> str:
    """Every rule of the alerts with its own keys."""
    rows = []
    for name, info in RULES.items():
        rows.append((f"`[alerts.{name}]`", "", "", info.help))
        own = [key for key in rule_keys(name) if key.name not in ("on", "by")]
        rows += [("", f"`{key.name}`", default_of(key), key.help) for key in own]
    return table(("Rule", "Key", "Default", "Meaning"), rows)


def causes_table() -> str:
    """The troubleshooter's table."""
    rows = ((f"**{cause.title}** (`{cause.id}`)", cause.cause, " ".join(cause.steps)) for cause in CAUSES)
    return table(("What", "Why", "What to do"), rows)


def kinds_table() -> str:
    """The kinds of events."""
    return table(("Kind", "Meaning"), ((f"`{kind}`", words) for kind, words in KINDS.items()))


def keys_table() -> str:
    """Every binding, by area."""
    parts = []
    for area, title in AREAS.items():
        rows = [
            (" ".join(f"`{key}`" for key in known.keys), known.help, f"`{known.id}`")
            for known in keys_of(area)
        ]
        if rows:
            parts.append(f"### {title}\n\n" + table(("Key", "What it does", "Binding id"), rows))
    return "\n".join(parts)


def json_table(keys: Mapping[str, str] = JSON_KEYS) -> str:
    """The keys of a JSON object; by default that of ``status --json``."""
    return table(("Key", "Meaning"), ((f"`{key}`", words) for key, words in keys.items()))


def events_table(events: Mapping[str, Mapping[str, str]] = run.EVENT_KEYS) -> str:
    """The events of a command's ``--json`` and their keys; by default those of ``run``."""
    rows = (
        (f"`{event}`" if number == 0 else "", f"`{key}`" if key else "", words)
        for event, keys in events.items()
        for number, (key, words) in enumerate((keys or {"": "it runs now"}).items())
    )
    return table(("Event", "Key", "Meaning"), rows)


TABLES: Mapping[str, Callable[[], str]] = {
    "name-fields": lambda: table(
        ("Field", "Meaning"), ((f"`{{{name}}}`", words) for name, words in FIELDS.items())
    ),
    "doctor-json": lambda: json_table(doctor.JSON_KEYS),
    "config": config_table,
    "servers": server_table,
    "keys": keys_table,
    "alerts": alerts_table,
    "alert-rules": rules_table,
    "alert-webhook": lambda: table(
        ("Key", "Value", "Default", "Meaning"),
        ((f"`{key.name}`", key.expected, default_of(key), key.help) for key in webhook_keys()),
    ),
    "causes": causes_table,
    "event-kinds": kinds_table,
    "events-json": lambda: json_table(events.JSON_KEYS),
    "status-json": json_table,
    "job-json": lambda: json_table(JOB_KEYS),
    "cancel-json": lambda: json_table(cancel.JSON_KEYS),
    "free-json": lambda: json_table(free.JSON_KEYS),
    "validate-json": lambda: json_table(validate.JSON_KEYS),
    "diagnostic-json": lambda: json_table(DIAGNOSTIC_KEYS),
    "run-json": events_table,
    "watch-json": lambda: events_table(watch.EVENT_KEYS),
    "inventory-json": lambda: json_table(project_file.KEYS),
}


def renew(text: str) -> str:
    """The page with its tables as the code has them now."""
    return _BLOCK.sub(lambda found: f"{found[1]}\n{TABLES[found[2]]()}\n{found[3]}", text)


def main() -> int:
    """Renew every page of the guide."""
    for page in sorted(GUIDE.glob("*.md")):
        old = page.read_text(encoding="utf-8")
        new = renew(old)
        if new != old:
            page.write_text(new, encoding="utf-8")
            sys.stdout.write(f"renewed {page.name}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
