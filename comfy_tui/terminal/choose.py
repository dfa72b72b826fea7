"""What follows from the facts: how many colours, which way to show pictures, and why.  Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from comfy_tui.pictures.blocks import HALVES, QUADRANTS
from comfy_tui.pictures.mode import ColourDepth, ImageMode
from comfy_tui.pictures.shades import SHADES
from comfy_tui.terminal.console_font import COMMON
from comfy_tui.terminal.facts import Answers, TerminalFacts, Tmux

#: Terminals that draw kitty's placeholder cells, by the name that they give themselves, from which version.
_PLACEHOLDERS: Mapping[str, tuple[int, ...]] = {"kitty": (0, 28), "ghostty": (1, 0)}
#: These show iTerm2's inline images, by the name that they give themselves, or tell the shell.
_ITERM = re.compile(r"iterm2|iterm\.app|wezterm|vscode", re.IGNORECASE)
_TRUE = ("truecolor", "24bit")
#: These have 24-bit colours, by the name that they give themselves.
_TRUE_NAMES = re.compile(r"(kitty|ghostty|iterm2|wezterm|foot|konsole|contour|rio|vte)\b", re.IGNORECASE)
#: These are known to have 24-bit colours by their TERM alone.
_TRUE_TERMS = ("xterm-kitty", "xterm-ghostty", "foot", "alacritty", "wezterm", "contour")
_STANDARD_TERMS = ("linux", "vt100", "vt102", "vt220", "vt320", "ansi", "cons25", "xterm-16color", "")

PASSTHROUGH = "set -g allow-passthrough on"
#: Each way to show pictures in a few words.
DESCRIPTIONS: Mapping[ImageMode, str] = {
    ImageMode.AUTO: "what the terminal can",
    ImageMode.KITTY: "pixels by kitty's protocol",
    ImageMode.SIXEL: "pixels by sixel",
    ImageMode.ITERM: "pixels by iTerm2's protocol",
    ImageMode.QUADRANT: "quadrant blocks, in every font",
    ImageMode.HALF: "half blocks",
    ImageMode.SEXTANT: "sextant blocks, for fonts of Unicode 13",
    ImageMode.SHADE: "shades, whole cells in sixteen colours",
    ImageMode.ASCII: "plain ASCII",
    ImageMode.OFF: "no pictures",
}
_BLOCKS = (
    *(ImageMode.QUADRANT, ImageMode.HALF, ImageMode.SEXTANT, ImageMode.SHADE),
    *(ImageMode.ASCII, ImageMode.OFF),
)


def offered(facts: TerminalFacts) -> tuple[ImageMode, ...]:
    """The ways to go through with a key: what suits, what else the terminal claims to have, characters."""
    found = [facts.images]
    if facts.tmux is None:
        found += [ImageMode.SIXEL] if facts.answers.sixel else []
        found += [ImageMode.ITERM] if _is_iterm(facts) else []
    return tuple(dict.fromkeys((*found, *_BLOCKS)))


def _is_iterm(facts: TerminalFacts) -> bool:
    """Whether iTerm2's images are shown.

    What the shell was told stays in its environment where something else comes between, as mosh does: it
    counts where the terminal says that it shows pixels, or says nothing.  VS Code has them off by default.
    """
    answers, program = facts.answers, facts.program
    if answers.name:
        return _ITERM.match(answers.name) is not None
    silent = not answers.answered and program != "vscode"
    return (answers.sixel or silent) and _ITERM.match(program) is not None


def concluded(facts: TerminalFacts, environ: Mapping[str, str], *, ascii_only: bool = False) -> TerminalFacts:
    """The facts, with what follows from them.

    Args:
        facts: what the terminal and tmux said.
        environ: the environment.
        ascii_only: nothing but ASCII may be drawn.
    """
    depth, depth_why = _depth(facts, environ)
    facts = replace(facts, depth=depth, depth_why=depth_why, no_colour="NO_COLOR" in environ)
    mode, why, remedies = _images(facts, ascii_only=ascii_only)
    return replace(facts, images=mode, images_why=why, remedies=remedies)


def version_of(name: str, program: str) -> tuple[int, ...] | None:
    """The version in a terminal's name, as in ``kitty(0.35.2)`` or ``ghostty 1.1.3``; None for another."""
    found = re.match(rf"{program}[ (/]*v?(\d+)\.(\d+)", name, re.IGNORECASE)
    return (int(found[1]), int(found[2])) if found is not None else None


def has_placeholders(name: str) -> bool:
    """Whether a terminal of that name and version draws kitty's placeholder cells."""
    for program, least in _PLACEHOLDERS.items():
        version = version_of(name, program)
        if version is not None:
            return version >= least
    return False


def _depth(facts: TerminalFacts, environ: Mapping[str, str]) -> tuple[ColourDepth, str]:
    term, answers, tmux = facts.term.lower(), facts.answers, facts.tmux
    if environ.get("TEXTUAL_COLOR_SYSTEM"):
        given = environ["TEXTUAL_COLOR_SYSTEM"].lower()
        names = {
            "truecolor": ColourDepth.TRUE,
            "256": ColourDepth.EIGHT_BIT,
            "standard": ColourDepth.STANDARD,
        }
        return (names.get(given, ColourDepth.TRUE), f"TEXTUAL_COLOR_SYSTEM is {given}")
    if term in ("dumb", "unknown"):
        return (ColourDepth.NONE, f"TERM is {term}")
    if tmux is not None and tmux.outer_term:
        if "RGB" in tmux.outer_features:
            return (ColourDepth.TRUE, "tmux says that its terminal has RGB")
        if "256" in tmux.outer_features or "256" in tmux.outer_term:
            return (ColourDepth.EIGHT_BIT, "tmux says that its terminal has 256 colours")
        return (ColourDepth.STANDARD, "tmux says that its terminal has few colours")
    if answers.truecolor:
        return (ColourDepth.TRUE, "the terminal keeps 24-bit colours (DECRQSS)")
    if _TRUE_NAMES.match(answers.name):
        return (ColourDepth.TRUE, f"{answers.name} has 24-bit colours")
    # What the shell was told there is true of the terminal around screen, which knows 256 (4.9).
    if environ.get("COLORTERM", "").lower() in _TRUE and not facts.gnu_screen:
        return (ColourDepth.TRUE, "COLORTERM says so")
    if term.startswith(_TRUE_TERMS) or term.endswith("-direct"):
        return (ColourDepth.TRUE, f"TERM is {term}")
    if "WT_SESSION" in environ:
        return (ColourDepth.TRUE, "it is Windows Terminal")
    if term in _STANDARD_TERMS:
        return (ColourDepth.STANDARD, f"TERM is {term or 'not set'}")
    if "256" in term or term.startswith(("tmux", "screen-256", "mlterm")):
        return (ColourDepth.EIGHT_BIT, f"TERM is {term}")
    if term.startswith("xterm") and answers.answered:
        return (ColourDepth.EIGHT_BIT, f"TERM is {term}, and no answer told of more")
    if not term.startswith("xterm"):
        return (ColourDepth.STANDARD, f"TERM is {term}")
    return (ColourDepth.EIGHT_BIT, f"TERM is {term}")


def _images(facts: TerminalFacts, *, ascii_only: bool) -> tuple[ImageMode, str, tuple[str, ...]]:
    answers = facts.answers
    if ascii_only:
        return (ImageMode.ASCII, "only ASCII is drawn", ())
    if facts.glyphs is not None and (facts.tmux is None or facts.tmux.utf8):
        return _images_on_console(facts.glyphs)
    if facts.depth is ColourDepth.NONE:
        return (ImageMode.ASCII, facts.depth_why, ())
    if facts.tmux is not None:
        return _images_in_tmux(facts, facts.tmux)
    name = answers.name or facts.program
    if answers.kitty and has_placeholders(answers.name):
        if facts.depth is ColourDepth.TRUE:
            return (ImageMode.KITTY, f"{answers.name} draws kitty's placeholders", ())
        why = f"kitty's placeholders need 24-bit colours, but {facts.depth_why}"
        return (ImageMode.QUADRANT, why, ())
    if _is_iterm(facts):
        return (ImageMode.ITERM, f"{name} shows iTerm2's inline images", ())
    if answers.name.startswith("tmux"):
        why = (
            f"{answers.name} is at the other end of SSH: whether its terminal shows pictures, it does not say"
        )
        return (ImageMode.QUADRANT, why, ())
    if answers.sixel and answers.name.lower().startswith("konsole"):
        # Seen in 25.04: the screen scrolls, and the column beside a picture shows an older one.
        why = f"{answers.name} scrolls with sixel and leaves pieces of old pictures; P tries it"
        return (ImageMode.QUADRANT, why, ())
    if answers.sixel:
        return (ImageMode.SIXEL, f"{answers.name or 'the terminal'} says that it shows sixel (DA1)", ())
    if facts.program == "vscode":
        why = "VS Code shows pictures where its setting terminal.integrated.enableImages is on"
        return (ImageMode.QUADRANT, why, ())
    return (ImageMode.QUADRANT, _why_none(answers), ())


def _images_on_console(glyphs: frozenset[str]) -> tuple[ImageMode, str, tuple[str, ...]]:
    """By what the font of a Linux console has; Debian's usual ones have no half blocks."""
    for mode, needed in ((ImageMode.QUADRANT, QUADRANTS), (ImageMode.HALF, HALVES)):
        if glyphs.issuperset(needed.strip()):
            return (mode, f"the Linux console's font has {DESCRIPTIONS[mode].split(',')[0]}", ())
    if glyphs is COMMON:
        why = "a Linux console, whose font cannot be asked from here: not all have half blocks"
    else:
        why = "the Linux console's font has no half blocks"
    return (ImageMode.SHADE if glyphs.issuperset(SHADES) else ImageMode.ASCII, why, ())


def _images_in_tmux(facts: TerminalFacts, tmux: Tmux) -> tuple[ImageMode, str, tuple[str, ...]]:
    """Kitty through tmux; else characters, and what would help."""
    outer = tmux.outer_type or tmux.outer_term
    name = tmux.outer_term or "xterm-kitty"
    if not tmux.utf8:
        why = "inside tmux without a UTF-8 locale, which writes _ for everything else"
        return (ImageMode.ASCII, why, ("tmux -u attach",))
    remedies: list[str] = []
    if may_draw_placeholders(tmux):
        if tmux.passthrough in ("", "off"):
            remedies.append(PASSTHROUGH)
        if facts.depth is not ColourDepth.TRUE:
            remedies.append(f"set -as terminal-features ',{name}:RGB'")
        if facts.answers.kitty and not remedies:
            return (ImageMode.KITTY, f"{outer} draws kitty's placeholders, and tmux passes them on", ())
        if remedies:
            why = f"inside tmux: {outer} could show pictures if tmux passed them on"
            return (ImageMode.QUADRANT, why, tuple(remedies))
        return (ImageMode.QUADRANT, f"inside tmux: {outer} did not say that it draws placeholders", ())
    if "sixel" in tmux.outer_features and facts.answers.sixel:
        # Up to 3.7 a word written over one cell of an image takes the whole image away, and it keeps few.
        why = f"inside tmux {tmux.version}, which drops a whole sixel picture where a toast covers a corner"
        return (ImageMode.QUADRANT, why, ())
    if "sixel" in tmux.outer_features or _ITERM.match(outer):
        why = f"inside tmux: {outer} shows pictures, but only where no tmux is around the console"
        return (ImageMode.QUADRANT, why, ())
    if not tmux.outer_features:
        return (ImageMode.QUADRANT, "inside tmux: nothing is known of the terminal around it", ())
    return (ImageMode.QUADRANT, f"inside tmux: no way to show pictures in {outer or 'the terminal'}", ())


def may_draw_placeholders(tmux: Tmux) -> bool:
    """Whether the terminal around tmux could draw kitty's placeholder cells, by its name and version."""
    return has_placeholders(tmux.outer_type)


def _why_none(answers: Answers) -> str:
    if answers.not_asked:
        return f"no protocol is known: {answers.not_asked}"
    if not answers.answered:
        return "the terminal did not answer"
    if answers.kitty:
        return f"{answers.name or 'the terminal'} knows kitty's graphics, but not (or not yet) placeholders"
    return f"{answers.name or 'the terminal'} told of no graphics protocol"
