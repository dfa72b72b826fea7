"""Themes: a TOML file each, checked before Textual sees them, because a bad colour ends the console."""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comfy_tui import paths

if TYPE_CHECKING:
    from textual.theme import Theme as TextualTheme

DEFAULT_THEME = "dark"
THEME_LIMIT = 100_000
COLOURS = (
    *("primary", "secondary", "accent", "foreground", "background"),
    *("surface", "panel", "success", "warning", "error"),
)
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,40}$")
_AUTO = re.compile(r"^auto( \d{1,3}%)?$")
_STYLES = frozenset({"b", "bold", "dim", "i", "italic", "none", "not", "reverse", "strike", "u", "underline"})


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of the console; an empty one is made from ``primary``."""

    name: str
    primary: str
    secondary: str = ""
    accent: str = ""
    foreground: str = ""
    background: str = ""
    surface: str = ""
    panel: str = ""
    success: str = ""
    warning: str = ""
    error: str = ""
    dark: bool = True
    #: More variables of Textual's style sheets, with their values.
    variables: tuple[tuple[str, str], ...] = ()
    builtin: bool = False

    def as_textual(self) -> TextualTheme:
        """The theme as ``App.register_theme`` takes it."""
        from textual.theme import Theme as TextualTheme

        colours: dict[str, Any] = {key: getattr(self, key) or None for key in COLOURS if key != "primary"}
        return TextualTheme(
            name=self.name, primary=self.primary, dark=self.dark, variables=dict(self.variables), **colours
        )


def builtin_dir() -> Path:
    """The folder of the built-in themes: in the wheel, or at the top of the repository."""
    packaged = Path(str(files("comfy_tui"))) / "data" / "themes"
    return packaged if packaged.is_dir() else Path(__file__).resolve().parent.parent / "themes"


def load_themes(user_dir: Path | None = None) -> tuple[tuple[Theme, ...], tuple[str, ...]]:
    """All themes, the built-in ones first, and what is wrong with the files that were left out.

    A theme of the user replaces the built-in one of the same name. Nothing is raised: a theme is not
    worth a console that does not start.
    """
    themes: dict[str, Theme] = {}
    problems: list[str] = []
    own = paths.user_themes_dir() if user_dir is None else user_dir
    for folder, builtin in ((builtin_dir(), True), (own, False)):
        try:
            found = sorted(folder.glob("*.toml"))
        except OSError as error:
            problems.append(f"{folder}: {error.strerror or type(error).__name__}")
            continue
        for file in found:
            theme, wrong = read_theme(file, builtin=builtin)
            problems += wrong
            if theme is not None:
                themes[theme.name] = theme
    return tuple(themes.values()), tuple(problems)


def read_theme(file: Path, *, builtin: bool = False) -> tuple[Theme | None, list[str]]:
    """One theme file; without a theme, the list says why."""
    if not _NAME.match(file.stem):
        return None, [f"{file}: the name of a theme has only letters, digits, - and _"]
    try:
        with file.open("rb") as stream:
            raw = stream.read(THEME_LIMIT + 1)
        if len(raw) > THEME_LIMIT:
            return None, [f"{file}: larger than {THEME_LIMIT // 1000} kB"]
        data = tomllib.loads(raw.decode("utf-8-sig"))
    except OSError as error:
        return None, [f"{file}: {error.strerror or type(error).__name__}"]
    except (ValueError, RecursionError) as error:
        return None, [f"{file}: not TOML: {str(error) or 'nested too deep'}"]
    problems = _problems(data)
    if problems:
        return None, [f"{file}: {problem}" for problem in problems]
    variables = tuple(data.get("variables", {}).items())
    colours = {key: data[key] for key in COLOURS if key in data}
    return Theme(file.stem, dark=data.get("dark", True), variables=variables, builtin=builtin, **colours), []


def _problems(data: dict[str, Any]) -> list[str]:
    """Everything that is wrong with the keys and values of a theme."""
    known = (*COLOURS, "dark", "variables")
    out = [f"{key}: unknown key{_nearest(key, known)}" for key in data if key not in known]
    if "primary" not in data:
        out.append("primary: is missing")
    if not isinstance(data.get("dark", True), bool):
        out.append("dark: expected true or false")
    out += [f"{key}: {_no_colour(data[key])}" for key in COLOURS if key in data and not is_colour(data[key])]
    variables = data.get("variables", {})
    if not isinstance(variables, dict):
        return [*out, "variables: expected a table"]
    for name, value in variables.items():
        if name not in _variable_names():
            out.append(f"variables.{name}: unknown{_nearest(name, _variable_names())}")
        elif name.endswith("style") or name == "link-style-hover":
            if not isinstance(value, str) or not value or not _STYLES.issuperset(value.split()):
                out.append(f"variables.{name}: expected styles like bold or underline")
        elif not (is_colour(value) or (isinstance(value, str) and _AUTO.match(value))):
            out.append(f"variables.{name}: {_no_colour(value)}")
    return out


def is_colour(value: object) -> bool:
    """Whether Textual can draw it: ``#rgb``, ``#rrggbb``, a name, ``rgb(...)``; no variable."""
    if not isinstance(value, str):
        return False
    from textual.color import Color, ColorParseError

    try:
        Color.parse(value)
    except (ColorParseError, ValueError):
        return False
    return True


@cache
def _variable_names() -> frozenset[str]:
    """The variables that Textual's own style sheets know."""
    from textual.design import ColorSystem

    return frozenset(ColorSystem("#000000").generate())


def _no_colour(value: object) -> str:
    shown = repr(value) if isinstance(value, str) and len(value) < 40 else "this value"
    return f"{shown} is not a colour (write #rrggbb)"


def _nearest(word: str, valid: tuple[str, ...] | frozenset[str]) -> str:
    close = difflib.get_close_matches(word, valid, n=1, cutoff=0.5)
    return f" (did you mean {close[0]}?)" if close else ""
