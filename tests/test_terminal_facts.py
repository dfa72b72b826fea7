"""What is concluded from what a terminal and tmux say; nothing typed is lost, nothing answered shown."""

from __future__ import annotations

import ctypes
import struct
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy_tui.pictures.blocks import QUADRANTS
from comfy_tui.pictures.mode import ColourDepth, ImageMode
from comfy_tui.terminal.choose import PASSTHROUGH, concluded, has_placeholders, offered
from comfy_tui.terminal.console_font import COMMON, font_glyphs
from comfy_tui.terminal.facts import TerminalFacts, Tmux
from comfy_tui.terminal.late import LateReplies
from comfy_tui.terminal.probe import ask, understood
from comfy_tui.terminal.tmux import understood as tmux_understood
from comfy_tui.widgets.typed_keys import key_events

DA1, SIXEL_DA1 = "\x1b[?62;22c", "\x1b[?62;4;22c"
XTERM = "\x1bP>|XTerm(379)\x1b\\\x1bP1$r0;48:2::1:2:3m\x1b\\\x1b[6;20;10t\x1b[?2026;0$y" + SIXEL_DA1
KITTY = "\x1b_Gi=31;OK\x1b\\\x1bP>|kitty(0.41.1)\x1b\\\x1bP1$r48:2:1:2:3m\x1b\\\x1b[6;20;9t"
KITTY += "\x1b[?2026;2$y\x1b[?62;c"
#: Read in xterm.js 6.0 with its image addon, as VS Code has it; it says no name.
XTERM_JS = "\x1bP1$r0m\x1b\\\x1b[6;18;9t\x1b[?2026;2$y\x1b[?62;4;9;22c"
MLTERM = "\x1bP1$r0;48;5;16m\x1b\\\x1b[6;19;10t\x1b[?63;1;2;3;4;7;29c"


def facts(received: str = "", **changes: object) -> TerminalFacts:
    environ: dict[str, str] = changes.pop("environ", {})  # type: ignore[assignment]
    answers = understood(received, 1.0)
    return concluded(
        replace(TerminalFacts(answers=answers, term="xterm-256color"), **changes),  # type: ignore[arg-type]
        environ,
    )


class TestAnswers:
    def test_xterm(self) -> None:
        found = understood(XTERM, 0.4)
        assert (found.name, found.sixel, found.truecolor, found.kitty, found.sync) == (
            *("XTerm(379)", True, True, False, False),
        )
        assert (found.cell_px, found.answered, found.typed) == ((10, 20), True, "")

    def test_kitty(self) -> None:
        found = understood(KITTY, 4)
        assert (found.name, found.sixel, found.truecolor, found.kitty, found.sync) == (
            *("kitty(0.41.1)", False, True, True, True),
        )

    def test_mlterm_has_no_truecolor(self) -> None:
        found = understood(MLTERM, 0.6)
        assert (found.sixel, found.truecolor, found.cell_px) == (True, False, (10, 19))

    @given(st.lists(st.sampled_from(["a", "?", "4", "\r", "\x1b[A", "é"]), max_size=6), st.integers(0, 5))
    def test_keys_between_the_answers_are_kept(self, keys: list[str], place: int) -> None:
        parts = ["\x1b_Gi=31;OK\x1b\\", "\x1bP>|kitty(0.41.1)\x1b\\", "\x1b[6;20;9t", "\x1b[?2026;2$y", DA1]
        parts.insert(place, "".join(keys))
        found = understood("".join(parts), 1)
        assert found.typed == "".join(keys)
        assert found.kitty

    def test_an_answer_that_is_cut_is_not_typed(self) -> None:
        assert understood("x" + DA1 + "\x1bP>|kit", 1).typed == "x"

    def test_hostile_answers_are_words(self) -> None:
        found = understood("\x1bP>|\x07evil" + "x" * 500 + "\x1b\\\x1b[6;99999999;0t" + DA1, 1)
        assert found.name.isprintable()
        assert len(found.name) <= 60
        assert found.cell_px is None


class TestColours:
    @pytest.mark.parametrize(
        ("received", "term", "environ", "depth"),
        [
            (XTERM, "xterm-256color", {}, ColourDepth.TRUE),
            (MLTERM, "mlterm", {}, ColourDepth.EIGHT_BIT),
            (DA1, "xterm-256color", {}, ColourDepth.EIGHT_BIT),
            (DA1, "xterm-256color", {"COLORTERM": "truecolor"}, ColourDepth.TRUE),
            ("", "xterm-ghostty", {}, ColourDepth.TRUE),
            ("", "linux", {}, ColourDepth.STANDARD),
            (DA1, "xterm-16color", {}, ColourDepth.STANDARD),
            ("", "screen", {}, ColourDepth.STANDARD),
            ("", "dumb", {}, ColourDepth.NONE),
            ("", "tmux-256color", {}, ColourDepth.EIGHT_BIT),
            (XTERM, "xterm", {"TEXTUAL_COLOR_SYSTEM": "256"}, ColourDepth.EIGHT_BIT),
        ],
    )
    def test_by_asking_then_by_name(
        self, received: str, term: str, environ: dict[str, str], depth: ColourDepth
    ) -> None:
        found = facts(received, term=term, environ=environ)
        assert found.depth is depth
        assert found.depth_why


def named(name: str, da1: str, *, kitty: bool = False) -> str:
    """Answers of that name; DA1 as published for it by the project ucs-detect."""
    graphics = "\x1b_Gi=31;OK\x1b\\" if kitty else ""
    return f"{graphics}\x1bP>|{name}\x1b\\\x1b[?{da1}c" if name else f"\x1b[?{da1}c"


class TestKnownTerminals:
    @pytest.mark.parametrize(
        ("received", "program", "mode"),
        [
            (named("iTerm2 3.6.5", "64;1;2;4;6;17;18;21;22", kitty=True), "", ImageMode.ITERM),
            (named("iTerm2 3.4.23", "62;4"), "iTerm.app", ImageMode.ITERM),
            (named("WezTerm 20251025-070338-b6e75fd7", "65;4;6;18;22;52"), "WezTerm", ImageMode.ITERM),
            (named("ghostty 1.2.3", "62;22;52", kitty=True), "ghostty", ImageMode.KITTY),
            (named("foot(1.25.0)", "62;4;22;28;52"), "", ImageMode.SIXEL),
            (named("", "61;4;6;7;14;21;22;23;24;28;32;42;52"), "", ImageMode.SIXEL),  # Windows Terminal 1.23
            (named("", "61;6;7;21;22;23;24;28;32;42"), "", ImageMode.QUADRANT),  # and before 1.22
            (XTERM_JS, "vscode", ImageMode.ITERM),
            (XTERM_JS, "", ImageMode.SIXEL),
            (named("", "1;2"), "vscode", ImageMode.QUADRANT),  # its images are off by default
            ("", "vscode", ImageMode.QUADRANT),
            ("", "iTerm2", ImageMode.ITERM),
            (
                named("", "62"),
                "iTerm2",
                ImageMode.QUADRANT,
            ),  # mosh answers by itself
            (named("tmux 3.4", "1;2;4"), "iTerm2", ImageMode.QUADRANT),  # a tmux at the other end of SSH
            (named("rio 0.2.28", "62;4;6;22"), "rio", ImageMode.SIXEL),
            (named("VTE(7600)", "61;1;21;22"), "", ImageMode.QUADRANT),
            (named("Konsole 25.08.2", "62;1;4"), "", ImageMode.QUADRANT),
        ],
    )
    def test_pictures(self, received: str, program: str, mode: ImageMode) -> None:
        assert facts(received, program=program, environ={"COLORTERM": "truecolor"}).images is mode

    @pytest.mark.parametrize("name", ["iTerm2 3.6.5", "ghostty 1.2.3", "VTE(7600)", "WezTerm 20240203-1"])
    def test_all_colours_by_the_name_after_ssh_lost_colorterm(self, name: str) -> None:
        assert facts(named(name, "62;22")).depth is ColourDepth.TRUE

    def test_what_a_terminal_around_gnu_screen_told_is_not_screen_s(self) -> None:
        inside = ask({"TERM": "screen.xterm-256color", "COLORTERM": "truecolor"})
        assert inside.gnu_screen
        assert inside.depth is ColourDepth.EIGHT_BIT
        for term in ("screen.xterm-256color", "tmux-256color"):
            assert ask({"TERM": term, "TERM_PROGRAM": "iTerm.app", "LC_TERMINAL": "iTerm2"}).program == ""
        assert ask({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}).program == "iTerm2"


class TestConsoleFont:
    def test_without_a_console_of_this_machine_it_is_what_fonts_have_in_common(self) -> None:
        assert ask({"TERM": "linux"}).glyphs is COMMON
        assert ask({"TERM": "xterm-256color"}).glyphs is None

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such a console")
    def test_the_kernel_is_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def answer(_descriptor: int, request: int, wanted: bytearray, _mutate: bool) -> int:
            room, address = struct.unpack("@HP", wanted)
            assert request == 0x4B66
            assert room >= 512
            pairs = struct.pack("@4H", ord("a"), 1, ord("▀"), 2)
            ctypes.memmove(address, pairs, len(pairs))
            struct.pack_into("@H", wanted, 0, 2)
            return 0

        monkeypatch.setattr("fcntl.ioctl", answer)
        monkeypatch.setattr("os.isatty", lambda _descriptor: True)
        assert font_glyphs() == {"a", "▀"}


class TestImages:
    @pytest.mark.parametrize(
        ("received", "changes", "mode"),
        [
            (KITTY, {}, ImageMode.KITTY),
            (KITTY.replace("0.41.1", "0.26.5"), {}, ImageMode.QUADRANT),
            (KITTY.replace("kitty(0.41.1)", "ghostty 1.1.3"), {}, ImageMode.KITTY),
            (KITTY.replace("kitty(0.41.1)", "WezTerm 20240203"), {}, ImageMode.ITERM),
            (KITTY.replace("kitty(0.41.1)", "Konsole 23"), {}, ImageMode.QUADRANT),
            (XTERM.replace("XTerm(379)", "Konsole 25.04.2"), {}, ImageMode.QUADRANT),
            (XTERM, {}, ImageMode.SIXEL),
            (MLTERM, {"term": "mlterm"}, ImageMode.SIXEL),
            (DA1, {}, ImageMode.QUADRANT),
            ("", {}, ImageMode.QUADRANT),
            ("", {"term": "linux", "glyphs": COMMON | set("▀▄")}, ImageMode.HALF),
            ("", {"term": "linux", "glyphs": COMMON | set(QUADRANTS)}, ImageMode.QUADRANT),
            ("", {"term": "linux", "glyphs": COMMON}, ImageMode.SHADE),
            ("", {"term": "linux", "glyphs": COMMON - {"▒"}}, ImageMode.ASCII),
            ("", {"term": "dumb"}, ImageMode.ASCII),
            (KITTY, {"environ": {"TEXTUAL_COLOR_SYSTEM": "256"}}, ImageMode.QUADRANT),
        ],
    )
    def test_what_suits(self, received: str, changes: dict[str, object], mode: ImageMode) -> None:
        found = facts(received, **changes)
        assert found.images is mode
        assert found.images_why
        assert offered(found)[0] is mode

    def test_names_and_versions(self) -> None:
        assert has_placeholders("kitty(0.28.0)")
        assert not has_placeholders("kitty(0.27.1)")
        assert not has_placeholders("kitty")
        assert not has_placeholders("")


class TestTmux:
    OUTER = "3.3a\txterm-kitty\tkitty(0.41.1)\tbpaste,RGB,title\t1\nexternal\non\n"

    def concluded(self, said: str, received: str = KITTY) -> TerminalFacts:
        return facts(received, tmux=tmux_understood(said), term="tmux-256color")

    def test_kitty_through_tmux(self) -> None:
        found = self.concluded(self.OUTER, "\x1b_Gi=31;OK\x1b\\\x1bP>|tmux 3.3a\x1b\\" + DA1)
        assert (found.images, found.depth, found.remedies) == (ImageMode.KITTY, ColourDepth.TRUE, ())

    def test_what_to_write_into_tmux_conf(self) -> None:
        closed = self.concluded(self.OUTER.replace("\non\n", "\noff\n"), DA1)
        assert (closed.images, closed.remedies) == (ImageMode.QUADRANT, (PASSTHROUGH,))
        pale = self.concluded(self.OUTER.replace("RGB,", ""))
        assert pale.images is ImageMode.QUADRANT
        assert pale.remedies == ("set -as terminal-features ',xterm-kitty:RGB'",)

    def test_an_old_kitty_around_it(self) -> None:
        assert self.concluded(self.OUTER.replace("0.41.1", "0.26.5")).images is ImageMode.QUADRANT

    def test_without_utf8(self) -> None:
        found = self.concluded(self.OUTER.replace("\t1\n", "\t0\n"))
        assert (found.images, found.remedies) == (ImageMode.ASCII, ("tmux -u attach",))

    def test_tmux_that_does_not_answer(self) -> None:
        assert tmux_understood("") == Tmux()
        assert self.concluded("").images is ImageMode.QUADRANT

    def test_sixel_that_tmux_claims(self) -> None:
        said = "3.5a\txterm-256color\tXTerm(379)\t256,RGB,sixel\t1\nexternal\noff\n"
        assert self.concluded(said, SIXEL_DA1).images is ImageMode.QUADRANT

    @pytest.mark.parametrize("outer", ["XTerm(379)\tRGB,sixel", "iTerm2 3.6.5\tRGB", "WezTerm 2024\tRGB"])
    def test_what_only_shows_pictures_without_tmux_is_told(self, outer: str) -> None:
        found = self.concluded(f"3.3a\txterm-256color\t{outer}\t1\nexternal\noff\n", DA1)
        assert found.images is ImageMode.QUADRANT
        assert "only where no tmux" in found.images_why


def test_keys_typed_before_the_console_could_hear() -> None:
    found = key_events("a4?/\r\x1b[B\x1b\x03\x1b[99;9z")
    assert [event.key for event in found] == [
        *("a", "4", "question_mark", "slash", "enter", "down", "escape", "ctrl+c"),
    ]
    assert [event.character for event in found][:3] == ["a", "4", "?"]


def as_keys(sequence: str) -> list[tuple[str, str]]:
    """As Textual passes an unknown sequence on."""
    from textual._xterm_parser import XTermParser
    from textual.events import Key

    parser = XTermParser()
    events = [*parser.feed(sequence), *parser.feed("")]
    return [(event.key, event.character or "") for event in events if isinstance(event, Key)]


class TestLate:
    def test_answers_after_the_patience_are_no_keys(self) -> None:
        late = LateReplies(expected=True)
        for sequence in (
            "\x1bP>|kitty(0.41.1)\x1b\\",
            "\x1b_Gi=31;OK\x1b\\",
            "\x1b[6;20;10t",
            "\x1b[?62;4;22c",
        ):
            keys = as_keys(sequence)
            assert keys, sequence
            assert [key for key in keys if not late.takes(*key)] == [], sequence
        # The end mark has come: from now on everything is a key.
        assert not late.takes("alt+left_square_bracket", "[")

    def test_what_is_pressed_passes(self) -> None:
        late = LateReplies(expected=True)
        assert [key for key in as_keys("4?xc") if late.takes(*key)] == []

    def test_none_are_expected(self) -> None:
        late = LateReplies(expected=False)
        assert [key for key in as_keys("\x1b[?62;4;22c") if late.takes(*key)] == []
