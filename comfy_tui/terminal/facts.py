"""What is known of the terminal, and how: for choosing how pictures are shown, and for the doctor."""

from __future__ import annotations

from dataclasses import dataclass

from comfy_tui.pictures.mode import ColourDepth, ImageMode


@dataclass(frozen=True, slots=True)
class Tmux:
    """What tmux says of itself and of the terminal around it."""

    version: str = ""
    #: ``allow-passthrough``: ``off``, ``on`` or ``all``; empty where tmux does not know it (before 3.3).
    passthrough: str = ""
    #: ``set-clipboard``: ``off``, ``external`` or ``on``.
    clipboard: str = ""
    #: The outer terminal: its TERM, the name that it gives itself, and what tmux takes it to be able to do.
    outer_term: str = ""
    outer_type: str = ""
    outer_features: tuple[str, ...] = ()
    #: Whether it draws anything but ASCII: without a UTF-8 locale it writes an underscore instead.
    utf8: bool = True


@dataclass(frozen=True, slots=True)
class Answers:
    """What the terminal itself answered; an empty one where it was not asked or was silent."""

    #: Why it was not asked, in words; empty where it was.
    not_asked: str = ""
    #: Whether the end mark (DA1) came back.
    answered: bool = False
    #: How long that took, in milliseconds.
    took_ms: float = 0.0
    #: Its name and version, from XTVERSION: ``XTerm(379)``, ``kitty(0.35.2)``.
    name: str = ""
    #: It knows kitty's graphics protocol; placeholders need a newer version as well.
    kitty: bool = False
    sixel: bool = False
    truecolor: bool = False
    #: Synchronized output (mode 2026).
    sync: bool = False
    cell_px: tuple[int, int] | None = None
    #: Keys that were pressed meanwhile, as they came.
    typed: str = ""


@dataclass(frozen=True, slots=True)
class TerminalFacts:
    """What is known, and what follows from it; each with the reason, in words."""

    answers: Answers = Answers(not_asked="it was not asked")
    term: str = ""
    #: The value of TERM_PROGRAM or LC_TERMINAL: what the terminal told the shell.
    program: str = ""
    tmux: Tmux | None = None
    #: Inside GNU screen.
    gnu_screen: bool = False
    #: On a Linux console: what may be drawn beside ASCII; None elsewhere, where fonts have what is needed.
    glyphs: frozenset[str] | None = None
    #: Over SSH.
    remote: bool = False
    depth: ColourDepth = ColourDepth.TRUE
    depth_why: str = ""
    #: NO_COLOR is set.
    no_colour: bool = False
    #: What ``auto`` means here, and why.
    images: ImageMode = ImageMode.QUADRANT
    images_why: str = ""
    #: Lines for tmux.conf (or the like) that would make more possible.
    remedies: tuple[str, ...] = ()
