"""Asks the terminal what it is and what it can do, once, before anything is drawn.

One batch of questions is written, with the device attributes (DA1) as the end mark, which every terminal
answers; the answers are read in a thread while the main thread imports.  In tmux nothing is asked bare that
tmux would take for itself (a bare kitty query becomes the pane's title); tmux is asked for what it knows.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from comfy_tui.pictures.kitty import passed
from comfy_tui.terminal.choose import concluded, may_draw_placeholders
from comfy_tui.terminal.console_font import COMMON, font_glyphs
from comfy_tui.terminal.facts import Answers, TerminalFacts, Tmux
from comfy_tui.terminal.tmux import ask_tmux

#: A terminal over a line with 300 ms round trips has answered by then, a busy one as well.
SILENT_S = 1.0
#: Kitty's answer comes past tmux and may be later than tmux's own end mark.
PASSED_ON_S = 1.0
_KITTY_QUERY = "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\"
_TRUECOLOR = "\x1b[48;2;1;2;3m\x1bP$qm\x1b\\\x1b[0m"
_CELL, _NAME, _SYNC, _DA1 = "\x1b[16t", "\x1b[>0q", "\x1b[?2026$p", "\x1b[c"
#: What a terminal printed that knows no such questions, is wiped from the fresh line.
_WIPE = "\r\x1b[K"

_ANSWERS: Mapping[str, re.Pattern[str]] = {
    "da1": re.compile(r"\x1b\[\?([\d;]*)c"),
    "name": re.compile(r"\x1bP>\|([^\x1b]*)\x1b\\"),
    "sync": re.compile(r"\x1b\[\?2026;(\d)\$y"),
    "colour": re.compile(r"\x1bP[01]\$r([^\x1b]*)\x1b\\"),
    "kitty": re.compile(r"\x1b_G([^\x1b]*)\x1b\\"),
    "cell": re.compile(r"\x1b\[6;(\d+);(\d+)t"),
}
_KEEPS_TRUECOLOR = re.compile(r"48[:;]2[:;](?:\d*[:;])?1[:;]2[:;]3(?!\d)")
#: An answer that has begun and not ended.
_HALF = re.compile(r"\x1b(?:[P_][^\x1b]*\x1b?|\[[?>]?[\d;]*\$?)\Z")


class Probe:
    """A terminal that is being asked.  :meth:`finish` waits for the answers, :meth:`restore` ends it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._received = ""
        self._answers = Answers()
        self._tmux: Tmux | None = None
        self._attributes: list[Any] | None = None
        self._why = _why_not(environ)
        self._thread = threading.Thread(target=self._ask, name="terminal-probe", daemon=True)
        if not self._why:
            self._be_quiet()
        self._thread.start()

    def finish(self, *, ascii_only: bool = False) -> TerminalFacts:
        """Wait for the answers; what follows from them.

        Args:
            ascii_only: nothing but ASCII may be drawn.
        """
        self._thread.join()
        environ = self._environ
        term = environ.get("TERM", "")
        program = environ.get("TERM_PROGRAM", "") or environ.get("LC_TERMINAL", "")
        if self._tmux is not None or term.startswith(("tmux", "screen")):
            program = ""  # that of the terminal around it
        facts = TerminalFacts(
            answers=self._answers,
            term=term,
            program=program,
            tmux=self._tmux,
            gnu_screen=self._tmux is None and ("STY" in environ or term.split(".")[0] == "screen"),
            glyphs=_glyphs(environ, self._tmux),
            remote=any(name in environ for name in ("SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT")),
        )
        return concluded(facts, environ, ascii_only=ascii_only)

    def restore(self) -> None:
        """Give the terminal back as it was; more than once does no harm."""
        if self._attributes is not None:
            import termios

            with contextlib.suppress(termios.error, OSError, ValueError):
                termios.tcsetattr(sys.__stdin__.fileno(), termios.TCSANOW, self._attributes)  # type: ignore[union-attr]
            self._attributes = None

    def _be_quiet(self) -> None:
        """Neither echo what is typed or answered, nor wait for the end of a line."""
        import termios

        assert sys.__stdin__ is not None
        try:
            descriptor = sys.__stdin__.fileno()
            self._attributes = termios.tcgetattr(descriptor)
            quiet = termios.tcgetattr(descriptor)
            quiet[3] &= ~(termios.ECHO | termios.ICANON)
            quiet[6][termios.VMIN], quiet[6][termios.VTIME] = 1, 0
            termios.tcsetattr(descriptor, termios.TCSANOW, quiet)
        except (termios.error, OSError, ValueError) as error:
            self._why, self._attributes = f"its settings cannot be read ({error})", None

    def _ask(self) -> None:
        if "TMUX" in self._environ:
            self._tmux = ask_tmux(self._environ)
        if self._why:
            self._answers = Answers(not_asked=self._why)
            return
        started = time.monotonic()
        wait_for_kitty = False
        questions = self._questions()
        if self._tmux is not None and may_draw_placeholders(self._tmux):
            wait_for_kitty = self._tmux.passthrough not in ("", "off")
        try:
            _write_all(questions)
            self._read(started, wait_for_kitty=wait_for_kitty)
        except OSError as error:
            self._answers = Answers(not_asked=f"it cannot be read ({error.strerror})")
            return
        took_ms = (time.monotonic() - started) * 1000
        self._answers = understood(self._received, took_ms)

    def _questions(self) -> str:
        term = self._environ.get("TERM", "")
        parts = []
        if self._tmux is not None:
            parts += [passed(_KITTY_QUERY, tmux=True)] if self._tmux.passthrough not in ("", "off") else []
        elif term.startswith("tmux"):
            # A tmux at the other end of SSH: it ignores what is wrapped, if it does not pass it on.
            parts.append(passed(_KITTY_QUERY, tmux=True))
        elif not term.startswith("screen"):
            parts += [_KITTY_QUERY, _TRUECOLOR]
        parts += [_CELL, _NAME]
        # Terminal.app prints the p.
        if self._environ.get("TERM_PROGRAM") != "Apple_Terminal":
            parts.append(_SYNC)
        return "".join([*parts, _DA1, _WIPE])

    def _read(self, started: float, *, wait_for_kitty: bool) -> None:
        assert sys.__stdin__ is not None
        descriptor, received = sys.__stdin__.fileno(), bytearray()
        end = started + SILENT_S
        while (left := end - time.monotonic()) > 0:
            if not select.select([descriptor], [], [], left)[0]:
                if _HALF.search(self._received) and end <= started + SILENT_S:
                    end += 0.2
                    continue
                return
            chunk = os.read(descriptor, 4096)
            if not chunk:
                return
            received += chunk
            self._received = received.decode("utf-8", "replace")
            if _ANSWERS["da1"].search(self._received):
                if not wait_for_kitty or _ANSWERS["kitty"].search(self._received):
                    return
                end = min(end, started + PASSED_ON_S)


def ask(environ: Mapping[str, str] | None = None) -> TerminalFacts:
    """Ask the terminal and give it back at once, for commands.  Blocks, a second at most."""
    probe = Probe(os.environ if environ is None else environ)
    try:
        return probe.finish()
    finally:
        probe.restore()


def understood(received: str, took_ms: float) -> Answers:
    """The answers in what the terminal sent; the rest was typed."""
    found = {name: pattern.search(received) for name, pattern in _ANSWERS.items()}
    typed = received
    for pattern in _ANSWERS.values():
        typed = pattern.sub("", typed)
    answers = Answers(
        answered=found["da1"] is not None,
        took_ms=took_ms,
        typed=_HALF.sub("", typed) if found["da1"] else typed,
    )
    if found["da1"] is not None:
        answers = replace(answers, sixel="4" in found["da1"][1].split(";")[1:])
    if found["name"] is not None:
        answers = replace(answers, name=_plain(found["name"][1]))
    if found["colour"] is not None:
        answers = replace(answers, truecolor=_KEEPS_TRUECOLOR.search(found["colour"][1]) is not None)
    if found["cell"] is not None:
        height, width = int(found["cell"][1][:5]), int(found["cell"][2][:5])
        answers = replace(
            answers, cell_px=(width, height) if 2 <= width <= 200 and 4 <= height <= 400 else None
        )
    kitty = found["kitty"] is not None and found["kitty"][1].endswith(";OK")
    sync = found["sync"] is not None and found["sync"][1] in "12"
    return replace(answers, kitty=kitty, sync=sync)


def _glyphs(environ: Mapping[str, str], tmux: Tmux | None) -> frozenset[str] | None:
    """What a Linux console's font has: asked on this machine, else what such fonts have in common."""
    term = tmux.outer_term if tmux is not None else environ.get("TERM", "")
    if not term.startswith(("linux", "screen.linux")):
        return None
    return font_glyphs() or COMMON


def _plain(text: str) -> str:
    return "".join(ch for ch in text if ch.isprintable())[:60]


def _why_not(environ: Mapping[str, str]) -> str:
    """Why the terminal is not asked, in words; empty where it is."""
    if sys.platform == "win32":
        return "on Windows it cannot be asked"
    for name, stream in (("stdin", sys.__stdin__), ("stdout", sys.__stdout__)):
        if stream is None or not stream.isatty():
            return f"{name} is not a terminal"
    term = environ.get("TERM", "")
    if term in ("", "dumb", "unknown", "linux") or term.startswith("vt"):
        return f"TERM is {term or 'not set'}"
    assert sys.__stdin__ is not None
    with contextlib.suppress(OSError):
        if os.tcgetpgrp(sys.__stdin__.fileno()) != os.getpgrp():
            return "the console is in the background"
    return ""


def _write_all(text: str) -> None:
    """To where Textual draws; stdout where that is no terminal."""
    streams = [s for s in (sys.__stderr__, sys.__stdout__) if s is not None and s.isatty()]
    data = text.encode("ascii")
    while data:
        data = data[os.write(streams[0].fileno(), data) :]


@contextlib.contextmanager
def asking(environ: Mapping[str, str]) -> Iterator[Probe]:
    """Ask while the block runs; the terminal is given back in any case."""
    probe = Probe(environ)
    try:
        yield probe
    finally:
        probe.restore()
