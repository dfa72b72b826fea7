"""The keys of the config file, and how their values are read and checked.

One table drives loading, the overrides of the environment, and the generated docs.
"""

from __future__ import annotations

import difflib
import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from comfy_tui.errors import ConfigError
from comfy_tui.naming import DEFAULT_NAME, NameTemplate
from comfy_tui.pictures.mode import ImageMode
from comfy_tui.profile import (
    BasicCredentials,
    Credential,
    SecretSource,
    ServerProfile,
    basic_credential,
    check_header_name,
    normalise_url,
)
from comfy_tui.secret import Secret
from comfy_tui.text import clean

TITLE = "The config cannot be used"
#: Words that only a shell understands: without one they would be arguments, silently.
_SHELL_WORDS = frozenset({"|", "||", "&", "&&", ";", ">", ">>", "<", "2>&1"})
_SHELL_HINT = "Write a script and name it here, or use: sh -c '...'."
_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off", "")

Kind = Literal[
    "text",
    "choice",
    "bool",
    "number",
    "integer",
    "path",
    "paths",
    "name",
    "secret",
    "secrets",
    "keys",
    "servers",
    "command",
    "own",
]
_EXPECTED: Mapping[Kind, str] = {
    "text": "text in quotes",
    "choice": "one of",
    "bool": "true or false",
    "number": "a number",
    "integer": "a whole number",
    "path": "a path in quotes",
    "paths": "a list of paths in quotes",
    "name": "a name with fields in quotes",
    "secret": 'text in quotes, {env = "NAME"} or {command = "..."}',
    "secrets": "a table of header names",
    "keys": "a table of binding ids",
    "servers": "a table of servers, as in [servers.box]",
    "command": "a command line in quotes",
    "own": "",
}


@dataclass(frozen=True, slots=True)
class Own:
    """How a value of the kind ``own`` is read: a list or a table, by whom, and what it must be, in words."""

    kind: type[list[Any]] | type[dict[str, Any]]
    read: Callable[[Reader, Any, str], Any]
    words: str


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the config file."""

    name: str
    kind: Kind
    default: Any
    help: str
    low: float | None = None
    high: float | None = None
    #: For a choice: what there is to choose from.
    choices: type[StrEnum] | None = None
    #: For the kind ``own``.
    own: Own | None = None

    @property
    def expected(self) -> str:
        """What a value must be, in words."""
        words = self.own.words if self.own is not None else _EXPECTED[self.kind]
        if self.choices is not None:
            words += " " + ", ".join(f'"{choice}"' for choice in self.choices)
        return words if self.low is None else f"{words} from {self.low:g} to {self.high:g}"

    @property
    def env(self) -> str:
        """The environment variable that overrides the key, or an empty string."""
        return "" if self.kind in ("servers", "keys", "own") else f"COMFY_TUI_{self.name.upper()}"


KEYS: tuple[Key, ...] = (
    Key(
        "default_server", "text", "", "The server to open when none is named: a name of `[servers]` or a URL."
    ),
    Key("interval_s", "number", 5.0, "Seconds between two looks at the server.", 1, 3600),
    Key("theme", "text", "dark", "`dark`, `light`, `high-contrast`, `colour-blind`, or one of your own."),
    Key("ascii", "bool", False, "Draw with plain ASCII only."),
    Key(
        "images",
        "choice",
        ImageMode.AUTO,
        "How pictures are shown; `auto` is what the terminal can.",
        choices=ImageMode,
    ),
    Key("readonly", "bool", False, "Never change anything on a server."),
    Key("workflow_folders", "paths", (), "More folders to list workflows from."),
    Key("save_folder", "path", None, "Where outputs are saved; without it, the console asks."),
    Key(
        "save_name",
        "name",
        DEFAULT_NAME,
        "How saved files are called: `{date}/{workflow}_{seed}_{n}.{ext}`; see Saving.",
    ),
    Key("save_stripped", "bool", False, "Save files without the prompt and the workflow in them."),
    Key("auto_save", "bool", False, "Save every new output of your jobs to `save_folder`."),
    Key("history_items", "integer", 50, "How many finished jobs to ask the server for.", 1, 1000),
    Key(
        "journal_days", "number", 90.0, "For how many days the journal keeps jobs that have ended.", 1, 36500
    ),
    Key(
        "journal_mb", "integer", 256, "How many megabytes the journal keeps; the oldest go first.", 1, 100000
    ),
    Key("long_job_minutes", "number", 10.0, "Warn once when a job runs longer than this.", 0.1, 10080),
    Key("keys", "keys", (), "Other keys for actions: binding id to a key, or to a list of keys."),
    Key("servers", "servers", (), "The servers you use, a table each: `[servers.NAME]`."),
)

SERVER_KEYS: tuple[Key, ...] = (
    Key("url", "text", "", "The address: `box`, `box:8188`, `https://box.example/comfy`. Required."),
    Key("token", "secret", None, "Sent as `Authorization: Bearer ...`."),
    Key("username", "text", "", "For basic authentication, with `password`."),
    Key("password", "secret", None, "For basic authentication, with `username`."),
    Key("headers", "secrets", (), "More headers for every request: name to value."),
    Key("ca_file", "path", None, "Certificates (PEM) to trust instead of the system's."),
    Key("insecure", "bool", False, "Do not check the server's certificate."),
    Key("readonly", "bool", False, "Never change anything on this server."),
    Key(
        "restart_command",
        "command",
        "",
        "A command of yours that restarts this server, offered for a job that does not stop; no shell.",
    ),
)


@contextmanager
def naming(place: str) -> Iterator[None]:
    """Put the place that a bad value came from in front of its error."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(error.title, f"{place}: {error.message}", error.hint) from None


def nearest(word: str, valid: Iterable[str]) -> str:
    """Which valid word may have been meant, and all of them."""
    words = sorted(valid)
    close = difflib.get_close_matches(word, words, n=1, cutoff=0.5)
    return (f"Did you mean {close[0]}? " if close else "") + f"Valid: {', '.join(words)}."


class Reader:
    """Reads one source of values; its errors name that source."""

    def __init__(self, source: str, base: Path) -> None:
        self.source = source
        self.base = base
        self.plain_secrets: list[str] = []

    def bad(self, key: str, reason: str, hint: str = "") -> ConfigError:
        """The error for a key of this source."""
        return ConfigError(TITLE, ": ".join(part for part in (self.source, key, reason) if part), hint)

    def table(self, data: Mapping[str, Any], keys: tuple[Key, ...], prefix: str) -> dict[str, Any]:
        """The values of a table, all of them checked."""
        known = {key.name: key for key in keys}
        for name in data:
            if name not in known:
                raise self.bad(f"{prefix}{name}", "unknown key", nearest(name, known))
        return {name: self.value(known[name], value, prefix + name) for name, value in data.items()}

    def value(self, key: Key, value: Any, name: str) -> Any:
        """The value in the type of its field, or an error that says what is expected."""
        match key.kind, value:
            case "text", str():
                return value.strip()
            case "choice", str():
                if key.choices is not None and value.strip().lower() in list(key.choices):
                    return key.choices(value.strip().lower())
            case "bool", bool():
                return value
            case ("number", int() | float()) | ("integer", int()) if not isinstance(value, bool):
                if key.low is not None and key.high is not None and not key.low <= value <= key.high:
                    raise self.bad(name, f"expected {key.expected}, not {value}")
                return float(value) if key.kind == "number" else value
            case "path", str():
                return self.path(value, name)
            case "paths", list():
                return tuple(self.path(item, name) for item in value)
            case "name", str():
                return self.template(value, name)
            case "command", str():
                return self.command(value, name)
            case "secret", _:
                return self.secret(value, name)
            case "secrets", dict():
                return tuple(self.header(header, item, name) for header, item in value.items())
            case "own", list() | dict() if key.own is not None and isinstance(value, key.own.kind):
                return key.own.read(self, value, name)
            case "keys", dict():
                return tuple((item, self.key_names(f"{name}.{item}", keys)) for item, keys in value.items())
            case "servers", dict():
                return tuple(self.server(server, item) for server, item in value.items())
        given = (
            f'"{clean(value, 40)}"' if key.kind == "choice" and isinstance(value, str) else _kind_of(value)
        )
        raise self.bad(name, f"expected {key.expected}, not {given}")

    def from_env(self, key: Key, raw: str) -> Any:
        """The value of an environment variable."""
        value: Any = raw
        if key.kind == "bool":
            value = True if raw.lower() in _TRUE else False if raw.lower() in _FALSE else raw
        elif key.kind in ("number", "integer"):
            try:
                value = int(raw) if key.kind == "integer" else float(raw)
            except ValueError:
                value = raw
        elif key.kind == "paths":
            value = [part for part in raw.split(os.pathsep) if part]
        return self.value(key, value, "")

    def path(self, value: Any, name: str) -> Path:
        """A path; a relative one starts at the folder of the config file."""
        if not isinstance(value, str) or not value.strip() or "\0" in value:
            raise self.bad(name, f"expected a path in quotes, not {_kind_of(value)}")
        try:
            return self.base / Path(value).expanduser()
        except RuntimeError:
            raise self.bad(name, f"there is no such home folder: {value}") from None

    def template(self, value: str, name: str) -> NameTemplate:
        """A template of names."""
        try:
            return NameTemplate.parse(value)
        except ConfigError as error:
            raise self.bad(name, error.message, error.hint) from None

    def command(self, value: str, name: str) -> str:
        """A command line whose words can be told apart: it is run without a shell."""
        try:
            words = shlex.split(value)
        except ValueError as error:
            raise self.bad(name, f"cannot be read: {error}", "Check its quotes.") from None
        if "\0" in value or not value.isprintable():
            raise self.bad(name, "expected one line of plain text")
        if any(word in _SHELL_WORDS or word.startswith(("$(", "`")) for word in words):
            raise self.bad(name, "holds a sign of the shell, and no shell runs it", _SHELL_HINT)
        return value.strip()

    def secret(self, value: Any, name: str) -> SecretSource:
        """One of the three forms of a secret."""
        match value:
            case str() if value:
                self.plain_secrets.append(name)
                return SecretSource("value", Secret(value), name)
            case {"env": str() as text, **rest} if text.strip() and not rest:
                return SecretSource("env", Secret(text.strip()), name)
            case {"command": str() as text, **rest} if text.strip() and not rest:
                return SecretSource("command", Secret(text), name)
        raise self.bad(name, f"expected {_EXPECTED['secret']}")

    def header(self, header: str, value: Any, name: str) -> Credential:
        """One header of a server."""
        if problem := check_header_name(header):
            raise self.bad(f"{name}.{header}", problem)
        source = self.secret(value, f"{name}.{header}")
        if source.kind == "value" and not (source.text.isascii() and source.text.isprintable()):
            raise self.bad(f"{name}.{header}", "expected one line of plain ASCII text")
        return Credential(header, source)

    def key_names(self, name: str, value: Any) -> tuple[str, ...]:
        """The keys for a binding id."""
        names = value.split(",") if isinstance(value, str) and value != "," else value
        names = [names] if isinstance(names, str) else names
        if (
            not isinstance(names, list)
            or not names
            or not all(isinstance(item, str) and item.strip() for item in names)
        ):
            raise self.bad(name, f"expected a key or a list of keys in quotes, not {_kind_of(value)}")
        return tuple(item.strip() for item in names)

    def server(self, name: str, data: Any) -> ServerProfile:
        """One table of ``[servers]``."""
        place = f"servers.{name}"
        if not name.strip():
            raise self.bad(place, "a server needs a name")
        if not isinstance(data, dict):
            raise self.bad(
                place, f"expected a table, not {_kind_of(data)}", f'Write [{place}] and url = "..."'
            )
        values = self.table(data, SERVER_KEYS, f"{place}.")
        if not values.get("url"):
            raise self.bad(f"{place}.url", "is missing", 'Write url = "http://box:8188".')
        with naming(f"{self.source}: {place}.url"):
            url, basic = normalise_url(values["url"])
        if basic is not None:
            self.plain_secrets.append(f"{place}.url")
        return ServerProfile(
            name,
            url,
            ca_file=str(values.get("ca_file") or ""),
            insecure=values.get("insecure", False),
            readonly=values.get("readonly", False),
            headers=self.credentials(values, basic, place),
            restart_command=values.get("restart_command", ""),
        )

    def credentials(
        self, values: Mapping[str, Any], basic: BasicCredentials | None, place: str
    ) -> tuple[Credential, ...]:
        """The headers of a server, each given once."""
        out: list[Credential] = list(values.get("headers", ()))
        if "token" in values:
            out.append(Credential("Authorization", values["token"], "bearer"))
        if ("username" in values) != ("password" in values):
            lacking = "password" if "username" in values else "username"
            raise self.bad(f"{place}.{lacking}", "is missing: username and password go together")
        if "username" in values:
            out.append(basic_credential(values["username"], values["password"]))
        if basic is not None:
            out.append(basic_credential(basic[0], SecretSource("value", basic[1], f"{place}.url")))
        names = [credential.header.lower() for credential in out]
        if double := next((name for name in names if names.count(name) > 1), ""):
            raise self.bad(
                place,
                f"the header {double} is given more than once",
                "Use one of token, username with password, credentials in the URL, or headers.",
            )
        return tuple(out)


def _kind_of(value: Any) -> str:
    """The kind of a TOML value in words; never the value itself, which may be a secret."""
    words = {str: "this text", bool: "true or false", int: "a number", float: "a number"}
    return {**words, list: "a list", dict: "a table"}.get(type(value), "a date or time")
