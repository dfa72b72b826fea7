"""Names for saved files: one harmless path component, and templates: ``{date}/{workflow}_{n}.{ext}``."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from comfy_tui.errors import ConfigError
from comfy_tui.text import DROP

_NAME_BYTES = 200
_ENDING_BYTES = 16
_VALUE_BYTES = 80
_MOST_FOLDERS = 8
#: Names that Windows gives to devices, with any ending.
_RESERVED = {
    *("CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"),
    *(f"{port}{sign}" for port in ("COM", "LPT") for sign in "0123456789¹²³"),
}
_UNWELCOME = str.maketrans(dict.fromkeys('<>:"|?*', "_"))
_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")

#: What a template may say, and what each stands for.
FIELDS: Mapping[str, str] = {
    "name": "the server's name of the file, without its ending",
    "ext": "the ending",
    "n": "a number: the first that is free, from 00001",
    "date": "the day on which the job ended, 2026-11-27",
    "time": "the time of day, 142530",
    "workflow": "the workflow's name",
    "seed": "the seed",
    "model": "the first model",
    "prompt": "the first words of the prompt",
    "node": "the node that made it",
    "id": "the first letters of the job's id",
    "server": "the server's name in the config",
}


def safe_name(filename: str) -> str:
    """A name for the file of that name on a server: one path component, harmless in a shell and anywhere.

    Folders in it are dropped, and control characters, leading dots, dashes and tildes, and what Windows
    forbids; it has at most 200 bytes and keeps its ending.
    """
    name = filename.replace("\\", "/").rsplit("/", 1)[-1]
    name = name.translate(DROP).translate(_UNWELCOME)
    name = name.encode("utf-8", "ignore").decode("utf-8")
    name = name.strip(" .")
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending.encode()) > _ENDING_BYTES:
        stem, dot, ending = name, "", ""
    stem = stem.lstrip("-.~ ").rstrip(" .") or "output"
    room = _NAME_BYTES - len((dot + ending).encode())
    stem = stem.encode()[:room].decode("utf-8", "ignore").rstrip(" .")
    if stem.split(".")[0].strip().upper() in _RESERVED:
        stem = "_" + stem
    return stem + dot + ending


@dataclass(frozen=True, slots=True)
class NameTemplate:
    """A checked template; made by :meth:`parse`."""

    text: str
    #: Texts and fields in turn; a field is a tuple of its name.
    _pieces: tuple[str | tuple[str], ...]

    @classmethod
    def parse(cls, text: str) -> NameTemplate:
        """Check a template.

        Raises:
            ConfigError: it has an unknown field, a lone brace, or leads out of the folder.
        """
        pieces: list[str | tuple[str]] = []
        at = 0
        for found in _PIECE.finditer(text):
            pieces.append(text[at : found.start()])
            at = found.end()
            if found.group() in ("{{", "}}"):
                pieces.append(found.group()[0])
            elif found.group(1) is None:
                raise _bad(f"{found.group()} stands alone", "Write {{ or }} for a brace.")
            elif found.group(1) not in FIELDS:
                raise _bad(f"there is no field {found.group()}", _nearest(found.group(1)))
            else:
                pieces.append((found.group(1),))
        pieces.append(text[at:])
        made = cls(text, tuple(piece for piece in pieces if piece))
        made._check()
        return made

    def _check(self) -> None:
        shape = "".join(piece if isinstance(piece, str) else "x" for piece in self._pieces)
        if not shape.strip():
            raise _bad("it is empty", 'Write "{name}.{ext}" for the server\'s own names.')
        if "\\" in shape or any(ord(sign) in DROP for sign in shape):
            raise _bad("backslashes and control characters cannot be in it", "Write / between folders.")
        parts = shape.split("/")
        if any(part.strip(" .") == "" for part in parts) or shape.startswith("~"):
            words = f"{self.text!r} leads out of the folder or has an empty part"
            raise _bad(words, "It starts in the folder.")
        if len(parts) > _MOST_FOLDERS:
            raise _bad("too many folders", f"At most {_MOST_FOLDERS - 1}.")

    @property
    def counts(self) -> bool:
        """Whether it has a number of its own that makes names free."""
        return ("n",) in self._pieces

    @property
    def fields(self) -> frozenset[str]:
        """The fields that it uses."""
        return frozenset(piece[0] for piece in self._pieces if isinstance(piece, tuple))

    def names(self, values: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
        """The names to try, as path components, each harmless; the first that is free is taken.

        Without ``{n}`` they are ``name.png``, ``name (1).png`` and so on.

        Args:
            values: of the fields; what lacks is left out with the sign that joins it.
        """
        ending = safe_name("x." + values.get("ext", "")).partition(".")[2] if values.get("ext") else ""
        for number in range(1, 100_000):
            parts = self._fill({**values, "n": f"{number:05}", "ext": ending})
            *folders, name = [safe_name(part) for part in parts.split("/")]
            if ending and not name.lower().endswith(f".{ending.lower()}"):
                name = safe_name(f"{name}.{ending}")
            if not self.counts and number > 1:
                stem, dot, end = name.rpartition(".")
                name = f"{stem} ({number - 1}){dot}{end}" if dot else f"{name} ({number - 1})"
            yield (*folders, name)

    def _fill(self, values: Mapping[str, str]) -> str:
        out = ""
        for piece in self._pieces:
            if isinstance(piece, str):
                out += piece
                continue
            value = _component(values.get(piece[0], ""), _NAME_BYTES if piece[0] == "name" else _VALUE_BYTES)
            # Nothing known: "{workflow}_{seed}_{n}" without a seed has one "_" there.
            out = out.rstrip("_- ") if not value and out and out[-1] in "_- " else out + value
        return out


#: The server's own names.
DEFAULT_NAME = NameTemplate.parse("{name}.{ext}")


def _component(value: str, limit_bytes: int) -> str:
    """A value as a part of one name: no folder can be made by it."""
    text = value.replace("/", "_").replace("\\", "_").translate(DROP).translate(_UNWELCOME)
    text = " ".join(text.split())
    return text.encode("utf-8", "ignore")[:limit_bytes].decode("utf-8", "ignore").strip(" .")


def _nearest(word: str) -> str:
    close = difflib.get_close_matches(word.strip().lower(), FIELDS, n=1, cutoff=0.4)
    meant = f"Did you mean {{{close[0]}}}? " if close else ""
    return f"{meant}Fields: {', '.join(f'{{{name}}}' for name in FIELDS)}."


def _bad(message: str, hint: str) -> ConfigError:
    return ConfigError("The name template cannot be used", message, hint)
