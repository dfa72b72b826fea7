"""The terminal, tmux, the clipboard and the locale."""

from __future__ import annotations

import codecs
import locale
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping

from comfy_tui import desktop, picture_clipboard
from comfy_tui.doctor.check import Check, Section, State
from comfy_tui.errors import ComfyError
from comfy_tui.pictures.mode import ColourDepth, ImageMode
from comfy_tui.terminal.facts import TerminalFacts, Tmux

_PIXELS = (ImageMode.KITTY, ImageMode.SIXEL, ImageMode.ITERM)
#: From this version on ``load-buffer -w`` hands a text on to the terminal.
_LOAD_BUFFER = (3, 2)


def terminal_section(facts: TerminalFacts, size: tuple[int, int] | None, shown: ImageMode | None) -> Section:
    """What the terminal is and can.

    Args:
        facts: what it was asked.
        size: columns and lines; None without a terminal.
        shown: how pictures are shown now, where the console runs.
    """
    answers = facts.answers
    name = answers.name or facts.program or "it does not say"
    checks = [Check("terminal", "Terminal", State.NOTE, f"{name}; TERM is {facts.term or 'not set'}")]
    if answers.not_asked:
        checks.append(Check("answers", "Answers", State.NOTE, f"not asked: {answers.not_asked}"))
    elif not answers.answered:
        words = "the terminal did not answer: what it can do is guessed by its name"
        checks.append(Check("answers", "Answers", State.WARN, words, "Is the line very slow? Start again."))
    else:
        checks.append(Check("answers", "Answers", State.OK, f"within {answers.took_ms:.0f} ms"))
    if size is not None:
        small = size[0] < 60 or size[1] < 16
        remedy = "At least 60x16 is needed; 80x24 is what the screens are made for." if small else ""
        state = State.BAD if small else State.OK
        checks.append(Check("size", "Size", state, f"{size[0]} columns, {size[1]} lines", remedy))
    checks += _colours(facts)
    checks += _pictures(facts, shown)
    where = (
        "over SSH: pictures are made smaller, and fewer bytes are sent" if facts.remote else "on this machine"
    )
    checks.append(Check("where", "Where", State.NOTE, where))
    return Section("terminal", "Terminal", tuple(checks))


def _colours(facts: TerminalFacts) -> Iterator[Check]:
    found = f"{facts.depth}: {facts.depth_why}" if facts.depth_why else str(facts.depth)
    remedy = ""
    if facts.depth is not ColourDepth.TRUE and not facts.no_colour and not facts.gnu_screen:
        remedy = "If the terminal can do more, set COLORTERM=truecolor there, also over SSH."
    state = State.OK if facts.depth is ColourDepth.TRUE else State.WARN
    yield Check("colours", "Colours", state, found, remedy)
    if facts.no_colour:
        yield Check("no_color", "NO_COLOR", State.NOTE, "is set: everything is grey", "Unset it for colours.")


def _pictures(facts: TerminalFacts, shown: ImageMode | None) -> Iterator[Check]:
    found = f"{facts.images}: {facts.images_why}" if facts.images_why else str(facts.images)
    if shown is not None and shown is not facts.images:
        found = f"{shown}, as it was chosen; by itself it would be {found}"
    good = (shown or facts.images) in _PIXELS
    remedy = ""
    if facts.glyphs is not None and (shown or facts.images) is ImageMode.SHADE:
        remedy = (
            "Half blocks show more, where the font has them (setfont Uni2-VGA14 in Debian's "
            "console-setup); P or --images half chooses them."
        )
    elif not good:
        remedy = (
            "Characters are drawn instead of pixels. kitty, Ghostty, WezTerm, iTerm2, foot, xterm -ti vt340 "
            "and Windows Terminal 1.22 show pictures; P or --images chooses another way."
        )
    yield Check("pictures", "Pictures", State.OK if good else State.NOTE, found, remedy)


def tmux_section(facts: TerminalFacts) -> Section | None:
    """What tmux lets through, with the lines to add; None outside of it."""
    tmux = facts.tmux
    if tmux is None:
        return None
    outer = tmux.outer_type or tmux.outer_term or "unknown"
    checks = [Check("tmux", "tmux", State.NOTE, f"{tmux.version or 'it does not answer'}; around it {outer}")]
    missing = facts.remedies
    passes = tmux.passthrough not in ("", "off")
    checks.append(
        Check(
            "passthrough",
            "Passthrough",
            State.OK if passes else State.WARN if missing else State.NOTE,
            f"allow-passthrough is {tmux.passthrough or 'not known to this version'}",
            "tmux does not let pictures through. Add to ~/.tmux.conf, then: tmux source ~/.tmux.conf"
            if missing
            else "",
            missing,
        )
    )
    checks.append(_tmux_clipboard(tmux))
    if facts.depth is not ColourDepth.TRUE and "RGB" not in tmux.outer_features:
        line = f"set -as terminal-features ',{tmux.outer_term or 'xterm-256color'}:RGB'"
        if line not in missing:
            words = "tmux does not know that the terminal around it has all colours"
            remedy = "Where the terminal has them, add to ~/.tmux.conf and attach again:"
            checks.append(Check("tmux_colours", "Colours", State.WARN, words, remedy, (line,)))
    return Section("tmux", "tmux", tuple(checks))


def _tmux_clipboard(tmux: Tmux) -> Check:
    found = f"set-clipboard is {tmux.clipboard or 'not told'}"
    number = _version(tmux.version)
    if tmux.clipboard == "off":
        remedy = "Nothing that is copied gets to the terminal. Add to ~/.tmux.conf:"
        return Check(
            "tmux_clipboard", "Clipboard", State.WARN, found, remedy, ("set -g set-clipboard external",)
        )
    if number and number < _LOAD_BUFFER:
        remedy = "tmux before 3.2 hands nothing on by itself. Add to ~/.tmux.conf:"
        return Check("tmux_clipboard", "Clipboard", State.WARN, found, remedy, ("set -g set-clipboard on",))
    return Check("tmux_clipboard", "Clipboard", State.OK, found)


def _version(text: str) -> tuple[int, ...]:
    found = re.search(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else ()


def clipboard_section(environ: Mapping[str, str]) -> Section:
    """By which way texts and pictures are copied here, and what opens files."""
    checks = [_text_way(environ)]
    for check_id, title, find in (
        ("picture_clipboard", "Pictures", picture_clipboard.find_tool),
        ("opener", "Open outside", desktop.find_opener),
    ):
        try:
            checks.append(Check(check_id, title, State.OK, f"by {find(environ)}"))
        except ComfyError as error:
            checks.append(Check(check_id, title, State.NOTE, f"not here: {error.message}", error.hint))
    return Section("clipboard", "Clipboard and desktop", tuple(checks))


def _text_way(environ: Mapping[str, str]) -> Check:
    osc = "the terminal's own (OSC 52), which never says whether it took a text"
    remedy = "xterm and mlterm drop it unless told otherwise; ctrl+y shows or saves what was copied."
    if environ.get("TMUX"):
        return Check("text_clipboard", "Texts", State.OK, "tmux load-buffer -w; else " + osc)
    if environ.get("STY"):
        words = "GNU screen keeps OSC 52 for itself: what is copied may be lost"
        return Check(
            "text_clipboard", "Texts", State.WARN, words, "tmux hands it on; ctrl+y shows what was copied."
        )
    if environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"):
        return Check("text_clipboard", "Texts", State.NOTE, osc, remedy)
    tools = ("wl-copy", "xclip", "xsel", "pbcopy", "clip.exe")
    path = environ.get("PATH", os.defpath)
    found = [tool for tool in tools if shutil.which(tool, path=path)]
    shows = environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY") or sys.platform in ("darwin", "win32")
    if found and shows:
        return Check(
            "text_clipboard", "Texts", State.OK, f"the desktop's, by {found[0]}; read back to be sure"
        )
    if shows:
        return Check(
            "text_clipboard", "Texts", State.WARN, osc, "Install wl-clipboard (Wayland) or xclip (X11)."
        )
    return Check("text_clipboard", "Texts", State.NOTE, f"no desktop here: {osc}", remedy)


def locale_section(environ: Mapping[str, str]) -> Section:
    """Whether characters outside of ASCII can be written."""
    named = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""
    encoding = getattr(sys.__stdout__, "encoding", None) or locale.getpreferredencoding(False)
    try:
        utf8 = codecs.lookup(encoding).name == "utf-8"
    except LookupError:
        utf8 = False
    found = f"{named or 'LANG is not set'}; {encoding}"
    remedy = "" if utf8 else "Set LANG=C.UTF-8 (or another one that ends in UTF-8), or start with --ascii."
    check = Check("locale", "Locale", State.OK if utf8 else State.BAD, found, remedy)
    return Section("locale", "Locale", (check,))
